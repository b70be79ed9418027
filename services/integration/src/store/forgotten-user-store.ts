import type { Db } from "mongodb";

interface ForgottenUser {
  /** `<app>/<user id>` */
  readonly _id: string;
  /** When she was deleted, the last time. */
  readonly at: number;
  /** Until when that is remembered. */
  readonly until: Date;
}

/** Who was deleted, and when: for as long as what is known of a call. */
export interface ForgottenUserStore {
  /** She was deleted; whoever writes about her from now on finds that. Only ever later. */
  add(app: string, userId: string, at: number): Promise<void>;
  /** Whether she was deleted at a time or later. */
  isForgottenSince(app: string, userId: string, at: number): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

/** An event that is later than this is one that somebody puts back by hand. */
const KEPT_MS = 30 * 86_400_000;

const forgottenKey = (app: string, userId: string): string => `${app}/${userId}`;

export function mongoForgottenUserStore(db: Db): ForgottenUserStore {
  const forgotten = db.collection<ForgottenUser>("forgotten_users");
  return {
    async add(app, userId, at) {
      const until = new Date(Date.now() + KEPT_MS);
      await forgotten.updateOne({ _id: forgottenKey(app, userId) }, { $max: { at, until } }, { upsert: true });
    },
    async isForgottenSince(app, userId, at) {
      return (await forgotten.countDocuments({ _id: forgottenKey(app, userId), at: { $gte: at } })) > 0;
    },
    async ensureIndexes() {
      await forgotten.createIndex({ until: 1 }, { name: "until", expireAfterSeconds: 0 });
    },
  };
}
