import type { Db } from "mongodb";
import { z } from "zod";
import { membershipKey, type MembershipRow } from "../domain/membership.ts";

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
  readThrough: z.number(),
  isHidden: z.boolean(),
  isDeleted: z.boolean(),
});
type StoredMembership = z.infer<typeof StoredMembership>;

/** A message that some participants of its conversation see. */
export interface SeenMessage {
  readonly app: string;
  readonly conversationId: string;
  readonly userIds: readonly string[];
  readonly at: number;
}

export interface MembershipStore {
  /** Inserts the rows that are not there yet, and leaves the others as they are. */
  insertMissing(rows: readonly MembershipRow[]): Promise<void>;
  find(app: string, userId: string, conversationId: string): Promise<MembershipRow | null>;
  /** Of some users to one conversation, by user id; strangers are not in the answer. */
  findOfUsers(
    app: string,
    conversationId: string,
    userIds: readonly string[],
  ): Promise<ReadonlyMap<string, MembershipRow>>;
  /**
   * Moves conversations up in the lists of those who see a new message, and back into the lists of those who had
   * cleared them. Who has left is passed over. Only ever forward.
   */
  raise(messages: readonly SeenMessage[]): Promise<void>;
  /** Everything up to a position counts as read by her. Only ever forward. */
  moveReadThrough(app: string, userId: string, conversationId: string, position: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

const read = (row: unknown): MembershipRow => StoredMembership.parse(row);

export function mongoMembershipStore(db: Db): MembershipStore {
  const memberships = db.collection<StoredMembership>("memberships");
  return {
    async insertMissing(rows) {
      if (rows.length === 0) return;
      await memberships.bulkWrite(
        rows.map(({ _id, ...row }) => ({
          updateOne: { filter: { _id }, update: { $setOnInsert: row }, upsert: true },
        })),
        { ordered: false },
      );
    },
    async find(app, userId, conversationId) {
      const row = await memberships.findOne({ _id: membershipKey(app, userId, conversationId) });
      return row && read(row);
    },
    async findOfUsers(app, conversationId, userIds) {
      if (userIds.length === 0) return new Map();
      const ids = userIds.map((userId) => membershipKey(app, userId, conversationId));
      const rows = await memberships.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
      return new Map(rows.map((row) => [row.user, read(row)]));
    },
    async raise(messages) {
      if (messages.length === 0) return;
      await memberships.bulkWrite(
        messages.map(({ app, conversationId, userIds, at }) => ({
          updateMany: {
            filter: { _id: { $in: userIds.map((userId) => membershipKey(app, userId, conversationId)) }, leftAt: null },
            update: { $max: { sortAt: at }, $set: { isHidden: false } },
          },
        })),
        { ordered: false },
      );
    },
    async moveReadThrough(app, userId, conversationId, position) {
      const _id = membershipKey(app, userId, conversationId);
      await memberships.updateOne({ _id }, { $max: { readThrough: position } });
    },
    async ensureIndexes() {
      // Whether it is listed at all stands before the order, so that a page and a count read the index and nothing else.
      const listed = { app: 1, user: 1, isDeleted: 1, isHidden: 1 } as const;
      await memberships.createIndex({ ...listed, createdAt: -1, conversation: -1 });
      await memberships.createIndex({ ...listed, sortAt: -1, conversation: -1 });
      await memberships.createIndex({ app: 1, conversation: 1 });
    },
  };
}
