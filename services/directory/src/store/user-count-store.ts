import { randomUUID } from "node:crypto";
import { PARTITIONS, partitionOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/**
 * How many users an app has, per partition: derived from the rows and never added to. A changed partition is marked before
 * its command is acknowledged, and counted again by whoever asks next, so that the answer equals the rows.
 */
export interface UserCountStore {
  /** The partitions of these users have others than before. */
  markDirty(app: string, userIds: readonly string[]): Promise<void>;
  /**
   * Users are about to become known by a write that would not notice, when it is repeated, that it had been done. Until
   * `close` their partitions are counted every time; what fails in between only leaves that so.
   */
  open(app: string, userIds: readonly string[]): Promise<Opening>;
  close(opening: Opening): Promise<void>;
  /** Exactly everyone whose command is acknowledged. */
  count(app: string): Promise<number>;
}

export interface Opening {
  readonly app: string;
  readonly token: string;
  readonly partitions: readonly number[];
}

/** One row for each app; keys are partitions. */
interface Row {
  readonly _id: string;
  readonly counts?: Readonly<Record<string, number>>;
  /** A partition whose number is old, each time with another mark. */
  readonly dirty?: Readonly<Record<string, string>>;
  /** Partitions that are being written, by opening. */
  readonly opened?: Readonly<Record<string, readonly number[]>>;
}

const CountReply = z.object({ n: z.number() });
const COUNTED_AT_ONCE = 4;

const marks = (partitions: readonly number[]) => {
  const mark = randomUUID();
  return Object.fromEntries(partitions.map((partition) => [`dirty.${partition}`, mark]));
};

export function mongoUserCountStore(db: Db): UserCountStore {
  const rows = db.collection<Row>("user_counts");

  const countRows = async (app: string, partition: number): Promise<number> =>
    CountReply.parse(await db.command({ count: "identities", query: { app, partition } })).n;

  /** A mark that came meanwhile stays, and so does its partition's turn; a number is never stored over a clean one. */
  const store = async (app: string, partition: number, mark: string | undefined, n: number): Promise<void> => {
    const [count, dirty] = [`counts.${partition}`, `dirty.${partition}`];
    if (mark === undefined) {
      const unmarked = { _id: app, [dirty]: { $exists: false }, [count]: { $exists: false } };
      const counted = { $set: { [count]: n } };
      await rows.updateOne(unmarked, counted, { upsert: true }).catch(async (error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
        // There is a row by now, of another partition or of a mark.
        await rows.updateOne(unmarked, counted);
      });
      return;
    }
    const cleaned = await rows.updateOne(
      { _id: app, [dirty]: mark },
      { $set: { [count]: n }, $unset: { [dirty]: "" } },
    );
    if (cleaned.matchedCount === 0) {
      await rows.updateOne({ _id: app, [dirty]: { $exists: true } }, { $set: { [count]: n } });
    }
  };

  return {
    async markDirty(app, userIds) {
      if (userIds.length === 0) return;
      await rows.updateOne({ _id: app }, { $set: marks(partitionsOf(userIds)) }, { upsert: true });
    },
    async open(app, userIds) {
      const opening = { app, token: randomUUID(), partitions: partitionsOf(userIds) };
      await rows.updateOne(
        { _id: app },
        { $set: { [`opened.${opening.token}`]: opening.partitions } },
        { upsert: true },
      );
      return opening;
    },
    async close({ app, token, partitions }) {
      await rows.updateOne({ _id: app }, { $set: marks(partitions), $unset: { [`opened.${token}`]: "" } });
    },
    async count(app) {
      const { counts = {}, dirty = {}, opened = {} } = (await rows.findOne({ _id: app })) ?? {};
      const underWay = new Set(Object.values(opened).flat());
      const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
      const stale = all.filter((one) => dirty[one] !== undefined || counts[one] === undefined || underWay.has(one));
      const fresh = new Map<number, number>();
      const countNext = async (): Promise<void> => {
        for (let partition = stale.pop(); partition !== undefined; partition = stale.pop()) {
          const n = await countRows(app, partition);
          fresh.set(partition, n);
          if (!underWay.has(partition)) await store(app, partition, dirty[partition], n);
        }
      };
      await Promise.all(Array.from({ length: COUNTED_AT_ONCE }, countNext));
      return all.reduce((sum, partition) => sum + (fresh.get(partition) ?? counts[partition] ?? 0), 0);
    },
  };
}

const partitionsOf = (userIds: readonly string[]): readonly number[] => [...new Set(userIds.map(partitionOf))];
