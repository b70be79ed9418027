import { type PayloadOf, type MatchUsers, PARTITIONS, type ReplyOf, userIdList } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { type Db, MongoServerError } from "mongodb";
import { z } from "zod";
import type { Query } from "../domain/audience-query.ts";
import { commonPartitionOf } from "../domain/identity.ts";
import { userKey, UserRow } from "../domain/user.ts";
import { PLACES_OF_PARTITION, USERS_OF_PARTITION } from "./identity-store.ts";

/** Who is looked for; nobody outside of the area, where there is one, is. */
export interface Wanted {
  readonly query: Query;
  readonly area: Query | null;
}

interface MatchRequest extends Pick<PayloadOf<typeof MatchUsers>, "partition" | "after" | "createdBefore" | "limit"> {
  readonly app: string;
  /** null: everyone. */
  readonly wanted: Wanted | null;
  readonly withTimeZones: boolean;
}

/** Looks at users by what is known of them; changes nothing. */
export interface AudienceStore {
  /** The next page of a partition's users who match, as MatchUsers answers it. */
  match(request: MatchRequest): Promise<ReplyOf<typeof MatchUsers>>;
  /** How many users match. Throws `invalid_operation` when that takes longer than COUNT_DEADLINE_MS. */
  count(app: string, wanted: Wanted): Promise<number>;
  /** Throws `invalid_property` for what cannot be asked: a polygon whose edges cross. */
  check(query: Query): Promise<void>;
  matches(app: string, userId: string, query: Query | null): Promise<boolean>;
  /** The time zones of these users, in their order. */
  findTimeZones(app: string, userIds: readonly string[]): Promise<(string | null)[]>;
  /** Who of these users is known since this time or before and matches, in their order. */
  findKnownBefore(app: string, userIds: readonly string[], before: number, query: Query | null): Promise<string[]>;
}

