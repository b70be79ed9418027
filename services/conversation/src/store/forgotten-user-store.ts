import type { Db } from "mongodb";
import { z } from "zod";

const ForgottenUser = z.object({
  /** `<app>/<user id>` */
  _id: z.string(),
  user: z.string(),
  /** When she was deleted, the last time. */
  at: z.number(),
});
type ForgottenUser = z.infer<typeof ForgottenUser>;

/** Who was deleted, and when. Kept for good: a command from before that may be as late as it likes. */
export interface ForgottenUserStore {
  /** She was deleted; whoever writes about her from now on finds that. Only ever later. */
  add(app: string, userId: string, at: number): Promise<void>;
  /** Those of some users who were deleted at a time or later, with the time of it. */
  findSince(app: string, userIds: readonly string[], at: number): Promise<ReadonlyMap<string, number>>;
}

const forgottenKey = (app: string, userId: string): string => `${app}/${userId}`;

export function mongoForgottenUserStore(db: Db): ForgottenUserStore {
  const forgotten = db.collection<ForgottenUser>("forgotten_users");
  return {
    async add(app, user, at) {
      await forgotten.updateOne(
        { _id: forgottenKey(app, user) },
        { $max: { at }, $setOnInsert: { user } },
        { upsert: true },
      );
    },
    async findSince(app, userIds, at) {
      if (userIds.length === 0) return new Map();
      const keys = userIds.map((userId) => forgottenKey(app, userId));
      const rows = await forgotten.find({ _id: { $in: keys }, at: { $gte: at } }).toArray();
      return new Map(rows.map((row) => ForgottenUser.parse(row)).map((row) => [row.user, row.at]));
    },
  };
}
