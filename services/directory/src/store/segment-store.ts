import { Segment } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** A deleted segment stays as its key and version, so that nothing from before brings it back. */
const DeletedRow = z.object({ _id: z.string(), app: z.string(), version: z.number().int(), deletedAt: z.number() });
const SegmentRow = Segment.extend({
  _id: z.string(),
  app: z.string(),
  /** The command that made it, by which a redelivery knows its own row. */
  by: z.string(),
});
type SegmentDocument =
  | (z.infer<typeof SegmentRow> & { changedBy: string[] })
  | (z.infer<typeof DeletedRow> & { by?: string; changedBy: string[] });

export type Insertion =
  | { readonly kind: "stored"; readonly segment: Segment }
  /** Null: it was deleted since. */
  | { readonly kind: "in-use"; readonly segment: Segment | null }
  | { readonly kind: "name-taken" };

type Change = { readonly name?: string | undefined; readonly filter?: Segment["filter"] | undefined };

export interface SegmentStore {
  insert(app: string, segment: Segment, by: string): Promise<Insertion>;
  /** Changes it once for each command; null when it is not there. */
  change(
    app: string,
    segmentId: string,
    change: Change,
    at: number,
    by: string,
  ): Promise<Segment | null | "name-taken">;
  /** Its last version; null when it is not there, and was not deleted by this command. */
  delete(app: string, segmentId: string, at: number, by: string): Promise<number | null>;
  find(app: string, segmentId: string): Promise<Segment | null>;
  /** By name, from behind this one. */
  list(app: string, after: string | null, limit: number): Promise<readonly Segment[]>;
  count(app: string): Promise<number>;
  ensureIndexes(): Promise<void>;
}

/** They come in no order, so one that comes again must not go over a later one. Far more than could lie in between. */
const CHANGES_REMEMBERED = 50;

const key = (app: string, segmentId: string): string => `${app}/${segmentId}`;
const isThere = { name: { $exists: true } } as const;
const remembering = (by: string) => ({ changedBy: { $each: [by], $slice: -CHANGES_REMEMBERED } });

export function mongoSegmentStore(db: Db): SegmentStore {
  const segments = db.collection<SegmentDocument>("segments");

  const find = async (app: string, segmentId: string) => {
    const row = await segments.findOne({ _id: key(app, segmentId), ...isThere });
    return row && Segment.parse(row);
  };

  return {
    find,
    async insert(app, segment, by) {
      const _id = key(app, segment.segmentId);
      try {
        await segments.insertOne({ _id, app, ...segment, by, changedBy: [] });
        return { kind: "stored", segment };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const row = await segments.findOne({ _id });
        if (!row) return { kind: "name-taken" };
        const stored = "name" in row ? Segment.parse(row) : null;
        return stored && row.by === by ? { kind: "stored", segment: stored } : { kind: "in-use", segment: stored };
      }
    },
    async change(app, segmentId, { name, filter }, at, by) {
      const set = {
        ...(name === undefined ? {} : { name }),
        ...(filter === undefined ? {} : { filter }),
        updatedAt: at,
      };
      try {
        const changed = await segments.findOneAndUpdate(
          { _id: key(app, segmentId), ...isThere, changedBy: { $ne: by } },
          { $set: set, $inc: { version: 1 }, $push: remembering(by) },
          { returnDocument: "after" },
        );
        return changed ? Segment.parse(changed) : await find(app, segmentId);
      } catch (error) {
        if (isDuplicateKey(error)) return "name-taken";
        throw error;
      }
    },
    async delete(app, segmentId, at, by) {
      const _id = key(app, segmentId);
      const deleted = await segments.findOneAndUpdate(
        { _id, ...isThere },
        {
          $set: { deletedAt: at },
          $unset: { name: true, filter: true, createdAt: true, updatedAt: true, segmentId: true },
          $inc: { version: 1 },
          $push: remembering(by),
        },
        { returnDocument: "after" },
      );
      const row = deleted ?? (await segments.findOne({ _id, deletedAt: { $exists: true }, changedBy: by }));
      return row && DeletedRow.parse(row).version;
    },
    async list(app, after, limit) {
      const filter = { app, name: after === null ? { $exists: true } : { $gt: after } };
      const rows = await segments.find(filter).sort({ name: 1 }).limit(limit).toArray();
      return rows.map((row) => Segment.parse(row));
    },
    count: (app) => segments.countDocuments({ app, ...isThere }),
    async ensureIndexes() {
      await segments.createIndex({ app: 1, name: 1 }, { unique: true, partialFilterExpression: isThere });
    },
  };
}
