import type { AnnouncementState, SearchQuestion } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { announcementKey, announcementOf } from "../domain/batch.ts";
import { Header } from "../domain/header.ts";

/** What a change of state writes beside the state. */
export type HeaderChange = Partial<
  Pick<
    Header,
    | "startedBy"
    | "recipientCount"
    | "chunks"
    | "startsAt"
    | "hidesFrom"
    | "parts"
    | "tokens"
    | "notification"
    | "isPersonal"
    | "defaults"
    | "variants"
    | "schedule"
    | "expiresAt"
    | "throttlePerMinute"
    | "isSilent"
    | "priority"
    | "category"
    | "retentionDays"
    | "includeNewUsersUntil"
  >
>;

/** An announcement that is also for who becomes known until then. */
export interface Open {
  readonly announcementId: string;
  readonly until: number;
}

/** Once canceled it is open no longer than until then; who was known by then may still be to be written down. */
const OPEN: readonly AnnouncementState[] = ["distributing", "paused", "distributed", "canceled"];

export interface MoveOptions {
  /** The command that asks for it, to be found again when it comes again. */
  readonly by?: string;
  /** Only while it is this version. */
  readonly version?: number;
  readonly change?: HeaderChange;
}

/** How many changes of state are remembered. */
const CHANGES = 32;

export interface AnnouncementStore {
  find(app: string, announcementId: string): Promise<Header | null>;
  findMany(ids: readonly string[]): Promise<ReadonlyMap<string, Header>>;
  /** As far as recipients are told of them: whom it is for, which may be a long list, and what pushes say is left out. */
  findTold(ids: readonly string[]): Promise<ReadonlyMap<string, Header>>;
  /** Of some ids, those of announcements that say what is looked for. */
  findSaying(ids: readonly string[], question: SearchQuestion): Promise<ReadonlySet<string>>;
  /** Alone, without what was said: what is looked at after every step. */
  versionOf(id: string): Promise<number | null>;
  /** What decides whether an upload takes more; null where there is no such announcement. */
  uploadStateOf(id: string): Promise<Pick<Header, "state" | "isUploaded"> | null>;
  /** Inserts what is not there yet; what is there stays as it is. */
  insertNew(headers: readonly Header[]): Promise<void>;
  /**
   * One change of state, if it is in one of `from`: answers the header after it, else null. Whatever is timed about it is
   * looked at anew.
   */
  move(
    id: string,
    from: readonly AnnouncementState[],
    to: AnnouncementState,
    options?: MoveOptions,
  ): Promise<Header | null>;
  /** One more revision of what is said, if it is in one of `from` and this command has not made one: the header after it. */
  correct(
    id: string,
    from: readonly AnnouncementState[],
    by: string,
    content: Partial<Pick<Header, "parts" | "notification" | "isPersonal" | "defaults" | "variants" | "tokens">>,
  ): Promise<Header | null>;
  /** Those whose distribution is under way, oldest first. */
  distributing(limit: number): Promise<readonly Header[]>;
  /** The announcement about which something timed is due longest, now held for `leaseMs`; null when none is due. */
  claimDue(holder: string, leaseMs: number): Promise<Header | null>;
  /** Throttled: takes the next batch, so that nobody writes one before `until`; false when it is not yet time for it. */
  reserveBatch(id: string, until: number): Promise<boolean>;
  /** What was reserved until `until` is written: the next may be from `nextAt` on. */
  settleBatch(id: string, until: number, nextAt: number): Promise<void>;
  /** The announcements that the inboxes of an app leave out now. */
  hidden(app: string): Promise<readonly string[]>;
  /** The announcements, under way or sent, that are also for who becomes known at `since` or later. */
  openToNewcomers(app: string, since: number): Promise<readonly Open[]>;
  /** Something is to be done about these now, if their distribution is over. */
  wakeSent(ids: readonly string[]): Promise<void>;
  /** Something is to be done about it now, if it is being distributed. */
  wake(id: string): Promise<void>;
  /** By local time: it is settled who gets it when. */
  setMoments(id: string, moments: readonly number[]): Promise<void>;
  /** Nothing of it is in an inbox any more, and nobody need pass it over; unless its state is another by now. */
  stopHiding(id: string, version: number): Promise<void>;
  /** Lets go of it until `dueAt`; nothing happens when it was changed or claimed by somebody else meanwhile. */
  release(id: string, holder: string, dueAt: number | null): Promise<void>;
  /**
   * Removes headers made before `before` and never started, and answers their ids: none that was started meanwhile, and
   * no uploads.
   */
  removeAbandoned(before: number): Promise<readonly string[]>;
  /** Uploads made before `before` and never started. */
  abandonedUploads(before: number): Promise<readonly string[]>;
  ensureIndexes(): Promise<void>;
}

