import {
  type ChangeFollowing,
  compareUserIds,
  type EmptyReply,
  FollowingChanged,
  type PayloadOf,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { FollowingStep } from "../domain/following.ts";
import { isKnownAt } from "../domain/user.ts";
import type { FollowingStore } from "../store/following-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import { makeKnown } from "./make-known.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly followings: FollowingStore;
  readonly publisher: Publisher;
}

/**
 * A user's own steps: whom she follows becomes known, and what really turned is told. The rows remember who turned them, so
 * a command that comes again tells the same.
 */
export const changeFollowing =
  ({ identities, followings, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeFollowing>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload, sentAt } = delivery;
    const { userId, follow, at } = payload;
    const user = await identities.find(app, userId);
    if (!user || !isKnownAt(user, sentAt)) return refuse(new DomainError("not_found"));

    const steps = stepsOf(payload);
    await makeKnown({ identities, publisher }, delivery, follow, at);
    await followings.take(app, steps, at, id);
    // Whoever is deleted now is removed from all followings after that is written down, so this sees her or those do.
    const forgotten = await identities.findForgotten(app, follow, at);
    for (const one of forgotten) await followings.forget(app, one, at);

    const turned = await followings.turnedBy(app, steps, id);
    if (turned.length === 0) return ack;
    const changes = { followed: namesOf(turned, "follow"), unfollowed: namesOf(turned, "unfollow") };
    await publisher.emit(
      FollowingChanged,
      app,
      { userId, ...changes, at },
      { id: `${id}.following-changed`, cause: delivery },
    );
    return ack;
  };

/** Who is named on both sides is unfollowed: two steps of one moment, of which the last holds. */
function stepsOf({ userId, follow, unfollow }: PayloadOf<typeof ChangeFollowing>): readonly FollowingStep[] {
  const ends = new Set(unfollow);
  return [
    ...[...new Set(follow)]
      .filter((followed) => !ends.has(followed))
      .map((followed) => ({ kind: "follow" as const, user: userId, followed })),
    ...[...ends].map((followed) => ({ kind: "unfollow" as const, user: userId, followed })),
  ];
}

/** In one order, whatever order the rows were read in: an event that comes again is the same. */
const namesOf = (steps: readonly FollowingStep[], kind: FollowingStep["kind"]): string[] =>
  steps
    .filter((step) => step.kind === kind)
    .map(({ followed }) => followed)
    .toSorted(compareUserIds);
