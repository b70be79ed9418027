import type { ConversationOrder } from "@strata/contracts";
import { gathering, readRows } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { membershipKey, type Mark, type MembershipRow } from "../domain/membership.ts";

const Marks = z.array(z.object({ by: z.string(), position: z.number() }));
const StoredMembership = z.object({
  _id: z.string(),
  app: z.string(),
  user: z.string(),
  conversation: z.string(),
  createdAt: z.number(),
  addedAt: z.number(),
  sortAt: z.number(),
  leftAt: z.number().nullable(),
  clearedThrough: z.number(),
  clearMarks: Marks,
  readThrough: z.number(),
  readMarks: Marks,
  isHidden: z.boolean(),
  isDeleted: z.boolean(),
});
type StoredMembership = z.infer<typeof StoredMembership>;

/** A message that some participants of its conversation see. */
export interface SeenMessage {
  readonly app: string;
  readonly conversationId: string;
  readonly userIds: readonly string[];
  readonly position: number;
  readonly at: number;
}

/** Of each kind, of one user in one conversation: more than are dead-lettered before somebody looks. */
const REMEMBERED_MARKS = 10;

export interface MembershipStore {
  /** Inserts the rows that are not there yet, and leaves the others as they are. */
  insertMissing(rows: readonly MembershipRow[]): Promise<void>;
  find(app: string, userId: string, conversationId: string): Promise<MembershipRow | null>;
  /** By `_id` (`membershipKey`), also of several users and apps; strangers are not in the answer. */
  findMany(keys: readonly string[]): Promise<ReadonlyMap<string, MembershipRow>>;
  /** Of some users to one conversation, by user id; strangers are not in the answer. */
  findOfUsers(
    app: string,
    conversationId: string,
    userIds: readonly string[],
  ): Promise<ReadonlyMap<string, MembershipRow>>;
  /**
   * Moves conversations up in the lists of those who see a new message, and back into the lists of those who had
   * cleared them before it. Who has left, or cleared the message itself, is passed over. Only ever forward.
   */
  raise(messages: readonly SeenMessage[]): Promise<void>;
  /** Everything up to a position counts as read by her, and her row remembers whose mark it is. Only ever forward. */
  moveReadThrough(app: string, userId: string, conversationId: string, mark: Mark): Promise<void>;
  /** They come, or come back: the conversation is in their lists, and theirs to see from where their rows say. */
  admit(rows: readonly MembershipRow[]): Promise<void>;
  /** Those who are in a conversation that has opened find it in their lists, as created at that moment. Again: the same. */
  open(app: string, conversationId: string, at: number): Promise<void>;
  /** They leave, after what was said until this position. Who has left before is passed over. */
  dismiss(app: string, conversationId: string, userIds: readonly string[], position: number): Promise<void>;
  /** Out of her list and her view, up to a position; her row remembers whose mark it is. */
  clear(app: string, userId: string, conversationId: string, mark: Mark): Promise<void>;
  /** Out of everybody's list, for good. */
  markDeleted(app: string, conversationId: string): Promise<void>;
  /** She is a stranger from now on. */
  forget(app: string, userId: string, conversationId: string): Promise<void>;
  /** Removes up to `limit` rows of a deleted conversation; answers how many. */
  purge(app: string, conversationId: string, limit: number): Promise<number>;
  /** A page of a user's list, newest first by either order, from behind one of it. */
  listPage(
    app: string,
    userId: string,
    order: ConversationOrder,
    after: MembershipRow | null,
    limit: number,
  ): Promise<readonly MembershipRow[]>;
  countListed(app: string, userId: string): Promise<number>;
  /** A page of the conversations that she is or was in, listed or not, in the order of their ids. */
  conversationsOf(app: string, userId: string, after: string | null, limit: number): Promise<readonly string[]>;
  /** How many rows of hers there are from before she was deleted. */
  countFromBefore(app: string, userId: string, at: number): Promise<number>;
  /** Whether there is one. */
  hasFromBefore(app: string, userId: string, at: number): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

/** The fields that the lists go by, in the order of the index. */
const listed = (app: string, user: string) => ({ app, user, isDeleted: false, isHidden: false });
const SORT_FIELD = { created_at: "createdAt", last_message: "sortAt" } as const;
const listIndex = (field: "createdAt" | "sortAt") =>
  // Whether it is listed at all stands before the order, so that a page and a count read the index and nothing else.
  ({ app: 1, user: 1, isDeleted: 1, isHidden: 1, [field]: -1, conversation: -1 }) as const;

/** What stands behind a row of a list. */
function behind(row: MembershipRow | null, field: "createdAt" | "sortAt"): Filter<StoredMembership> {
  if (row === null) return {};
  const at = row[field];
  // The first condition is what the index is entered by; the second only decides among rows of one time.
  return { [field]: { $lte: at }, $or: [{ [field]: { $lt: at } }, { conversation: { $lt: row.conversation } }] };
}

/** Lanes and queries ask at the same time: what they ask together is one command. */
const TOGETHER = { concurrency: 2, maxWeight: 1_000 } as const;

/** Ids of conversations are hexadecimal. A user whose id goes on behind a slash may stand among them. */
const rowsOf = (app: string, userId: string, after = "") => ({
  $gt: membershipKey(app, userId, after),
  $lt: membershipKey(app, userId, "g"),
});

const stored = (row: MembershipRow): StoredMembership => ({
  ...row,
  clearMarks: [...row.clearMarks],
  readMarks: [...row.readMarks],
});
const read = (row: unknown): MembershipRow => StoredMembership.parse(row);

export function mongoMembershipStore(db: Db): MembershipStore {
  const memberships = db.collection<StoredMembership>("memberships");

  const findTogether = gathering<readonly string[], ReadonlyMap<string, MembershipRow>>({
    ...TOGETHER,
    weightOf: (keys) => keys.length,
    async work(inputs) {
      const ids = [...new Set(inputs.flat())];
      const rows = await readRows(db, {
        find: memberships.collectionName,
        filter: { _id: { $in: ids } },
        batchSize: ids.length + 1,
      });
      const found = new Map(rows.map(read).map((row) => [row._id, row]));
      return inputs.map(() => found);
    },
  });

  const raiseTogether = gathering<readonly SeenMessage[], void>({
    ...TOGETHER,
    weightOf: (messages) => messages.reduce((sum, { userIds }) => sum + userIds.length, 0),
    async work(inputs) {
      await memberships.bulkWrite(
        inputs.flat().map(({ app, conversationId, userIds, position, at }) => ({
          updateMany: {
            filter: {
              _id: { $in: userIds.map((userId) => membershipKey(app, userId, conversationId)) },
              leftAt: null,
              clearedThrough: { $lt: position },
            },
            update: { $max: { sortAt: at }, $set: { isHidden: false } },
          },
        })),
        { ordered: false },
      );
      return inputs.map(() => undefined);
    },
  });

  return {
    async insertMissing(rows) {
      if (rows.length === 0) return;
      await memberships.bulkWrite(
        rows.map(stored).map(({ _id, ...row }) => ({
          updateOne: { filter: { _id }, update: { $setOnInsert: row }, upsert: true },
        })),
        { ordered: false },
      );
    },
    async find(app, userId, conversationId) {
      const key = membershipKey(app, userId, conversationId);
      return (await findTogether([key])).get(key) ?? null;
    },
    async findMany(keys) {
      return keys.length === 0 ? new Map() : await findTogether(keys);
    },
    async findOfUsers(app, conversationId, userIds) {
      if (userIds.length === 0) return new Map();
      const ids = userIds.map((userId) => membershipKey(app, userId, conversationId));
      const rows = await memberships.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
      return new Map(rows.map((row) => [row.user, read(row)]));
    },
    async raise(messages) {
      if (messages.length > 0) await raiseTogether(messages);
    },
    async moveReadThrough(app, userId, conversationId, mark) {
      const forward = { _id: membershipKey(app, userId, conversationId), readThrough: { $lt: mark.position } };
      await memberships.updateOne(forward, {
        $set: { readThrough: mark.position },
        $push: { readMarks: { $each: [mark], $slice: -REMEMBERED_MARKS } },
      });
    },
    async admit(rows) {
      if (rows.length === 0) return;
      await memberships.bulkWrite(
        rows.map(stored).map(({ _id, leftAt, isHidden, addedAt, sortAt, clearedThrough, ...row }) => ({
          updateOne: {
            filter: { _id },
            update: { $set: { leftAt, isHidden, addedAt }, $max: { sortAt, clearedThrough }, $setOnInsert: row },
            upsert: true,
          },
        })),
        { ordered: false },
      );
    },
    async open(app, conversationId, at) {
      await memberships.updateMany(
        { app, conversation: conversationId, leftAt: null, createdAt: { $ne: at } },
        { $set: { createdAt: at, sortAt: at, isHidden: false } },
      );
    },
    async dismiss(app, conversationId, userIds, position) {
      if (userIds.length === 0) return;
      const ids = userIds.map((userId) => membershipKey(app, userId, conversationId));
      await memberships.updateMany({ _id: { $in: ids }, leftAt: null }, { $set: { leftAt: position } });
    },
    async clear(app, userId, conversationId, mark) {
      const _id = membershipKey(app, userId, conversationId);
      await memberships.updateOne(
        { _id },
        {
          $max: { clearedThrough: mark.position },
          $set: { isHidden: true },
          $push: { clearMarks: { $each: [mark], $slice: -REMEMBERED_MARKS } },
        },
      );
    },
    async markDeleted(app, conversationId) {
      await memberships.updateMany({ app, conversation: conversationId }, { $set: { isDeleted: true } });
    },
    async forget(app, userId, conversationId) {
      await memberships.deleteOne({ _id: membershipKey(app, userId, conversationId) });
    },
    async purge(app, conversationId, limit) {
      const rows = await memberships
        .find({ app, conversation: conversationId }, { projection: { _id: 1 }, limit })
        .toArray();
      if (rows.length > 0) await memberships.deleteMany({ _id: { $in: rows.map(({ _id }) => _id) } });
      return rows.length;
    },
    async listPage(app, userId, order, after, limit) {
      const field = SORT_FIELD[order];
      const rows = await memberships
        .find({ ...listed(app, userId), ...behind(after, field) }, { hint: listIndex(field), batchSize: limit + 1 })
        .sort({ [field]: -1, conversation: -1 })
        .limit(limit)
        .toArray();
      return rows.map(read);
    },
    countListed: (app, userId) => memberships.countDocuments(listed(app, userId), { hint: listIndex("createdAt") }),
    async conversationsOf(app, userId, after, limit) {
      const range = rowsOf(app, userId, after ?? "");
      const rows = await memberships
        .find({ _id: range, user: userId }, { projection: { conversation: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map(({ conversation }) => conversation);
    },
    countFromBefore: (app, userId, at) =>
      memberships.countDocuments({ _id: rowsOf(app, userId), user: userId, addedAt: { $lte: at } }),
    async hasFromBefore(app, userId, at) {
      const filter = { _id: rowsOf(app, userId), user: userId, addedAt: { $lte: at } };
      return (await memberships.findOne(filter, { projection: { _id: 1 } })) !== null;
    },
    async ensureIndexes() {
      await memberships.createIndex(listIndex("createdAt"));
      await memberships.createIndex(listIndex("sortAt"));
      await memberships.createIndex({ app: 1, conversation: 1 });
    },
  };
}
