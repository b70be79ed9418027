import { Identity } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { commonPartitionOf, identityKey, type IdentityRow } from "../domain/identity.ts";

const StoredIdentity = Identity.extend({ _id: z.string(), app: z.string(), by: z.string() });

export interface IdentityStore {
  /** Inserts the rows whose users have no identity yet, and answers all of them by key, as they are stored. */
  insertOrFind(rows: ReadonlyMap<string, IdentityRow>): Promise<ReadonlyMap<string, IdentityRow>>;
  findMany(app: string, userIds: readonly string[]): Promise<readonly Identity[]>;
  /** Which of these users (none named twice) have no identity. */
  findUnknown(app: string, userIds: readonly string[]): Promise<readonly string[]>;
  ensureIndexes(): Promise<void>;
}

const Count = z.object({ n: z.number() });
const KnownUsers = z.object({ cursor: z.object({ firstBatch: z.array(z.object({ userId: z.string() })) }) });
const KnownKeys = z.object({ cursor: z.object({ firstBatch: z.array(z.object({ _id: z.string() })) }) });

export function mongoIdentityStore(db: Db): IdentityStore {
  const identities = db.collection<IdentityRow>("identities");

  /** The command itself in one round trip: a driver's cursor costs four times the processor time for the same answer. */
  const findBatch = (filter: object, projection: object, limit: number): Promise<unknown> =>
    db.command({ find: identities.collectionName, filter, projection, batchSize: limit, singleBatch: true });

  return {
    async insertOrFind(rows) {
      if (rows.size === 0) return rows;
      try {
        await identities.insertMany([...rows.values()], { ordered: false });
        return rows;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const stored = await identities.find({ _id: { $in: [...rows.keys()] } }).toArray();
        return new Map(stored.map((row) => [row._id, StoredIdentity.parse(row)]));
      }
    },
    async findMany(app, userIds) {
      const ids = userIds.map((userId) => identityKey(app, userId));
      const rows = await identities.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
      return rows.map((row) => Identity.parse(row));
    },
    async findUnknown(app, userIds) {
      if (userIds.length === 0) return [];
      const partition = commonPartitionOf(userIds);
      if (partition === null) {
        const ids = userIds.map((userId) => identityKey(app, userId));
        const reply = KnownKeys.parse(await findBatch({ _id: { $in: ids } }, { _id: 1 }, ids.length));
        const known = new Set(reply.cursor.firstBatch.map(({ _id }) => _id));
        return userIds.filter((_, index) => !known.has(ids[index] ?? ""));
      }
      // The fan-out asks by partition: its index holds shorter keys, answers without the documents, and lies on one
      // shard. Mostly everybody is known, and then a number says so, for half of what a list of them costs both sides.
      const filter = { app, partition, userId: { $in: userIds } };
      const { n } = Count.parse(await db.command({ count: identities.collectionName, query: filter }));
      if (n === userIds.length) return [];
      const reply = KnownUsers.parse(await findBatch(filter, { _id: 0, userId: 1 }, userIds.length));
      const known = new Set(reply.cursor.firstBatch.map(({ userId }) => userId));
      return userIds.filter((userId) => !known.has(userId));
    },
    async ensureIndexes() {
      await identities.createIndex({ app: 1, partition: 1, userId: 1 });
    },
  };
}
