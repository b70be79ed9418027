import type { RecipientChunk } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { announcementKey, below, chunkId } from "../domain/batch.ts";

interface ChunkRow {
  readonly _id: string;
  readonly users: readonly string[];
  readonly storedAt: Date;
}

/** The recipients of a long list as they came in, until they are batches. */
export interface ChunkStore {
  insertNew(app: string, announcementId: string, chunks: readonly RecipientChunk[]): Promise<void>;
  /** How many chunks of an announcement are stored. */
  count(app: string, announcementId: string): Promise<number>;
  /** The user ids of a partition's chunks `from` (included) to `to` (not included), in order. */
  range(
    app: string,
    announcementId: string,
    partition: number,
    from: number,
    to: number,
  ): Promise<readonly (readonly string[])[]>;
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
    async range(app, announcementId, partition, from, to) {
      const id = (chunk: number): string => chunkId(app, announcementId, partition, chunk);
      const rows = await chunks
        .find({ _id: { $gte: id(from), $lt: id(to) } })
        .sort({ _id: 1 })
        .toArray();
      if (rows.length !== to - from) throw new Error(`${id(from)}: ${rows.length} of ${to - from} chunks are stored`);
      return rows.map(({ users }) => users);
    },
    async removeOld(app, announcementId, before) {
      const storedAt = { $lt: new Date(before) };
      await chunks.deleteMany({ _id: below(announcementKey(app, announcementId)), storedAt });
    },
  };
}
