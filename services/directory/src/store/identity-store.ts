import { compareUserIds, Identity } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { commonPartitionOf, type Filling, type NewIdentity } from "../domain/identity.ts";
import { regionOf } from "../domain/region.ts";
import { type identityFieldNames, namedUser, type UserDocument, userKey, UserRow } from "../domain/user.ts";
import type { UserCountStore } from "./user-count-store.ts";

/** What a command changes of a user; version and command are written with it. */
export interface UserChange {
  readonly set?: Partial<Pick<UserDocument, Changeable>>;
  readonly unset?: readonly (typeof identityFieldNames)[number][];
}
type Changeable =
  | (typeof identityFieldNames)[number]
  | "isSuspended"
  | "suspendedBy"
  | "sessionsEndedAt"
  | "firstSessionAt"
  | "externalUnread"
  | "identityDeletedAt";

export interface IdentityStore {
  /** Inserts users with these identities, and answers all of them by key, as they are stored; who is there already stays. */
  insertOrFind(identities: ReadonlyMap<string, NewIdentity>): Promise<ReadonlyMap<string, UserRow>>;
  /** Puts identities into rows without one, and answers these rows as they are stored then. */
  fill(fillings: readonly Filling[]): Promise<ReadonlyMap<string, UserRow>>;
  find(app: string, userId: string): Promise<UserRow | null>;
  /** The identities of these users; who has none is left out. */
  findMany(app: string, userIds: readonly string[]): Promise<readonly Identity[]>;
  /** Which of these users (none named twice) are not known. */
  findUnknown(app: string, userIds: readonly string[]): Promise<readonly string[]>;
  /** Since when each of these users is known, in their order; null for who is not. */
  findKnownSince(app: string, userIds: readonly string[]): Promise<readonly (number | null)[]>;
  /**
   * Makes known whoever is not, unless she was deleted at this time or later. Answers who is known since this very time,
   * now or when it was done before.
   */
  makeKnown(app: string, userIds: readonly string[], at: number): Promise<readonly string[]>;
  /** Writes a change upon the row as it was read. Throws when somebody else has changed it since: read it again. */
  change(row: UserRow, change: UserChange, by: string): Promise<UserRow>;
  /** Leaves nothing of a user but a tombstone that nothing from before `at` gets past. */
  forget(row: UserRow, at: number, by: string): Promise<UserRow>;
  /** Which of these users were deleted at this time or later; also who has come back since. */
  findForgotten(app: string, userIds: readonly string[], at: number): Promise<readonly string[]>;
  /** Who of these users is suspended. */
  findSuspended(app: string, userIds: readonly string[]): Promise<readonly string[]>;
  ensureIndexes(): Promise<void>;
}

/** Who is known, in order; with the time since when, so that it alone answers who is in an announcement to everyone. */
export const USERS_OF_PARTITION = { app: 1, partition: 1, userId: 1, createdAt: 1 } as const;

/** Where users are; who never said is not in it. By partition, so that a page of one looks at nobody else. */
export const PLACES_OF_PARTITION = { app: 1, partition: 1, "location.point": "2dsphere" } as const;

const Count = z.object({ n: z.number() });
const KnownUsers = z.object({ cursor: z.object({ firstBatch: z.array(z.object({ userId: z.string() })) }) });

