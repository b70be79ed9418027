import { type DeleteUser, type EmptyReply, type PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { isKnownAt, type UserRow } from "../domain/user.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { FlagStore } from "../store/flag-store.ts";
import type { FollowingStore } from "../store/following-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { SessionStore } from "../store/session-store.ts";
import type { UserCountStore } from "../store/user-count-store.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly counts: Pick<UserCountStore, "markDirty">;
  readonly blocks: BlockStore;
  readonly followings: FollowingStore;
  readonly flags: Pick<FlagStore, "forget">;
  readonly sessions: Pick<SessionStore, "removeAll">;
  readonly publisher: Publisher;
}

/**
 * Forgets a user. The tombstone comes first: whoever writes about her meanwhile either sees it afterwards and removes what
 * he wrote, or has written before it and is cleaned up after here. All of it is done again when the command comes again,
 * and only then told.
 */
export const deleteUser =
  ({ identities, counts, blocks, followings, flags, sessions, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteUser>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload } = delivery;
    const { userId, at } = payload;
    const forgotten = await tombstoneOf(delivery);
    if (!forgotten) return refuse(new DomainError("not_found"));

    await counts.markDirty(app, [userId]);
    await sessions.removeAll(app, userId);
    await blocks.forget(app, userId);
    await followings.forget(app, userId, forgotten.forgottenAt);
    await flags.forget(app, userId);
    await publisher.emit(
      UserDeleted,
      app,
      { userId, at },
      { id: `${id}.user-deleted`, cause: delivery, subjectVersion: forgotten.version },
    );
    return ack;

    async function tombstoneOf({ sentAt }: typeof delivery): Promise<UserRow | null> {
      const user = await identities.find(app, userId);
      if (user?.changedBy === id) return user;
      if (!user || !isKnownAt(user, sentAt)) return null;
      // Whatever was sent before this command was handed over is from before, also what bears no time of its own.
      return identities.forget(user, Math.max(at, sentAt.getTime()), id);
    }
  };
