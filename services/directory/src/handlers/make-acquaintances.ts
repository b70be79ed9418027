import type { ConversationCreated, ParticipantsChanged, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { acquaintancesOf, type Following } from "../domain/following.ts";
import type { FollowingStore } from "../store/following-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly followings: FollowingStore;
}

interface Meeting {
  readonly newcomers: readonly string[];
  readonly participants: readonly string[];
  readonly at: number;
}

/** Everybody in a new conversation follows everybody else in it. */
export const makeAcquaintances =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ConversationCreated>>): Promise<Outcome<never>> => {
    const { participants, createdAt } = payload;
    await meet(deps, app, { newcomers: participants, participants, at: createdAt });
    return ack;
  };

/** Whoever comes into a conversation and whoever is in it follow each other; those who were there do already. */
export const acquaintNewcomers =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ParticipantsChanged>>): Promise<Outcome<never>> => {
    const { added, participants, at } = payload;
    await meet(deps, app, { newcomers: added, participants, at });
    return ack;
  };

/**
 * In pieces, since a large conversation makes a million rows, and as often as the event comes: the moment it carries makes
 * the rows the same. Who was deleted since that moment meets nobody.
 */
async function meet(
  { identities, followings }: Deps,
  app: string,
  { newcomers, participants, at }: Meeting,
): Promise<void> {
  // Somebody has only left.
  if (newcomers.length === 0) return;
  const everybody = [...new Set([...newcomers, ...participants])];
  const gone = new Set(await identities.findForgotten(app, everybody, at));
  const isHere = (userId: string): boolean => !gone.has(userId);
  const met: Iterable<Following> = acquaintancesOf({
    newcomers: newcomers.filter(isHere),
    participants: participants.filter(isHere),
  });
  await followings.acquaint(app, met, at);
  // Whoever is deleted now is removed from all followings after that is written down, so this sees her or those do.
  for (const one of await identities.findForgotten(app, everybody.filter(isHere), at)) {
    await followings.forget(app, one, at);
  }
}
