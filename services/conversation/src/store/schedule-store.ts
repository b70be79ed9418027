import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { messageKey } from "../domain/message.ts";
import { type ScheduleProgress, ScheduleRow, sendingId } from "../domain/schedule.ts";

export interface ScheduleStore {
  /** Whether there is one under this key, also one that is done with. */
  has(key: string): Promise<boolean>;
  /**
   * The commands that send messages of these ids on behalf of schedules, by the key of the message: also of schedules
   * that are done with. Ids that no schedule has are absent.
   */
  findSendings(
    app: string,
    messageIds: readonly string[],
  ): Promise<readonly (readonly [key: string, command: string])[]>;
  /** Inserts a schedule, or leaves the one that the same command made before; false when another has an id of its messages. */
  insertNew(row: ScheduleRow): Promise<boolean>;
  /** The schedule that is due longest, now held by `holder` for `leaseMs`; null when none is due. */
  claimDue(holder: string, leaseMs: number): Promise<ScheduleRow | null>;
  /** Moves a schedule on; false when somebody else has claimed it meanwhile. */
  moveOn(id: string, holder: string, progress: ScheduleProgress): Promise<boolean>;
  /** Gives back a schedule, to be claimed again after `delayMs`. */
  release(id: string, holder: string, delayMs: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** How long a schedule that is done with is remembered, so that its command does nothing should it come again. */
const KEPT_SECONDS = 7 * 86_400;

const Holders = z.array(ScheduleRow.pick({ by: true, messageIds: true }));

/** A lease lost with the database's last moments is taken again: it need not wait for the disk. */
const LIGHT = { writeConcern: { w: 1 } } as const;

export function mongoScheduleStore(db: Db): ScheduleStore {
  const schedules = db.collection<ScheduleRow>("scheduled_messages");
  const has = async (_id: string): Promise<boolean> =>
    (await schedules.findOne({ _id }, { projection: { _id: 1 } })) !== null;
  return {
    has,
    async findSendings(app, messageIds) {
      const rows = await schedules
        .find({ app, messageIds: { $in: [...messageIds] } }, { projection: { _id: 0, by: 1, messageIds: 1 } })
        .toArray();
      return Holders.parse(rows).flatMap(({ by, messageIds: held }) =>
        held.map((messageId, index) => [messageKey(app, messageId), sendingId(by, index)] as const),
      );
    },
    async insertNew(row) {
      try {
        await schedules.insertOne({ ...row });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return has(row._id);
      }
    },
    async claimDue(holder, leaseMs) {
      const now = Date.now();
      const row = await schedules.findOneAndUpdate(
        { dueAt: { $gt: 0, $lte: now } },
        { $set: { holder, dueAt: now + leaseMs } },
        { sort: { dueAt: 1 }, returnDocument: "after", ...LIGHT },
      );
      return row && ScheduleRow.parse(row);
    },
    async moveOn(_id, holder, progress) {
      const done = { messages: [], endedAt: new Date() };
      const { matchedCount } = await schedules.updateOne(
        { _id, holder },
        { $set: { ...progress, ...(progress.dueAt === null ? done : {}) } },
      );
      return matchedCount === 1;
    },
    async release(_id, holder, delayMs) {
      await schedules.updateOne({ _id, holder }, { $set: { dueAt: Date.now() + delayMs } }, LIGHT);
    },
    async ensureIndexes() {
      await schedules.createIndex({ dueAt: 1 }, { name: "due", partialFilterExpression: { dueAt: { $gt: 0 } } });
      await schedules.createIndex({ app: 1, messageIds: 1 }, { name: "messages", unique: true });
      await schedules.createIndex({ endedAt: 1 }, { name: "ended", expireAfterSeconds: KEPT_SECONDS });
    },
  };
}
