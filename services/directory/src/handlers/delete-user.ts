import { CountFlags, type DeleteUser, type EmptyReply, type PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { madeUuid } from "../domain/made-uuid.ts";
import { isKnownAt, type UserRow } from "../domain/user.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { DeletionStore } from "../store/deletion-store.ts";
import type { DecisionStore } from "../store/decision-store.ts";
import type { FlagStore } from "../store/flag-store.ts";
import type { FollowingStore } from "../store/following-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { ModeratedUserStore } from "../store/moderated-user-store.ts";
import type { MuteStore } from "../store/mute-store.ts";
import type { SessionStore } from "../store/session-store.ts";
import type { UserCountStore } from "../store/user-count-store.ts";
import type { UserRecordsStore } from "../store/user-records-store.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly counts: Pick<UserCountStore, "markDirty">;
  readonly blocks: BlockStore;
  readonly followings: FollowingStore;
  readonly flags: Pick<FlagStore, "forget">;
  readonly decisions: Pick<DecisionStore, "forget">;
  readonly moderatedUsers: Pick<ModeratedUserStore, "remove">;
  readonly mutes: Pick<MuteStore, "removeAll">;
  readonly sessions: Pick<SessionStore, "removeAll">;
  readonly deletions: Pick<DeletionStore, "begin" | "count" | "finish">;
  readonly userRecords: Pick<UserRecordsStore, "countAll">;
  readonly publisher: Publisher;
}

/**
 * Forgets a user. The tombstone comes first: whoever writes about her meanwhile either sees it afterwards and removes what
 * he wrote, or has written before it and is cleaned up after here. All of it is done again when the command comes again,
 * and only then told. How much there is is counted before anything goes: a count is not lost with the process that made it.
 */
export const deleteUser =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteUser>>): Promise<Outcome<EmptyReply>> => {
    const { identities, counts, blocks, followings, sessions, publisher } = deps;
    const { app, id, payload } = delivery;
    const { userId, at } = payload;
    const forgotten = await tombstoneOf(delivery);
    if (!forgotten) return refuse(new DomainError("not_found"));

    await counts.markDirty(app, [userId]);
    await sessions.removeAll(app, userId);
    await blocks.forget(app, userId);
    await followings.forget(app, userId, forgotten.forgottenAt);
    await forgetModeration(deps, delivery);
    await publisher.emit(
      UserDeleted,
      app,
      { userId, at },
      { id: `${id}.user-deleted`, cause: delivery, subjectVersion: forgotten.version },
    );
    await deps.deletions.finish({ app, userId, at }, "directory", Date.now());
    return ack;

    async function tombstoneOf({ sentAt }: typeof delivery): Promise<UserRow | null> {
      const user = await identities.find(app, userId);
      if (user?.changedBy === id) return user;
      if (!user || !isKnownAt(user, sentAt)) return null;
      await putOnRecord(deps, delivery, user);
      // Whatever was sent before this command was handed over is from before, also what bears no time of its own.
      return identities.forget(user, Math.max(at, sentAt.getTime()), id);
    }
  };

/** What is about to go, before it does. */
async function putOnRecord(
  { deletions, userRecords }: Pick<Deps, "deletions" | "userRecords">,
  { app, payload: { userId, at, by } }: Delivery<PayloadOf<typeof DeleteUser>>,
  { displayName, location, devices = [] }: UserRow,
): Promise<void> {
  const deletion = { app, userId, at };
  await deletions.begin(deletion, by ?? null);
  await deletions.count(deletion, "directory", {
    identities: displayName === undefined ? 0 : 1,
    locations: location === undefined ? 0 : 1,
    device_facts: devices.length,
    ...(await userRecords.countAll(app, userId)),
  });
}

/** Flags of her and by her, with what was decided about her, and who is counted anew without hers. */
async function forgetModeration(
  { flags, decisions, moderatedUsers, mutes, publisher }: Deps,
  cause: Delivery<PayloadOf<typeof DeleteUser>>,
): Promise<void> {
  const { app, id, payload } = cause;
  const { userId, at } = payload;
  await flags.forget(app, userId, async (flagged) => {
    for (const other of flagged) {
      await publisher.send(CountFlags, app, { userId: other, at }, { id: `${id}.count.${madeUuid(other)}`, cause });
    }
  });
  await decisions.forget(app, userId);
  await moderatedUsers.remove(app, userId);
  await mutes.removeAll(app, userId);
}
