import { Metadata, VisibleHistory } from "@strata/contracts";
import { gathering, isDuplicateKey, readRows } from "@strata/runtime";
import type { Db, OptionalId } from "mongodb";
import { z } from "zod";
import { conversationKey, type ConversationRow } from "../domain/conversation.ts";
import { Governance, Governed } from "../domain/governance.ts";
import { Lifecycle } from "../domain/lifecycle.ts";

const LastChange = z.object({
  by: z.string(),
  at: z.number(),
  position: z.number(),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  isMetadataChanged: z.boolean(),
  governed: Governed.optional(),
  isFollowed: z.boolean(),
});

/** As JSON: BSON allows fewer keys and less depth, and no query looks inside. */
const StoredMetadata = z.string().transform((json): Metadata => Metadata.parse(JSON.parse(json)));

const StoredConversation = z.object({
  _id: z.string(),
  app: z.string(),
  conversationId: z.string(),
  createdAt: z.number(),
  participants: z.array(z.string()),
  distinct: z.boolean(),
  distinctKey: z.string().optional(),
  metadata: StoredMetadata,
  version: z.number(),
  lastPosition: z.number(),
  lastMessageAt: z.number().nullable(),
  by: z.string(),
  lastChange: LastChange.optional(),
  governance: Governance.optional(),
  lifecycle: Lifecycle.optional(),
  visibleHistory: VisibleHistory.optional(),
  /** Present while a step of its lifecycle is to come: when it is due, or its lease ends then. */
  stepDueAt: z.number().optional(),
  deletedAt: z.number().optional(),
  deletedBy: z.string().optional(),
  /** Present while something of a deleted conversation is still to be removed: not before then, or its lease ends then. */
  purgeDueAt: z.number().optional(),
});
type StoredConversation = z.input<typeof StoredConversation>;

/** The newest message of a conversation. */
export interface LastMessage {
  readonly app: string;
  readonly conversationId: string;
  readonly position: number;
  readonly at: number;
}