export function mongoIdentityStore(db: Db, counts: Pick<UserCountStore, "open" | "close">): IdentityStore {
  const identities = db.collection<UserDocument>("identities");

  /** The command itself in one round trip: a driver's cursor costs four times the processor time for the same answer. */
  const findBatch = (filter: object, projection: object, limit: number): Promise<unknown> =>
    db.command({ find: identities.collectionName, filter, projection, batchSize: limit, singleBatch: true });

  const findByKeys = async (keys: readonly string[]): Promise<ReadonlyMap<string, UserRow>> => {
    const rows = await identities.find({ _id: { $in: [...keys] } }, { batchSize: keys.length + 1 }).toArray();
    return new Map(rows.map((row) => [row._id, UserRow.parse(row)]));
  };

  const findUnknown: IdentityStore["findUnknown"] = async (app, userIds) => {
    if (userIds.length === 0) return [];
    const partition = commonPartitionOf(userIds);
    if (partition === null) {
      const filter = { _id: { $in: userIds.map((userId) => userKey(app, userId)) }, userId: { $exists: true } };
      return withoutKnown(userIds, await findBatch(filter, { _id: 0, userId: 1 }, userIds.length));
    }
    // The fan-out asks by partition: its index holds shorter keys, answers without the documents, and lies on one
    // shard. Mostly everybody is known, and then a number says so, for half of what a list of them costs both sides.
    // Tombstones have no partition, so they are not among them.
    const filter = { app, partition, userId: { $in: userIds } };
    const { n } = Count.parse(await db.command({ count: identities.collectionName, query: filter }));
    if (n === userIds.length) return [];
    return withoutKnown(userIds, await findBatch(filter, { _id: 0, userId: 1 }, userIds.length));
  };

  /** False when some of them were there. */
  const insertedAll = async (rows: readonly UserDocument[]): Promise<boolean> => {
    try {
      await identities.insertMany([...rows], { ordered: false });
      return true;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return false;
    }
  };

  const insertOrRevive = async (named: readonly ReturnType<typeof namedUser>[], at: number): Promise<void> => {
    if (await insertedAll(named)) return;
    // Tombstones were in the way, or somebody who became known meanwhile, and then this changes nothing.
    const revivals = named.map(({ _id, userId, partition, createdAt }) => ({
      updateOne: {
        filter: { _id, userId: { $exists: false }, forgottenAt: { $lt: at } },
        update: { $set: { userId, partition, createdAt }, $inc: { version: 1 } },
      },
    }));
    await identities.bulkWrite(revivals, { ordered: false });
  };

  const findKnownAt = async (app: string, userIds: readonly string[], at: number): Promise<readonly string[]> => {
    const filter = { _id: { $in: userIds.map((userId) => userKey(app, userId)) }, createdAt: at };
    const rows = await identities.find(filter, { projection: { _id: 0, userId: 1 } }).toArray();
    return rows.flatMap(({ userId }) => userId ?? []).toSorted(compareUserIds);
  };

  return {
    async insertOrFind(wanted) {
      if (wanted.size === 0) return new Map();
      const documents = [...wanted.values()].map(documentOf);
      try {
        await identities.insertMany(documents, { ordered: false });
        return new Map(documents.map((document) => [document._id, UserRow.parse(document)]));
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return await findByKeys([...wanted.keys()]);
      }
    },
    async fill(fillings) {
      await identities.bulkWrite(fillings.map(fillingOf), { ordered: false });
      return findByKeys(fillings.map(({ row }) => row._id));
    },
    async find(app, userId) {
      const row = await identities.findOne({ _id: userKey(app, userId) });
      return row && UserRow.parse(row);
    },
    async findMany(app, userIds) {
      const ids = userIds.map((userId) => userKey(app, userId));
      const filter = { _id: { $in: ids }, displayName: { $exists: true } };
      const rows = await identities.find(filter, { batchSize: ids.length + 1 }).toArray();
      return rows.map((row) => Identity.parse(row));
    },
    findUnknown,
    async findKnownSince(app, userIds) {
      const filter = { _id: { $in: userIds.map((userId) => userKey(app, userId)) }, userId: { $exists: true } };
      const rows = await identities.find(filter, { projection: { _id: 0, userId: 1, createdAt: 1 } }).toArray();
      const since = new Map(rows.map(({ userId, createdAt }) => [userId, createdAt ?? 0]));
      return userIds.map((userId) => since.get(userId) ?? null);
    },
    async makeKnown(app, userIds, at) {
      const unknown = await findUnknown(app, [...new Set(userIds)]);
      if (unknown.length > 0) {
        const opening = await counts.open(app, unknown);
        await insertOrRevive(
          unknown.map((userId) => namedUser(app, userId, at)),
          at,
        );
        await counts.close(opening);
      }
      return findKnownAt(app, userIds, at);
    },
    async change(row, { set = {}, unset = [] }, by) {
      const metadata = unset.includes("metadata") ? undefined : (set.metadata ?? row.metadata);
      const region = regionOf({ metadata, devices: row.devices });
      const without = REGION_FIELDS.filter((name) => region[name] === undefined);
      const update = {
        $set: { ...set, ...region, changedBy: by },
        $unset: Object.fromEntries([...unset, ...without].map((name) => [name, true as const])),
        $inc: { version: 1 },
      };
      const filter = { _id: row._id, version: row.version };
      const changed = await identities.findOneAndUpdate(filter, update, { returnDocument: "after" });
      if (!changed)
        throw new Error(`the user was changed by somebody else after she was read at version ${row.version}`);
      return UserRow.parse(changed);
    },
    async forget({ _id, app, version }, at, by) {
      const tombstone = {
        app,
        version: version + 1,
        changedBy: by,
        forgottenAt: at,
        identityDeletedAt: at,
        sessionsEndedAt: at,
      };
      const { matchedCount } = await identities.replaceOne({ _id, version }, tombstone);
      if (matchedCount === 0) throw new Error(`the user was changed by somebody else after version ${version}`);
      return UserRow.parse({ _id, ...tombstone });
    },
    async findForgotten(app, userIds, at) {
      const ids = userIds.map((userId) => userKey(app, userId));
      const filter = { _id: { $in: ids }, forgottenAt: { $gte: at } };
      const rows = await identities.find(filter, { projection: { _id: 1 } }).toArray();
      const forgotten = new Set(rows.map(({ _id }) => _id));
      return userIds.filter((_, index) => forgotten.has(ids[index] ?? ""));
    },
    async findSuspended(app, userIds) {
      const filter = { _id: { $in: userIds.map((userId) => userKey(app, userId)) }, isSuspended: true };
      const rows = await identities.find(filter, { projection: { _id: 0, userId: 1 } }).toArray();
      return rows.flatMap(({ userId }) => userId ?? []);
    },
    async ensureIndexes() {
      await identities.createIndex(USERS_OF_PARTITION);
      await identities.createIndex(PLACES_OF_PARTITION);
    },
  };
}

function withoutKnown(userIds: readonly string[], reply: unknown): readonly string[] {
  const { cursor } = KnownUsers.parse(reply);
  const known = new Set(cursor.firstBatch.map(({ userId }) => userId));
  return userIds.filter((userId) => !known.has(userId));
}

const REGION_FIELDS = ["locale", "timeZone"] as const;

const documentOf = ({ _id, app, by, userId, partition, createdAt, fields }: NewIdentity): UserDocument => ({
  _id,
  app,
  by,
  userId,
  partition,
  version: 1,
  createdAt,
  ...fields,
  ...regionOf(fields),
});

/** Who is known already stays known since when she was; a tombstone becomes a user of now. */
const fillingOf = ({ row, identity }: Filling) => {
  const { by, userId, partition, createdAt, fields } = identity;
  return {
    updateOne: {
      filter: { _id: row._id, version: row.version },
      update: {
        $set: {
          ...fields,
          ...regionOf({ metadata: fields.metadata, devices: row.devices }),
          by,
          userId,
          partition,
          createdAt: row.createdAt ?? createdAt,
        },
        $inc: { version: 1 },
      },
    },
  };
};