/** A lease lost with the database's last moments is taken again: it need not wait for the disk. */
const LIGHT = { writeConcern: { w: 1 } } as const;

/** Above every character that a word has. */
const HIGHEST = "\u{10ffff}";

/** Read with every page of an inbox: a list of a thousand names in each header would be most of its work. */
const NOT_TOLD = { recipients: 0, unknown: 0, notification: 0, chunks: 0, moments: 0, changes: 0, tokens: 0 } as const;
/** What a header must say something of. */
const UNTOLD = { recipients: null, unknown: null, notification: null, chunks: null } as const;

const parse = (document: unknown): Header => Header.parse(document);

export function mongoAnnouncementStore(db: Db): AnnouncementStore {
  const headers = db.collection<Header>("announcements");
  return {
    async find(app, announcementId) {
      const document = await headers.findOne({ _id: announcementKey(app, announcementId) });
      return document && parse(document);
    },
    async findMany(ids) {
      const documents = await headers.find({ _id: { $in: [...ids] } }).toArray();
      return new Map(documents.map((document) => [document._id, parse(document)]));
    },
    async findTold(ids) {
      const found = headers.find({ _id: { $in: [...ids] } }, { projection: NOT_TOLD, batchSize: ids.length + 1 });
      const documents = await found.toArray();
      return new Map(documents.map((document) => [document._id, parse({ ...UNTOLD, ...document })]));
    },
    async findSaying(ids, { words, prefix }) {
      const begins = { tokens: { $elemMatch: { $gte: prefix, $lt: `${prefix}${HIGHEST}` } } };
      const documents = await headers
        .find(
          { _id: { $in: [...ids] }, $and: [...words.map((tokens) => ({ tokens })), begins] },
          { projection: { _id: 1 }, batchSize: ids.length + 1 },
        )
        .toArray();
      return new Set(documents.map(({ _id }) => _id));
    },
    async versionOf(_id) {
      const document = await headers.findOne({ _id }, { projection: { version: 1 } });
      return document && (document.version ?? 1);
    },
    async uploadStateOf(_id) {
      const document = await headers.findOne({ _id }, { projection: { state: 1, isUploaded: 1 } });
      return document && { state: document.state, isUploaded: document.isUploaded ?? false };
    },
    async insertNew(rows) {
      if (rows.length === 0) return;
      try {
        await headers.insertMany([...rows], { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async move(_id, from, to, { by, version, change = {} } = {}) {
      const at = Date.now();
      const next = { $add: [{ $ifNull: ["$version", 1] }, 1] };
      const changes = { $ifNull: ["$changes", []] };
      const remembered = { $slice: [{ $concatArrays: [changes, [{ version: next, at, by }]] }, -CHANGES] };
      const document = await headers.findOneAndUpdate(
        { _id, state: { $in: [...from] }, ...(version === undefined ? {} : { version }) },
        [
          {
            $set: {
              ...Object.fromEntries(Object.entries(change).map(([field, value]) => [field, { $literal: value }])),
              state: to,
              stateAt: at,
              version: next,
              ...(by === undefined ? {} : { changes: remembered }),
              dueAt: at,
              holder: null,
            },
          },
        ],
        { returnDocument: "after" },
      );
      return document && parse(document);
    },
    async correct(_id, from, by, content) {
      const corrections = { $ifNull: ["$corrections", []] };
      const correction = { revision: { $add: [{ $size: corrections }, 2] }, at: Date.now(), by };
      const document = await headers.findOneAndUpdate(
        { _id, state: { $in: [...from] }, "corrections.by": { $ne: by } },
        [
          {
            $set: {
              ...Object.fromEntries(Object.entries(content).map(([field, value]) => [field, { $literal: value }])),
              version: { $add: [{ $ifNull: ["$version", 1] }, 1] },
              corrections: { $concatArrays: [corrections, [correction]] },
            },
          },
        ],
        { returnDocument: "after" },
      );
      return document && parse(document);
    },
    async distributing(limit) {
      const documents = await headers
        .find({ state: "distributing", startedBy: { $type: "string" } })
        .sort({ at: 1 })
        .limit(limit)
        .toArray();
      return documents.map(parse);
    },
    async claimDue(holder, leaseMs) {
      const now = Date.now();
      const document = await headers.findOneAndUpdate(
        { dueAt: { $gt: 0, $lte: now } },
        { $set: { holder, dueAt: now + leaseMs } },
        { sort: { dueAt: 1 }, returnDocument: "after", ...LIGHT },
      );
      return document && parse(document);
    },
    async reserveBatch(_id, until) {
      const { matchedCount } = await headers.updateOne(
        { _id, $or: [{ nextBatchAt: null }, { nextBatchAt: { $lte: Date.now() } }] },
        { $set: { nextBatchAt: until } },
      );
      return matchedCount === 1;
    },
    async settleBatch(_id, until, nextAt) {
      await headers.updateOne({ _id, nextBatchAt: until }, { $set: { nextBatchAt: nextAt, dueAt: nextAt } });
    },
    async hidden(app) {
      const documents = await headers
        .find({ app, hidesFrom: { $gt: 0, $lte: Date.now() } }, { projection: { _id: 1 } })
        .toArray();
      return documents.map(({ _id }) => announcementOf(_id));
    },
    async openToNewcomers(app, since) {
      const documents = await headers
        .find(
          // Before its start there is no need: whoever is known by then is found by the walk.
          { app, includeNewUsersUntil: { $gte: since }, state: { $in: [...OPEN] } },
          { projection: { includeNewUsersUntil: 1 } },
        )
        .toArray();
      return documents.map(({ _id, includeNewUsersUntil }) => ({
        announcementId: announcementOf(_id),
        until: includeNewUsersUntil ?? 0,
      }));
    },
    async wakeSent(ids) {
      if (ids.length === 0) return;
      const over = { _id: { $in: [...ids] }, state: { $in: ["distributed", "canceled"] as AnnouncementState[] } };
      await headers.updateMany(over, { $set: { dueAt: Date.now(), holder: null } });
    },
    async wake(_id) {
      await headers.updateOne({ _id, state: "distributing" }, { $set: { dueAt: Date.now(), holder: null } });
    },
    async setMoments(_id, moments) {
      await headers.updateOne({ _id }, { $set: { moments: [...moments] } });
    },
    async stopHiding(_id, version) {
      await headers.updateOne({ _id, version }, { $set: { hidesFrom: null } });
    },
    async release(_id, holder, dueAt) {
      await headers.updateOne({ _id, holder }, { $set: { dueAt, holder: null } }, LIGHT);
    },
    async removeAbandoned(before) {
      const abandoned = await headers
        .find({ state: "accepting", at: { $lt: before }, isUploaded: { $ne: true } }, { projection: { _id: 1 } })
        .limit(100)
        .toArray();
      const removed: string[] = [];
      for (const { _id } of abandoned) {
        // The state again, and each by itself: whose recipients may be removed is only who was still never started.
        const { deletedCount } = await headers.deleteOne({ _id, state: "accepting" });
        if (deletedCount === 1) removed.push(_id);
      }
      return removed;
    },
    async abandonedUploads(before) {
      const abandoned = await headers
        .find({ state: "accepting", at: { $lt: before }, isUploaded: true }, { projection: { _id: 1 } })
        .limit(100)
        .toArray();
      return abandoned.map(({ _id }) => _id);
    },
    async ensureIndexes() {
      // Only what is under way is in it, so it stays small whatever the history.
      await headers.createIndex(
        { state: 1, at: 1 },
        { partialFilterExpression: { state: { $in: ["accepting", "distributing"] } } },
      );
      await headers.createIndex({ dueAt: 1 }, { name: "due", partialFilterExpression: { dueAt: { $gt: 0 } } });
      await headers.createIndex(
        { app: 1, hidesFrom: 1 },
        { name: "hiding", partialFilterExpression: { hidesFrom: { $gt: 0 } } },
      );
      await headers.createIndex(
        { app: 1, includeNewUsersUntil: 1 },
        { name: "open", partialFilterExpression: { includeNewUsersUntil: { $gt: 0 } } },
      );
    },
  };
}
