import { Millis, UserId } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { type Following, followingKey, type FollowingStep, inPieces } from "../domain/following.ts";

/**
 * One user and one whom she follows, or did. Times only go up, so whatever comes again or late changes nothing; `by` is
 * the command that last turned it, by which a redelivery knows what it did.
 */
const FollowingRow = z.object({
  _id: z.string(),
  app: z.string(),
  user: UserId,
  followed: UserId,
  followedAt: Millis,
  unfollowedAt: Millis,
  /** followedAt > unfollowedAt; stored, so that an index counts it. */
  isFollowing: z.boolean(),
  by: z.string().optional(),
});
type FollowingRow = z.infer<typeof FollowingRow>;

export interface FollowingStore {
  /** A user's own steps, at this time. */
  take(app: string, steps: readonly FollowingStep[], at: number, by: string): Promise<void>;
  /** What this command turned, of all that it names. */
  turnedBy(app: string, steps: readonly FollowingStep[], by: string): Promise<readonly FollowingStep[]>;
  /** These follow each other since this time, whatever was before it. */
  acquaint(app: string, followings: Iterable<Following>, at: number): Promise<void>;
  isFollowing(app: string, following: Following): Promise<boolean>;
  /** Whom a user follows, from behind `after`, in the order of user ids. */
  list(app: string, user: string, after: string | null, limit: number): Promise<readonly string[]>;
  count(app: string, user: string): Promise<number>;
  /** Which of these a user follows. */
  followedAmong(app: string, user: string, others: readonly string[]): Promise<readonly string[]>;
  /** Who follows a user, from behind `after`, in the order of user ids. */
  followersOf(app: string, followed: string, after: string | null, limit: number): Promise<readonly string[]>;
  /** Removes a user from both sides, as far as it is no news from after this time. */
  forget(app: string, userId: string, until: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** Rows per write: the bound on memory. */
const WRITE_SIZE = 1_000;

export function mongoFollowingStore(db: Db): FollowingStore {
  const followings = db.collection<FollowingRow>("followings");

  /** Inserts what is not there yet, and answers the keys of what was there, or has come meanwhile. */
  const insertMissing = async (app: string, piece: readonly Following[], at: number): Promise<readonly string[]> => {
    const rows = piece.map((following) => acquaintance(app, following, at));
    const ids = rows.map(({ _id }) => _id);
    const known = await followings.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    const there = new Set(known.map(({ _id }) => _id));
    const missing = rows.filter(({ _id }) => !there.has(_id));
    try {
      if (missing.length > 0) await followings.insertMany(missing, { ordered: false });
      return [...there];
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return ids;
    }
  };

  return {
    async take(app, steps, at, by) {
      for (const piece of inPieces(steps, WRITE_SIZE)) {
        const updates = piece.map((step) => ({
          updateOne: { filter: { _id: followingKey(app, step) }, update: turning(app, step, at, by), upsert: true },
        }));
        await followings.bulkWrite(updates, { ordered: false });
      }
    },
    async turnedBy(app, steps, by) {
      const ids = steps.map((step) => followingKey(app, step));
      const rows = await followings.find({ _id: { $in: ids }, by }).toArray();
      return rows
        .map((row) => FollowingRow.parse(row))
        .map(({ user, followed, isFollowing }) => ({ kind: isFollowing ? "follow" : "unfollow", user, followed }));
    },
    async acquaint(app, all, at) {
      for (const piece of inPieces(all, WRITE_SIZE)) {
        const there = await insertMissing(app, piece, at);
        if (there.length === 0) continue;
        await followings.updateMany({ _id: { $in: [...there] }, followedAt: { $lt: at } }, [
          { $set: { followedAt: at, isFollowing: { $gt: [at, "$unfollowedAt"] } } },
          // It is no longer what a command of her own has made of it.
          { $unset: "by" },
        ]);
      }
    },
    async isFollowing(app, following) {
      return (await followings.findOne({ _id: followingKey(app, following) }))?.isFollowing ?? false;
    },
    async list(app, user, after, limit) {
      const rows = await followings
        .find({ app, user, isFollowing: true, ...(after === null ? {} : { followed: { $gt: after } }) })
        .project({ _id: 0, followed: 1 })
        .sort({ followed: 1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => FollowingRow.shape.followed.parse(row["followed"]));
    },
    count: (app, user) => followings.countDocuments({ app, user, isFollowing: true }),
    async followedAmong(app, user, others) {
      const ids = others.map((followed) => followingKey(app, { user, followed }));
      const rows = await followings
        .find({ _id: { $in: ids }, isFollowing: true })
        .project({ _id: 0, followed: 1 })
        .toArray();
      return rows.map((row) => FollowingRow.shape.followed.parse(row["followed"]));
    },
    async followersOf(app, followed, after, limit) {
      const rows = await followings
        .find({ app, followed, isFollowing: true, ...(after === null ? {} : { user: { $gt: after } }) })
        .project({ _id: 0, user: 1 })
        .sort({ user: 1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => FollowingRow.shape.user.parse(row["user"]));
    },
    async forget(app, userId, until) {
      const old = { followedAt: { $lte: until }, unfollowedAt: { $lte: until } };
      await followings.deleteMany({ app, user: userId, ...old });
      await followings.deleteMany({ app, followed: userId, ...old });
    },
    async ensureIndexes() {
      await followings.createIndex({ app: 1, user: 1, isFollowing: 1, followed: 1 });
      await followings.createIndex({ app: 1, followed: 1, isFollowing: 1, user: 1 });
    },
  };
}

const acquaintance = (app: string, { user, followed }: Following, at: number): FollowingRow => ({
  _id: followingKey(app, { user, followed }),
  app,
  user,
  followed,
  followedAt: at,
  unfollowedAt: 0,
  isFollowing: true,
});

/** An update that turns a row only if this step is the latest there is. User ids are literals: one may begin with `$`. */
function turning(app: string, { kind, user, followed }: FollowingStep, at: number, by: string) {
  const time = kind === "follow" ? "followedAt" : "unfollowedAt";
  const was = { $ifNull: ["$isFollowing", false] };
  return [
    {
      $set: {
        app: { $literal: app },
        user: { $literal: user },
        followed: { $literal: followed },
        followedAt: { $ifNull: ["$followedAt", 0] },
        unfollowedAt: { $ifNull: ["$unfollowedAt", 0] },
      },
    },
    { $set: { [time]: { $max: [`$${time}`, at] } } },
    {
      $set: {
        isFollowing: { $gt: ["$followedAt", "$unfollowedAt"] },
        by: { $cond: [{ $ne: [was, { $gt: ["$followedAt", "$unfollowedAt"] }] }, { $literal: by }, "$by"] },
      },
    },
  ];
}
