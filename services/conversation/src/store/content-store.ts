import { isDuplicateKey } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { contentKey, type ContentRow } from "../domain/content.ts";
import type { ReferencedContents } from "../referenced-contents.ts";

const StoredContent = z.object({
  _id: z.string(),
  app: z.string(),
  contentId: z.string(),
  conversation: z.string().nullable(),
  owner: z.string().nullable(),
  mimeType: z.string(),
  size: z.number(),
  origin: z.string().nullable(),
  createdAt: z.number(),
  by: z.string(),
  session: z.string().nullable(),
  isUploaded: z.boolean(),
  uploadedAt: z.number().nullable(),
  /** When the sweep has to look at it; absent once there is nothing left to do. */
  dueAt: z.number().optional(),
  /** The others know that all bytes are there; of what users uploaded and nobody sent yet: then it is due for that. */
  isTold: z.boolean().optional(),
  /** When a message first referred to it. */
  usedAt: z.number().optional(),
  /** It is being removed: to everybody but the sweep it is gone. */
  removedAt: z.number().optional(),
});
type StoredContent = z.infer<typeof StoredContent>;

/** That content which belongs to no conversation was sent in one. */
interface ContentUse {
  readonly _id: string;
  readonly content: string;
  readonly conversation: string;
}
const ContentUse = z.object({ conversation: z.string() });

/** What was not finished for this long after the last sign of life is removed: an upload URL works for a day. */
export const ABANDONED_MS = 25 * 3_600_000;
/** After this the sweep says once more that all bytes are there, should nobody have come to say it. */
const UNTOLD_MS = 60_000;
/** What a user uploaded and did not send for so long is removed: nobody but she knows of it. What a backend uploaded stays. */
export const UNSENT_MS = 7 * 86_400_000;
const LEASE_MS = 300_000;

/** Content whose time has come: to be told about, or to be removed. */
export type DueContent = { readonly row: ContentRow; readonly step: "tell" | "remove" };

