import { type Change, FindFollowed, GetUser, type Identity } from "@strata/contracts";
import type { Call, SettingsCache } from "@strata/doors";
import {
  clientIdentityView,
  createPacket,
  deletePacket,
  identityObject,
  identitySeenBy,
  setValue,
  updatePacket,
} from "@strata/layer-protocol";
import type { PacketsFor, ToldChange } from "./packets.ts";

/** What happened to whom a user follows, or to whether she does. */
export type IdentityChange = Extract<Change, { kind: "identity-changed" | "following-changed" }>;

interface Deps {
  readonly settings: Pick<SettingsCache, "of">;
}

/** What a change of a profile sets: all that can be in it, each by its own path. */
const PROFILE = [
  "display_name",
  "avatar_url",
  "first_name",
  "last_name",
  "phone_number",
  "email_address",
  "public_key",
  "metadata",
] as const;

/** Of one question. */
const MAX_USERS = 1_000;

/** Tells one change of identities to each receiver as the app's settings let her see others. */
export async function tellIdentity(call: Call, told: ToldChange<IdentityChange>, { settings }: Deps, tell: PacketsFor) {
  const visibility = await settings.of(call);
  const { change } = told;
  const viewFor = (viewer: string, userId: string, identities: ReadonlyMap<string, Identity | null>) => {
    const identity = identities.get(userId) ?? null;
    return clientIdentityView(call.wire, userId, identity && identitySeenBy(viewer, userId, identity, visibility));
  };
  const objectOf = (userId: string) => identityObject(call.wire.baseUrl, userId);

  if (change.kind === "identity-changed") {
    const identities = await identitiesOf(call, [change.userId]);
    for (const viewer of told.userIds) {
      const packets = [...identities.keys()].map((userId) => {
        const view = viewFor(viewer, userId, identities);
        return updatePacket(
          objectOf(userId),
          PROFILE.map((field) => setValue(field, view[field])),
        );
      });
      tell(told, viewer, packets);
    }
    return;
  }
  // Whom she follows by now, whatever she did then: told in another order, changes leave her with the same list.
  const named = [...new Set([...change.followed, ...change.unfollowed])];
  for (const viewer of told.userIds) {
    const followed = await followedBy(call, viewer, named);
    const identities = await identitiesOf(
      call,
      named.filter((userId) => followed.has(userId)),
    );
    tell(told, viewer, [
      ...[...identities.keys()].map((userId) => createPacket(objectOf(userId), viewFor(viewer, userId, identities))),
      ...named.filter((userId) => !followed.has(userId)).map((userId) => deletePacket(objectOf(userId), null)),
    ]);
  }
}

async function followedBy(call: Call, userId: string, named: readonly string[]): Promise<ReadonlySet<string>> {
  const all = new Set<string>();
  for (let start = 0; start < named.length; start += MAX_USERS) {
    const userIds = named.slice(start, start + MAX_USERS);
    const { followed } = await call.calls.ask(FindFollowed, { userId, userIds });
    for (const one of followed) all.add(one);
  }
  return all;
}

/** Of those who are there; null where one has no profile. */
async function identitiesOf(call: Call, userIds: readonly string[]): Promise<ReadonlyMap<string, Identity | null>> {
  const identities = new Map<string, Identity | null>();
  for (const userId of userIds) {
    const { user } = await call.calls.ask(GetUser, { userId });
    if (user !== null) identities.set(userId, user.identity);
  }
  return identities;
}