/** Up to so many in an area of a partition are looked at all, page by page; more are come across soon enough by walking. */
const FEW_IN_AREA = 2_000;
/** What one answer looks at, at the most. */
const MAX_LOOKED_AT = 20_000;
/** Where many match, a page is full after a few rows; where few do, the next look goes further. */
const FIRST_LOOK = 2_000;
const COUNT_DEADLINE_MS = 4_000;
/** Partitions counted at once: enough for several processors, and not all of them. */
const COUNTED_AT_ONCE = 4;
/** https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const TIME_IS_UP = 50;
const BAD_VALUE = 2;

const Batch = z.object({ cursor: z.object({ firstBatch: z.array(z.record(z.string(), z.unknown())) }) });
const Count = z.object({ n: z.number() });
const UserIds = userIdList(MAX_LOOKED_AT);
const TimeZone = UserRow.shape.timeZone;

type Row = Readonly<Record<string, unknown>>;

export function mongoAudienceStore(db: Db): AudienceStore {
  const identities = db.collection<{ _id: string }>("identities");

  const run = async (command: object): Promise<unknown> => {
    try {
      return await db.command(command);
    } catch (error) {
      throw refusalOf(error) ?? error;
    }
  };

  /** The command itself in one round trip: a driver's cursor costs four times the processor time for the same answer. */
  const find = async (filter: Query, limit: number, options: object): Promise<readonly Row[]> => {
    const command = { find: identities.collectionName, filter, limit, batchSize: limit, singleBatch: true, ...options };
    return Batch.parse(await run(command)).cursor.firstBatch;
  };
  const inOrder = { sort: { userId: 1 }, hint: USERS_OF_PARTITION };

  const rowsOf = (
    request: MatchRequest,
    range: object,
    limit: number,
    order: object = inOrder,
  ): Promise<readonly Row[]> => {
    const { app, partition, createdBefore, wanted, withTimeZones } = request;
    const filter = { app, partition, userId: range, createdAt: { $lte: createdBefore } };
    return find(wanted === null ? filter : { $and: [filter, wanted.query] }, limit, {
      ...order,
      projection: withTimeZones ? { _id: 0, userId: 1, timeZone: 1 } : { _id: 0, userId: 1 },
    });
  };

  /** The last of the next `size` users; null when there are fewer. */
  const endOfLook = async ({ app, partition }: MatchRequest, after: string, size: number): Promise<string | null> => {
    const filter = { app, partition, userId: { $gt: after } };
    const [last] = await find(filter, 1, { ...inOrder, skip: size - 1, projection: { _id: 0, userId: 1 } });
    return last === undefined ? null : String(last["userId"]);
  };

  /** How far a look goes is settled before it, so that whoever comes or goes meanwhile makes nobody fall in between. */
  const matchByLooking = async (request: MatchRequest, after: string): Promise<Page> => {
    const found: Row[] = [];
    let from = after;
    let lookedAt = 0;
    for (let size = FIRST_LOOK; size > 0; size = Math.min(2 * size, MAX_LOOKED_AT - lookedAt)) {
      const end = await endOfLook(request, from, size);
      const missing = request.limit - found.length;
      const rows = await rowsOf(request, end === null ? { $gt: from } : { $gt: from, $lte: end }, missing);
      found.push(...rows);
      if (rows.length === missing) return { rows: found, hasMore: true };
      if (end === null) return { rows: found, hasMore: false };
      from = end;
      lookedAt += size;
    }
    return { rows: found, hasMore: true, lookedUpTo: from };
  };

  const matchAtOnce = async (request: MatchRequest, after: string, order?: object): Promise<Page> => {
    const rows = await rowsOf(request, { $gt: after }, request.limit, order);
    return { rows, hasMore: rows.length === request.limit };
  };

  const areFewIn = async ({ app, partition }: MatchRequest, area: Query): Promise<boolean> => {
    const query = { app, partition, ...area };
    const command = { count: identities.collectionName, query, limit: FEW_IN_AREA + 1, hint: PLACES_OF_PARTITION };
    return Count.parse(await run(command)).n <= FEW_IN_AREA;
  };

  const match = async (request: MatchRequest, after: string): Promise<Page> => {
    const { wanted } = request;
    if (wanted === null) return matchAtOnce(request, after);
    if (wanted.area === null || !(await areFewIn(request, wanted.area))) return matchByLooking(request, after);
    return matchAtOnce(request, after, { sort: inOrder.sort, hint: PLACES_OF_PARTITION });
  };

  const countPartition = async (filter: object, { query, area }: Wanted, deadlineAt: number): Promise<number> => {
    const maxTimeMS = Math.max(1, deadlineAt - Date.now());
    const hint = area === null ? USERS_OF_PARTITION : PLACES_OF_PARTITION;
    const command = { count: identities.collectionName, query: { $and: [filter, query] }, hint, maxTimeMS };
    return Count.parse(await run(command)).n;
  };

  return {
    async match(request) {
      // The empty string is before all user ids.
      const after = request.after ?? "";
      const { rows, hasMore, lookedUpTo } = await match(request, after);
      const userIds = UserIds.parse(rows.map(({ userId }) => userId));
      return {
        userIds,
        ...(request.withTimeZones ? { timeZones: rows.map(({ timeZone }) => TimeZone.parse(timeZone) ?? null) } : {}),
        next: hasMore ? (lookedUpTo ?? userIds.at(-1) ?? null) : null,
      };
    },
    async count(app, wanted) {
      const deadlineAt = Date.now() + COUNT_DEADLINE_MS;
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
      let total = 0;
      const countNext = async (): Promise<void> => {
        for (let partition = partitions.pop(); partition !== undefined; partition = partitions.pop()) {
          const counted = await countPartition({ app, partition }, wanted, deadlineAt);
          total += counted;
        }
      };
      await Promise.all(Array.from({ length: COUNTED_AT_ONCE }, countNext));
      return total;
    },
    async check(query) {
      await find({ $and: [{ _id: "" }, query] }, 1, {});
    },
    async matches(app, userId, query) {
      const filter = { _id: userKey(app, userId), userId: { $exists: true } };
      const rows = await find(query === null ? filter : { $and: [filter, query] }, 1, { projection: { _id: 1 } });
      return rows.length > 0;
    },
    async findTimeZones(app, userIds) {
      const keys = userIds.map((userId) => userKey(app, userId));
      if (keys.length === 0) return [];
      const rows = await find({ _id: { $in: keys } }, keys.length, { projection: { timeZone: 1 } });
      const zones = new Map(rows.map(({ _id, timeZone }) => [_id, TimeZone.parse(timeZone)]));
      return keys.map((key) => zones.get(key) ?? null);
    },
    async findKnownBefore(app, userIds, before, query) {
      if (userIds.length === 0) return [];
      const partition = commonPartitionOf(userIds);
      const named =
        partition === null
          ? { _id: { $in: userIds.map((userId) => userKey(app, userId)) }, userId: { $exists: true } }
          : { app, partition, userId: { $in: userIds } };
      const filter = { ...named, createdAt: { $lte: before } };
      const rows = await find(query === null ? filter : { $and: [filter, query] }, userIds.length, {
        projection: { _id: 0, userId: 1 },
      });
      const known = new Set(rows.map(({ userId }) => userId));
      return userIds.filter((userId) => known.has(userId));
    },
  };
}

interface Page {
  readonly rows: readonly Row[];
  /** Whether there may be somebody behind these. */
  readonly hasMore: boolean;
  /** Where that is further than the last row. */
  readonly lookedUpTo?: string;
}

/** What the caller's own filter is to blame for. Of a filter that fits its contract, only a polygon can be a bad value. */
function refusalOf(error: unknown): DomainError | null {
  if (!(error instanceof MongoServerError)) return null;
  if (error.code === TIME_IS_UP) {
    const message = `this audience could not be counted within ${COUNT_DEADLINE_MS / 1_000} seconds`;
    return new DomainError("invalid_operation", {}, { message, cause: error });
  }
  if (error.code !== BAD_VALUE) return null;
  const message = "within.polygon is not valid: its edges must not cross or touch, nor go around half of the earth";
  return new DomainError("invalid_property", { property: "within.polygon" }, { message, cause: error });
}
