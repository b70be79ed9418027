import type { RecipientChunk } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { announcementKey, below, chunkId } from "../domain/batch.ts";

interface ChunkRow {
  readonly _id: string;
  readonly users: readonly string[];
  readonly storedAt: Date;
}

/** Chunks of a partition `from` (included) to `to` (not included). */
export interface ChunkRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** The recipients of a long list as they came in, until they are batches. */
export interface ChunkStore {
  insertNew(app: string, announcementId: string, chunks: readonly RecipientChunk[]): Promise<void>;
  /** How many chunks of an announcement are stored. */
  count(app: string, announcementId: string): Promise<number>;
  /** The user ids of chunks of an announcement, by range and in order; throws where one is missing. */
  ranges(
    app: string,
    announcementId: string,
    ranges: readonly ChunkRange[],
  ): Promise<readonly (readonly (readonly string[])[])[]>;
  /** Removes those stored before `before`: what a caller who begins anew stores meanwhile stays. */
  removeOld(app: string, announcementId: string, before: number): Promise<void>;
}

export function mongoChunkStore(db: Db): ChunkStore {
  const chunks = db.collection<ChunkRow>("recipient_chunks");
  return {
    async insertNew(app, announcementId, rows) {
      const storedAt = new Date();
      const documents = rows.map(({ partition, chunk, userIds }) => ({
        _id: chunkId(app, announcementId, partition, chunk),
        users: userIds,
        storedAt,
      }));
      try {
        await chunks.insertMany(documents, { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    count: (app, announcementId) => chunks.countDocuments({ _id: below(announcementKey(app, announcementId)) }),
    async ranges(app, announcementId, ranges) {
      const ids = ranges.map(({ partition, from, to }) =>
        Array.from({ length: Math.max(0, to - from) }, (_, n) => chunkId(app, announcementId, partition, from + n)),
      );
      const rows = await chunks.find({ _id: { $in: ids.flat() } }).toArray();
      const users = new Map(rows.map((row) => [row._id, row.users]));
      return ids.map((own) =>
        own.map((id) => {
          const found = users.get(id);
          if (found === undefined) throw new Error(`chunk ${id} is not stored`);
          return found;
        }),
      );
    },
    async removeOld(app, announcementId, before) {
      const storedAt = { $lt: new Date(before) };
      await chunks.deleteMany({ _id: below(announcementKey(app, announcementId)), storedAt });
    },
  };
}
