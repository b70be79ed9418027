import type { HistoryEntry, Part } from "@strata/contracts";
import { gathering, isDuplicateKey, readRows } from "@strata/runtime";
import { type Db, MongoBulkWriteError } from "mongodb";
import { z } from "zod";
import { searchTokensOf } from "../domain/search-tokens.ts";
import { MessageRow, type RememberedChange, ViewedMessage } from "../domain/message.ts";
import { ensureMessageIndexes, messageIndex } from "./message-indexes.ts";

/** Many more than can have been made before the acknowledgement of the first of them has reached the broker. */
const REMEMBERED_CHANGES = 50;

/** Lanes and queries ask at the same time: what they ask together is one command. */
const TOGETHER = { concurrency: 2, maxWeight: 500 } as const;

/** A change by a command. */
interface Doing {
  readonly by: string;
  readonly at: number;
  /** The user who did it herself; null: the backend. */
  readonly actor?: string | null;
}

/** As much of what happened to a message as is kept. */
const REMEMBERED_HISTORY = 100;
const happened = (entry: HistoryEntry) => ({ history: { $each: [entry], $slice: -REMEMBERED_HISTORY } });
const partsChanged = ({ at, actor, changed, removed, hits }: RememberedChange): HistoryEntry => ({
  kind: "parts_changed",
  at,
  by: actor,
  changed,
  removed,
  hits,
});

/** Messages one by one: sent, changed, deleted. Lists and counts are the timeline store's, receipts the receipt store's. */
export interface MessageStore {
  /** Inserts in the order given; false, and nothing behind it, as soon as an id or a position is taken. */
  insert(rows: readonly MessageRow[]): Promise<boolean>;
  /** By their keys, deleted ones included. */
  findMany(keys: readonly string[]): Promise<ReadonlyMap<string, MessageRow>>;
  find(key: string): Promise<MessageRow | null>;
  /** As a view needs it; deleted ones included. */
  findViewed(key: string): Promise<ViewedMessage | null>;
  /** The same of several, in the order of their keys; absent ones are left out. */
  findManyViewed(keys: readonly string[]): Promise<readonly ViewedMessage[]>;
  /** The highest position that is taken in a conversation; 0 in an empty one. */
  highestPosition(app: string, conversation: string): Promise<number>;
  /** Puts other parts in place; false when it was deleted, or it is no longer the version that these were made of. */
  changeParts(key: string, parts: readonly Part[], change: RememberedChange): Promise<boolean>;
  /** Leaves a tombstone that keeps id and position; false when there is one already. */
  delete(key: string, doing: Doing): Promise<boolean>;
  /** Takes a message out of one user's view; false when it was out of it. */
  hide(key: string, user: string, doing: Doing): Promise<boolean>;
  /** The same for several who all see it now. */
  hideFromMany(key: string, users: readonly string[], doing: Doing): Promise<void>;
  /** Notes that a decision of the app's moderation hides it, also from who comes in later. */
  markModerated(key: string, by: string): Promise<void>;
  /** Messages of a conversation that moderation hides. */
  findModerated(app: string, conversationId: string): Promise<readonly MessageRow[]>;
  /**
   * Puts it back into the views that this took it out of; it stays read. While another decision hides it too, it stays out of
   * them, because of that one from now on.
   */
  showToMany(key: string, by: string): Promise<void>;
  /** What a push says, and in which conversation; null once the message was deleted. */
  notificationOf(key: string): Promise<Pick<MessageRow, "conversation" | "notification" | "sender"> | null>;
  ensureIndexes(): Promise<void>;
}

/** Projection of what `ViewedMessage` leaves out. */
const viewed = { notification: 0, hides: 0, changes: 0, tokens: 0, stems: 0, hits: 0, history: 0 } as const;

const Pushed = MessageRow.pick({ conversation: true, notification: true, sender: true, deletedAt: true });
const AtPosition = z.object({ position: z.number().int() });