export interface ContentStore extends ReferencedContents {
  insertOrFind(row: ContentRow, now: number): Promise<ContentRow>;
  /** null also for what is being removed. */
  find(app: string, contentId: string): Promise<ContentRow | null>;
  /** Keeps the session unless another was begun since `before`, and answers the one that counts. */
  keepSession(row: ContentRow, session: string, before: string | null): Promise<string | null>;
  /** The upload goes on. */
  touch(row: ContentRow, now: number): Promise<void>;
  /** All bytes are there. Answers since when; null when it is being removed. */
  markUploaded(row: ContentRow, now: number): Promise<number | null>;
  /** The others have been told. What nobody has sent by then is due to be removed some days later. */
  markTold(row: ContentRow, now?: number): Promise<void>;
  /** Takes what is due for a while, so that replicas do not do it twice; what is to be removed is gone for everybody. */
  claimDue(now: number): Promise<DueContent | null>;
  remove(row: ContentRow): Promise<void>;
  /** Hands up to `limit` of a deleted conversation's contents to the sweep, gone for everybody else; answers how many. */
  purge(app: string, conversationId: string, limit: number, now?: number): Promise<number>;
  /** The same with all contents of an app that is gone. */
  purgeApp(app: string, now?: number): Promise<void>;
  /** Conversations in which content of no conversation was sent, `limit` at most. */
  conversationsWith(app: string, contentId: string, limit: number): Promise<readonly string[]>;
  isUsedIn(app: string, contentId: string, conversationId: string): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

const Found = z.object({ _id: z.string(), conversation: z.string().nullable(), usedAt: z.number().optional() });
const read = (row: unknown): ContentRow => {
  const { dueAt: _due, removedAt: _removed, isTold: _told, usedAt: _used, ...content } = StoredContent.parse(row);
  return content;
};
const useKey = (app: string, contentId: string, conversationId: string): string =>
  `${contentKey(app, contentId)}/${conversationId}`;

export function mongoContentStore(db: Db): ContentStore {
  const contents = db.collection<StoredContent>("contents");
  const uses = db.collection<ContentUse>("content_uses");
  const present = { removedAt: { $exists: false } } as const;

  /** Of those that a message may refer to: from now on they are not due to be removed as what nobody sent. */
  const markUsed = async (referable: Filter<StoredContent>): Promise<void> => {
    const unused = { ...referable, usedAt: { $exists: false } };
    const usedAt = Date.now();
    await contents.updateMany({ ...unused, isTold: true }, { $set: { usedAt }, $unset: { dueAt: "" } });
    await contents.updateMany(unused, { $set: { usedAt } });
  };

  const recordUses = async (keys: readonly string[], conversation: string): Promise<void> => {
    if (keys.length === 0) return;
    const rows = keys.map((content) => ({ _id: `${content}/${conversation}`, content, conversation }));
    try {
      await uses.insertMany(rows, { ordered: false });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
  };

  return {
    async insertOrFind(row, now) {
      try {
        await contents.insertOne({ ...row, dueAt: now + ABANDONED_MS });
        return row;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return read(await contents.findOne({ _id: row._id }));
      }
    },
    async find(app, contentId) {
      const row = await contents.findOne({ _id: contentKey(app, contentId), ...present });
      return row && read(row);
    },
    async keepSession({ _id }, session, before) {
      await contents.updateOne({ _id, session: before, ...present }, { $set: { session } });
      const row = await contents.findOne({ _id, ...present });
      return row && read(row).session;
    },
    async touch({ _id }, now) {
      await contents.updateOne({ _id, isUploaded: false, ...present }, { $max: { dueAt: now + ABANDONED_MS } });
    },
    async markUploaded({ _id }, now) {
      const change = { isUploaded: true, uploadedAt: now, dueAt: now + UNTOLD_MS };
      await contents.updateOne({ _id, isUploaded: false, ...present }, { $set: change });
      const row = await contents.findOne({ _id, ...present });
      return row && read(row).uploadedAt;
    },
    async markTold({ _id, owner }, now = Date.now()) {
      const untold = { _id, isUploaded: true, isTold: { $exists: false } } as const;
      const isWaited = { $set: { isTold: true, dueAt: now + UNSENT_MS } };
      if (owner !== null) await contents.updateOne({ ...untold, usedAt: { $exists: false } }, isWaited);
      await contents.updateOne(untold, { $set: { isTold: true }, $unset: { dueAt: "" } });
    },
    async claimDue(now) {
      const due = { dueAt: { $lte: now } } as const;
      const untold = { ...due, isUploaded: true, isTold: { $exists: false } } as const;
      const told = await contents.findOneAndUpdate(untold, { $set: { dueAt: now + LEASE_MS } });
      if (told) return { row: read(told), step: "tell" };
      // Once it is to be removed it is as what was never finished: nobody can begin to refer to it.
      const abandoned = await contents.findOneAndUpdate(
        { ...due, $or: [{ isUploaded: false }, { isUploaded: true, isTold: true, usedAt: { $exists: false } }] },
        { $set: { dueAt: now + LEASE_MS, removedAt: now, isUploaded: false } },
      );
      return abandoned && { row: read(abandoned), step: "remove" };
    },
    async remove({ _id }) {
      await contents.deleteOne({ _id, removedAt: { $exists: true } });
    },
    async purge(app, conversation, limit, now = Date.now()) {
      const rows = await contents
        .find({ app, conversation, ...present }, { projection: { _id: 1 }, limit, batchSize: limit + 1 })
        .toArray();
      const _id = { $in: rows.map((row) => row._id) };
      // As one that was never finished: the sweep knows how to remove those, and their bytes before their rows.
      const change = { $set: { isUploaded: false, removedAt: now, dueAt: now } };
      return rows.length === 0 ? 0 : (await contents.updateMany({ _id, ...present }, change)).modifiedCount;
    },
    async purgeApp(app, now = Date.now()) {
      const change = { $set: { isUploaded: false, removedAt: now, dueAt: now } };
      await contents.updateMany({ _id: { $gte: app, $lt: `${app}0` }, ...present }, change);
    },
    async findMissing(app, conversationId, contentIds) {
      if (contentIds.length === 0) return [];
      const keys = contentIds.map((contentId) => contentKey(app, contentId));
      const filter = {
        _id: { $in: keys },
        conversation: { $in: [conversationId, null] },
        isUploaded: true,
        ...present,
      };
      const projection = { _id: 1, conversation: 1, usedAt: 1 } as const;
      const look = async () => {
        const rows = await contents.find(filter, { projection, batchSize: keys.length + 1 }).toArray();
        return rows.map((row) => Found.parse(row));
      };
      let found = await look();
      if (found.some(({ usedAt }) => usedAt === undefined)) {
        await markUsed(filter);
        // What the sweep took before it was marked is gone.
        found = await look();
      }
      await recordUses(
        found.flatMap(({ _id, conversation }) => (conversation === null ? [_id] : [])),
        conversationId,
      );
      const known = new Set(found.map(({ _id }) => _id));
      return contentIds.filter((contentId) => !known.has(contentKey(app, contentId)));
    },
    async conversationsWith(app, contentId, limit) {
      const content = contentKey(app, contentId);
      const rows = await uses.find({ content }, { limit, batchSize: limit + 1 }).toArray();
      return rows.map((row) => ContentUse.parse(row).conversation);
    },
    async isUsedIn(app, contentId, conversationId) {
      return (await uses.findOne({ _id: useKey(app, contentId, conversationId) })) !== null;
    },
    async ensureIndexes() {
      await contents.createIndex(
        { isUploaded: 1, dueAt: 1 },
        { partialFilterExpression: { dueAt: { $exists: true } } },
      );
      await contents.createIndex({ app: 1, conversation: 1, removedAt: 1 });
      await uses.createIndex({ content: 1, _id: 1 });
    },
  };
}
