import type { Db } from "mongodb";
import { userKey } from "../domain/user.ts";

/** That a user cannot send messages, by one decision: lifting it leaves what another said. */
interface MuteRow {
  /** `<app>/<user>/<decision>` */
  readonly _id: string;
  readonly app: string;
  readonly userId: string;
  readonly until: Date;
}

export interface MuteStore {
  put(app: string, userId: string, mute: { readonly decisionId: string; readonly until: number }): Promise<void>;
  remove(app: string, userId: string, decisionId: string): Promise<void>;
  removeAll(app: string, userId: string): Promise<void>;
  /** Until when each of these users is muted; who is not, is not in it. */
  findMuted(app: string, userIds: readonly string[], now: number): Promise<ReadonlyMap<string, number>>;
  ensureIndexes(): Promise<void>;
}

const keyOf = (app: string, userId: string, decisionId: string): string => `${userKey(app, userId)}/${decisionId}`;

export function mongoMuteStore(db: Db): MuteStore {
  const mutes = db.collection<MuteRow>("mutes");
  return {
    async put(app, userId, { decisionId, until }) {
      const _id = keyOf(app, userId, decisionId);
      await mutes.replaceOne({ _id }, { app, userId, until: new Date(until) }, { upsert: true });
    },
    async remove(app, userId, decisionId) {
      await mutes.deleteOne({ _id: keyOf(app, userId, decisionId) });
    },
    async removeAll(app, userId) {
      await mutes.deleteMany({ app, userId });
    },
    async findMuted(app, userIds, now) {
      const filter = { app, userId: { $in: [...userIds] }, until: { $gt: new Date(now) } };
      const rows = await mutes.find(filter, { projection: { _id: 0, userId: 1, until: 1 } }).toArray();
      const muted = new Map<string, number>();
      for (const { userId, until } of rows) muted.set(userId, Math.max(until.getTime(), muted.get(userId) ?? 0));
      return muted;
    },
    async ensureIndexes() {
      // Nobody is mostly in it, and the index alone says so.
      await mutes.createIndex({ app: 1, userId: 1, until: 1 });
      await mutes.createIndex({ until: 1 }, { expireAfterSeconds: 0 });
    },
  };
}