export interface ConversationStore {
  /**
   * Inserts the row, or answers what stands in its way: the conversation with its id, else the distinct one of the same
   * participants. A step of it is due at `stepDueAt`.
   */
  insertOrFind(row: ConversationRow, stepDueAt?: number | null): Promise<ConversationRow>;
  /** Also a deleted one, as its tombstone. */
  find(app: string, conversationId: string): Promise<ConversationRow | null>;
  /** By `_id` (`conversationKey`), also of several apps, also deleted ones; absent ones are not in the answer, others may be. */
  findMany(keys: readonly string[]): Promise<ReadonlyMap<string, ConversationRow>>;
  /** Moves conversations on to their newest messages. Only ever forward: again, or late, it changes nothing. */
  advance(messages: readonly LastMessage[]): Promise<void>;
  /**
   * Stores what `before` was changed to. Throws when it is not what is stored, for another writer was here, and when
   * something that follows from the change before is still to be done.
   */
  change(before: ConversationRow, after: ConversationRow): Promise<void>;
  /**
   * The same for what happens to it by itself, of which something is due at `dueAt` (null: nothing is), and for what comes
   * with that: when it was created, and whether it is the distinct one.
   */
  changeLifecycle(before: ConversationRow, after: ConversationRow, dueAt: number | null): Promise<void>;
  /** All that follows from the row's last step is done, and the next is due at `dueAt`. */
  markStepFollowed(row: ConversationRow, dueAt: number | null): Promise<void>;
  /** One that is still to open stands in nobody's way: it is distinct no longer. Any other stays as it is. */
  yieldDistinct(row: ConversationRow): Promise<void>;
  /** The conversation of which a step has been due for longest, which nobody else gets until the lease ends. */
  claimStep(now: number, leaseMs: number): Promise<ConversationRow | null>;
  /** Hands a claimed one back, to be claimed again at `dueAt`; unless its step was taken, or changed, meanwhile. */
  postponeStep(row: ConversationRow, dueAt: number): Promise<void>;
  /** All that follows from the row's last change is done. */
  markFollowed(row: ConversationRow): Promise<void>;
  /** Leaves a tombstone, with everything behind it due to be purged; of one that is deleted already, as it is. */
  delete(row: ConversationRow, deletion: { readonly by: string; readonly at: number }): Promise<ConversationRow>;
  /** The deleted conversation that has been due to be purged for longest, which nobody else gets until the lease ends. */
  claimPurge(leaseMs: number): Promise<ConversationRow | null>;
  /** Hands a claimed one back: there is more to purge, after what else is due. */
  postponePurge(row: ConversationRow): Promise<void>;
  /** Nothing is left but the tombstone, which from now on only says whose conversation it was. */
  endPurge(row: ConversationRow): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** Lanes and queries ask at the same time: what they ask together is one command. */
const TOGETHER = { concurrency: 2, maxWeight: 1_000 } as const;
/** How often a distinct conversation may go away between being in the way and being looked for. */
const ATTEMPTS = 3;

const read = (row: unknown): ConversationRow => StoredConversation.parse(row);
const dueOrNot = (dueAt: number | null) =>
  dueAt === null ? { $unset: { stepDueAt: true as const } } : { $set: { stepDueAt: dueAt } };
/** What takes another change: nothing that follows from the one before is to be done. */
const changeable = ({ _id, version }: ConversationRow) =>
  ({ _id, version, deletedAt: { $exists: false }, "lastChange.isFollowed": { $ne: false } }) as const;
const stored = (row: ConversationRow): OptionalId<StoredConversation> & { readonly _id: string } => ({
  ...row,
  participants: [...row.participants],
  metadata: JSON.stringify(row.metadata),
  lastChange: row.lastChange && {
    ...row.lastChange,
    added: [...row.lastChange.added],
    removed: [...row.lastChange.removed],
  },
});

const overtaken = ({ _id, version }: ConversationRow): Error =>
  new Error(`${_id} is no longer at version ${version}, or not done with it`);

export function mongoConversationStore(db: Db): ConversationStore {
  // An absent field is absent in the database too: the index on `distinctKey` goes by that.
  const conversations = db.collection<StoredConversation>("conversations", { ignoreUndefined: true });

  const inTheWayOf = async ({ _id, distinctKey }: ConversationRow): Promise<ConversationRow | null> => {
    const sameId = await conversations.findOne({ _id });
    if (sameId) return read(sameId);
    const samePeople = distinctKey === undefined ? null : await conversations.findOne({ distinctKey });
    return samePeople && read(samePeople);
  };

  const findTogether = gathering<readonly string[], ReadonlyMap<string, ConversationRow>>({
    ...TOGETHER,
    weightOf: (keys) => keys.length,
    async work(inputs) {
      const keys = [...new Set(inputs.flat())];
      const rows = await readRows(db, {
        find: conversations.collectionName,
        filter: { _id: { $in: keys } },
        batchSize: keys.length + 1,
      });
      const found = new Map(rows.map(read).map((row) => [row._id, row]));
      return inputs.map(() => found);
    },
  });

  const advanceTogether = gathering<readonly LastMessage[], void>({
    ...TOGETHER,
    weightOf: (messages) => messages.length,
    async work(inputs) {
      await conversations.bulkWrite(
        inputs.flat().map(({ app, conversationId, position, at }) => ({
          updateOne: {
            filter: { _id: conversationKey(app, conversationId) },
            update: { $max: { lastPosition: position, lastMessageAt: at } },
          },
        })),
        { ordered: false },
      );
      return inputs.map(() => undefined);
    },
  });

  return {
    async insertOrFind(row, stepDueAt = null) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await conversations.insertOne({ ...stored(row), ...dueOrNot(stepDueAt).$set });
          return row;
        } catch (error) {
          if (!isDuplicateKey(error)) throw error;
          const found = await inTheWayOf(row);
          if (found) return found;
          if (attempt === ATTEMPTS) throw error;
        }
      }
    },
    async find(app, conversationId) {
      const key = conversationKey(app, conversationId);
      return (await findTogether([key])).get(key) ?? null;
    },
    async findMany(keys) {
      return keys.length === 0 ? new Map() : await findTogether(keys);
    },
    async advance(messages) {
      if (messages.length > 0) await advanceTogether(messages);
    },
    async change(before, after) {
      const { participants, metadata, distinct, distinctKey, version, governance, lastChange } = stored(after);
      const { matchedCount } = await conversations.updateOne(changeable(before), {
        $set: { participants, metadata, distinct, version, governance, lastChange },
        ...(distinctKey === undefined ? { $unset: { distinctKey: true } } : {}),
      });
      if (matchedCount === 0) throw overtaken(before);
    },
    async changeLifecycle(before, after, dueAt) {
      const { createdAt, version, lifecycle, distinct, distinctKey } = stored(after);
      const due = dueOrNot(dueAt);
      const { matchedCount } = await conversations.updateOne(changeable(before), {
        $set: { createdAt, version, distinct, ...(lifecycle ? { lifecycle } : {}), ...due.$set },
        $unset: { ...(distinctKey === undefined ? { distinctKey: true } : {}), ...due.$unset },
      });
      if (matchedCount === 0) throw overtaken(before);
    },
    async markStepFollowed({ _id, lifecycle }, dueAt) {
      if (!lifecycle?.lastStep) return;
      const { revision, lastStep } = lifecycle;
      const due = dueOrNot(dueAt);
      // What it begins with has been sent: nobody needs it any more.
      const sent = lastStep.step === "open" ? { "lifecycle.iceBreaker": [] } : {};
      await conversations.updateOne(
        { _id, "lifecycle.revision": revision, deletedAt: { $exists: false } },
        { ...due, $set: { "lifecycle.lastStep.isFollowed": true, ...sent, ...due.$set } },
      );
    },
    async yieldDistinct({ _id }) {
      await conversations.updateOne(
        { _id, "lifecycle.state": "scheduled", distinct: true },
        { $set: { distinct: false }, $unset: { distinctKey: true }, $inc: { version: 1 } },
      );
    },
    async claimStep(now, leaseMs) {
      const row = await conversations.findOneAndUpdate(
        { stepDueAt: { $lte: now } },
        { $set: { stepDueAt: now + leaseMs } },
        { sort: { stepDueAt: 1 }, returnDocument: "after" },
      );
      return row && read(row);
    },
    async postponeStep({ _id, lifecycle }, dueAt) {
      if (!lifecycle) return;
      const same = { _id, "lifecycle.revision": lifecycle.revision, stepDueAt: { $exists: true } };
      await conversations.updateOne(same, { $set: { stepDueAt: dueAt } });
    },
    async markFollowed({ _id, version }) {
      const change = { _id, version, "lastChange.isFollowed": false };
      await conversations.updateOne(change, { $set: { "lastChange.isFollowed": true } });
    },
    async delete({ _id, version }, { by, at }) {
      const deleted = await conversations.findOneAndUpdate(
        { _id, deletedAt: { $exists: false } },
        {
          $set: { deletedAt: at, deletedBy: by, purgeDueAt: at, version: version + 1 },
          $unset: { distinctKey: true, stepDueAt: true },
        },
        { returnDocument: "after" },
      );
      return read(deleted ?? (await conversations.findOne({ _id })));
    },
    async claimPurge(leaseMs) {
      const now = Date.now();
      const row = await conversations.findOneAndUpdate(
        { purgeDueAt: { $lte: now } },
        { $set: { purgeDueAt: now + leaseMs } },
        { sort: { purgeDueAt: 1 }, returnDocument: "after" },
      );
      return row && read(row);
    },
    async postponePurge({ _id }) {
      await conversations.updateOne({ _id, purgeDueAt: { $exists: true } }, { $set: { purgeDueAt: Date.now() } });
    },
    async endPurge({ _id }) {
      await conversations.updateOne(
        { _id, deletedAt: { $exists: true } },
        {
          $set: { metadata: "{}" },
          $unset: {
            purgeDueAt: true,
            lastChange: true,
            governance: true,
            "lifecycle.iceBreaker": true,
            "lifecycle.warning": true,
          },
        },
      );
    },
    async ensureIndexes() {
      await conversations.createIndex({ stepDueAt: 1 }, { partialFilterExpression: { stepDueAt: { $exists: true } } });
      await conversations.createIndex(
        { purgeDueAt: 1 },
        { partialFilterExpression: { purgeDueAt: { $exists: true } } },
      );
      await conversations.createIndex(
        { distinctKey: 1 },
        { unique: true, partialFilterExpression: { distinctKey: { $exists: true } } },
      );
    },
  };
}
