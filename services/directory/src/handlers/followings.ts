import type { FindFollowed, IsFollowing, ListFollowers, ListFollowing, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { FollowingStore } from "../store/following-store.ts";
import type { IdentityStore } from "../store/identity-store.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly followings: FollowingStore;
}

export const isFollowing =
  ({ followings }: Pick<Deps, "followings">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof IsFollowing>>): Promise<Outcome<ReplyOf<typeof IsFollowing>>> => {
    const { userId: user, followed } = payload;
    return reply({ isFollowing: await followings.isFollowing(app, { user, followed }) });
  };

/** A page of whom a user follows, with their identities where asked and there. */
export const listFollowing =
  ({ identities, followings }: Deps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof ListFollowing>>): Promise<Outcome<ReplyOf<typeof ListFollowing>>> => {
    const { userId, after, limit, withIdentities } = payload;
    const [page, total] = await Promise.all([
      followings.list(app, userId, after, limit),
      followings.count(app, userId),
    ]);
    const found = withIdentities ? await identities.findMany(app, page) : [];
    const byUser = new Map(found.map((identity) => [identity.userId, identity]));
    return reply({ following: page.map((one) => ({ userId: one, identity: byUser.get(one) ?? null })), total });
  };

export const listFollowers =
  ({ followings }: Pick<Deps, "followings">) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof ListFollowers>>): Promise<Outcome<ReplyOf<typeof ListFollowers>>> => {
    const { userId, after, limit } = payload;
    return reply({ followers: [...(await followings.followersOf(app, userId, after, limit))] });
  };

export const findFollowed =
  ({ followings }: Pick<Deps, "followings">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof FindFollowed>>): Promise<Outcome<ReplyOf<typeof FindFollowed>>> =>
    reply({ followed: [...(await followings.followedAmong(app, payload.userId, payload.userIds))] });
