import { type Change, GetUser, type Identity } from "@strata/contracts";
import type { Call, SettingsCache } from "@strata/doors";
import {
  clientIdentityView,
  createPacket,
  deletePacket,
  identityObject,
  identitySeenBy,
  type Packet,
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

/** Tells one change of identities to each receiver as the app's settings let her see others. */
export async function tellIdentity(call: Call, told: ToldChange<IdentityChange>, { settings }: Deps, tell: PacketsFor) {
  const visibility = await settings.of(call);
  const { change } = told;
  const named = change.kind === "identity-changed" ? [change.userId] : change.followed;
  const identities = new Map<string, Identity | null>();
  for (const userId of named) {
    const { user } = await call.calls.ask(GetUser, { userId });
    if (user !== null) identities.set(userId, user.identity);
  }
  const viewFor = (viewer: string, userId: string) => {
    const identity = identities.get(userId) ?? null;
    return clientIdentityView(call.wire, userId, identity && identitySeenBy(viewer, userId, identity, visibility));
  };
  const objectOf = (userId: string) => identityObject(call.wire.baseUrl, userId);

  for (const viewer of told.userIds) {
    const packets: readonly Packet[] =
      change.kind === "identity-changed"
        ? [...identities.keys()].map((userId) => {
            const view = viewFor(viewer, userId);
            return updatePacket(
              objectOf(userId),
              PROFILE.map((field) => setValue(field, view[field])),
            );
          })
        : [
            ...[...identities.keys()].map((userId) => createPacket(objectOf(userId), viewFor(viewer, userId))),
            ...change.unfollowed.map((userId) => deletePacket(objectOf(userId), null)),
          ];
    tell(told, viewer, packets);
  }
}