export function mongoMessageStore(db: Db): MessageStore {
  const messages = db.collection<MessageRow>("messages");

  const byKeys = (keys: readonly string[]) => ({
    find: messages.collectionName,
    filter: { _id: { $in: keys } },
    batchSize: keys.length + 1,
  });

  const findTogether = gathering<readonly string[], ReadonlyMap<string, MessageRow>>({
    ...TOGETHER,
    weightOf: (keys) => keys.length,
    async work(inputs) {
      const keys = [...new Set(inputs.flat())];
      const rows = await readRows(db, byKeys(keys));
      const found = new Map(rows.map((row) => MessageRow.parse(row)).map((row) => [row._id, row]));
      return inputs.map(() => found);
    },
  });

  const findViewedTogether = gathering<readonly string[], ReadonlyMap<string, ViewedMessage>>({
    ...TOGETHER,
    weightOf: (keys) => keys.length,
    async work(inputs) {
      const keys = [...new Set(inputs.flat())];
      const rows = await readRows(db, { ...byKeys(keys), projection: viewed });
      const found = new Map(rows.map((row) => ViewedMessage.parse(row)).map((row) => [row._id, row]));
      return inputs.map(() => found);
    },
  });

  /** How many rows were inserted, in their order, before one was in the way. */
  const insertInOrder = async (rows: readonly MessageRow[]): Promise<number> => {
    try {
      await messages.insertMany([...rows], { ordered: true });
      return rows.length;
    } catch (error) {
      if (!isDuplicateKey(error) || !(error instanceof MongoBulkWriteError)) throw error;
      return error.insertedCount;
    }
  };

  const insertTogether = gathering<readonly MessageRow[], boolean>({
    ...TOGETHER,
    weightOf: (rows) => rows.length,
    async work(inputs) {
      const answers: boolean[] = [];
      // An insert in order ends at the first row that finds its id or position taken. That is its own caller's affair;
      // for whoever comes behind it, it goes on.
      while (answers.length < inputs.length) {
        const rest = inputs.slice(answers.length);
        let inserted = await insertInOrder(rest.flat());
        for (const rows of rest) {
          answers.push(inserted >= rows.length);
          if (inserted < rows.length) break;
          inserted -= rows.length;
        }
      }
      return answers;
    },
  });

  return {
    async insert(rows) {
      return rows.length === 0 || (await insertTogether(rows));
    },
    async findMany(keys) {
      return keys.length === 0 ? new Map() : await findTogether(keys);
    },
    async find(_id) {
      const row = await messages.findOne({ _id });
      return row && MessageRow.parse(row);
    },
    async findViewed(_id) {
      return (await findViewedTogether([_id])).get(_id) ?? null;
    },
    async findManyViewed(keys) {
      if (keys.length === 0) return [];
      const found = await findViewedTogether(keys);
      return keys.flatMap((key) => found.get(key) ?? []);
    },
    async highestPosition(app, conversation) {
      const row = await messages.findOne(
        { app, conversation },
        { sort: { position: -1 }, projection: { _id: 0, position: 1 }, hint: messageIndex.positions },
      );
      return row ? AtPosition.parse(row).position : 0;
    },
    async changeParts(_id, parts, change) {
      const { modifiedCount } = await messages.updateOne(
        { _id, deletedAt: { $exists: false }, version: change.version - 1 },
        {
          $set: { parts: [...parts], ...searchTokensOf(parts), updatedAt: change.at, version: change.version },
          $push: { changes: { $each: [change], $slice: -REMEMBERED_CHANGES }, ...happened(partsChanged(change)) },
        },
      );
      return modifiedCount === 1;
    },
    async delete(_id, { by, at, actor = null }) {
      // Out of every index but those of its id and position; who had read it is nobody's business any more.
      const nothing = {
        parts: [],
        tokens: [],
        stems: [],
        notification: null,
        hiddenFor: [],
        hides: [],
        unread: [],
        delivered: [],
        read: [],
      };
      const { modifiedCount } = await messages.updateOne(
        { _id, deletedAt: { $exists: false } },
        {
          $set: { ...nothing, changes: [], deletedAt: at, deletedBy: by },
          $push: happened({ kind: "deleted", at, by: actor }),
        },
      );
      return modifiedCount === 1;
    },
    async hide(_id, user, { by, at }) {
      const { modifiedCount } = await messages.updateOne(
        { _id, deletedAt: { $exists: false }, hiddenFor: { $ne: user } },
        {
          $push: { hiddenFor: user, hides: { user, at, by }, ...happened({ kind: "hidden", at, by: user }) },
          $pull: { unread: user },
        },
      );
      return modifiedCount === 1;
    },
    async hideFromMany(_id, users, { by, at }) {
      const hides = users.map((user) => ({ user, at, by }));
      await messages.updateOne(
        { _id, deletedAt: { $exists: false }, hiddenFor: { $nin: [...users] } },
        {
          $push: { hiddenFor: { $each: [...users] }, hides: { $each: hides } },
          $pullAll: { unread: [...users] },
        },
      );
    },
    async markModerated(_id, by) {
      await messages.updateOne({ _id, deletedAt: { $exists: false } }, { $addToSet: { moderatedBy: by } });
    },
    async findModerated(app, conversation) {
      const rows = await messages
        .find({ app, conversation, moderatedBy: { $gt: "" }, deletedAt: { $exists: false } })
        .hint(messageIndex.moderated)
        .toArray();
      return rows.map((row) => MessageRow.parse(row));
    },
    async showToMany(_id, by) {
      const row = await messages.findOne({ _id }, { projection: { hides: 1, moderatedBy: 1 } });
      const heir = row?.moderatedBy?.find((one) => one !== by);
      if (heir !== undefined) {
        const handedOver = { $set: { "hides.$[hide].by": heir }, $pull: { moderatedBy: by } };
        await messages.updateOne({ _id, moderatedBy: heir }, handedOver, { arrayFilters: [{ "hide.by": by }] });
        return;
      }
      const users = row?.hides.filter((hide) => hide.by === by).map(({ user }) => user) ?? [];
      await messages.updateOne({ _id }, { $pullAll: { hiddenFor: users }, $pull: { hides: { by }, moderatedBy: by } });
    },
    async notificationOf(_id) {
      const projection = { _id: 0, conversation: 1, notification: 1, sender: 1, deletedAt: 1 };
      const row = await messages.findOne({ _id }, { projection });
      if (!row) return null;
      const { deletedAt, ...pushed } = Pushed.parse(row);
      return deletedAt === undefined ? pushed : null;
    },
    ensureIndexes: () => ensureMessageIndexes(messages),
  };
}
