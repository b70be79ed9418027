import { randomUUID } from "node:crypto";
import type { Db } from "mongodb";
import { z } from "zod";
import type { Closable } from "./closing.ts";
import { workOffDue } from "./due-work.ts";
import type { Logger } from "./logger.ts";

/** Removes what a service keeps of apps that are gone for good. */
export interface AppPurges extends Closable {
  /** Has an app's rows removed, by whichever replica; durable when this resolves. Again, it changes nothing. */
  begin(app: string): Promise<void>;
}

interface Options {
  readonly db: Db;
  readonly log: Logger;
  /** Collections whose rows of an app stay, or are removed by `also`. */
  readonly kept?: readonly string[];
  /** What else there is to remove, before the rows; done again when a process dies over it. */
  readonly also?: (app: string) => Promise<void>;
  readonly everyMs?: number;
}

const PurgeRow = z.object({
  /** The app. */
  _id: z.string(),
  /** When it is to be taken on, and while somebody removes a slice, the end of the lease. */
  dueAt: z.number(),
  holder: z.string(),
});
type PurgeRow = z.infer<typeof PurgeRow>;

const PURGES = "app_purges";
/** It is seldom, and nobody waits. */
const EVERY_MS = 5_000;
const SLICE = 2_000;
/** A slice takes milliseconds; one whose process was killed is taken up again after this. */
const LEASE_MS = 30_000;

/**
 * Whatever is of an app has an `_id` that is the app's or begins with it (`<app>/…`), so one range of the primary key of each
 * collection is all there is. Slice by slice, and the row that says that it is to be done goes last: killed anywhere, the
 * next turn removes what is left.
 */
export function startAppPurges({ db, log, kept = [], also, everyMs = EVERY_MS }: Options): AppPurges {
  const purges = db.collection<PurgeRow>(PURGES);
  const stay = new Set([PURGES, ...kept]);

  const hold = async ({ _id, holder }: PurgeRow): Promise<boolean> =>
    (await purges.updateOne({ _id, holder }, { $set: { dueAt: Date.now() + LEASE_MS } })).matchedCount === 1;

  async function work(row: PurgeRow, closing: AbortSignal): Promise<void> {
    const { _id: app, holder } = row;
    await also?.(app);
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      if (stay.has(name) || name.startsWith("system.")) continue;
      while (await removeSlice(db, name, app)) if (closing.aborted || !(await hold(row))) return;
    }
    await purges.deleteOne({ _id: app, holder });
    log.info("an app's rows are removed", { app });
  }

  async function claim(): Promise<PurgeRow | null> {
    const now = Date.now();
    const change = { $set: { holder: randomUUID(), dueAt: now + LEASE_MS } };
    const row = await purges.findOneAndUpdate({ dueAt: { $lte: now } }, change, { returnDocument: "after" });
    return row && PurgeRow.parse(row);
  }

  const working = workOffDue({ everyMs, workers: 1, claim, work, log });
  return {
    async begin(app) {
      await purges.updateOne({ _id: app }, { $setOnInsert: { dueAt: Date.now(), holder: "" } }, { upsert: true });
    },
    close: () => working.close(),
  };
}

/** Whether there may be more. */
async function removeSlice(db: Db, collection: string, app: string): Promise<boolean> {
  const rows = db.collection<{ _id: string }>(collection);
  // "0" comes behind "/": the range is the app's own id, and all that begins with it and a slash.
  const found = await rows
    .find({ _id: { $gte: app, $lt: `${app}0` } }, { projection: { _id: 1 }, limit: SLICE })
    .toArray();
  if (found.length > 0) await rows.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } });
  return found.length === SLICE;
}
