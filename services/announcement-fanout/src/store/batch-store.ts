import { partitionOf } from "@strata/contracts";
import type { Db, Filter } from "mongodb";
import { announcementKey, announcementOf, type Batch, below, EVERYONE, partitionRowId } from "../domain/batch.ts";
import { type BatchDocuments, batchDocuments } from "./batch-documents.ts";
import { entriesOf, inboxFilter, type InboxReader, type InboxScope, type InboxTimes } from "./inbox-filter.ts";
import { type InboxesOfUsers, inboxesOfUsers } from "./inboxes-of-users.ts";

/** One entry of a user's inbox. */
export interface InboxEntry {
  readonly announcementId: string;
  readonly at: number;
}

export interface Inbox extends InboxScope, InboxReader, InboxTimes {
  /** What she has deleted for herself. */
  readonly without?: ReadonlySet<string>;
}

/** Behind what a page begins: an announcement that is there, or the place of one that may be gone. */
export type After = string | InboxEntry | null;

/** Batches are the inboxes: one document is the inbox entry of all its recipients. */
export interface BatchStore extends BatchDocuments {
  /** A user's inbox without what is hidden, newest first, behind `after`; null when that is named and not in it. */
  inbox(inbox: Inbox, after: After, limit: number): Promise<readonly InboxEntry[] | null>;
  inboxSize(inbox: Inbox): Promise<number>;
  /** What is in the inboxes of many, in a few commands for each of their partitions; `most` entries or little more. */
  inboxesOf(scope: InboxScope, readers: readonly InboxReader[], most?: number): Promise<InboxesOfUsers>;
  /** An announcement's entry in a user's inbox; null where it has none. */
  findEntry(inbox: Inbox, announcementId: string): Promise<InboxEntry | null>;
  /** What is for everyone is from now on for nobody who became known later than this. */
  closeToNewcomers(app: string, announcementId: string, cutoff: number): Promise<void>;
  /** The first of an announcement's batches that are still in inboxes. */
  first(app: string, announcementId: string, limit: number): Promise<readonly Batch[]>;
  /** Takes these batches out of the inboxes. */
  remove(ids: readonly string[]): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** Where a page begins: behind a time, and of that time with these ids. */
interface Place {
  readonly at: number;
  readonly _id: Readonly<Record<string, string>>;
}

/** The index is entered at the place: by the choice of two alone it would be walked to there from its newest entry. */
const behindPlace = ({ at, _id }: Place): Filter<Batch> => ({
  at: { $lte: at },
  $or: [{ at: { $lt: at } }, { at, _id }],
});

/** Of a walk along the keys of an inbox, for its length. */
const KEYS_PER_BATCH = 1_000;

const NOTHING: ReadonlySet<string> = new Set();
const withoutOf = ({ without = NOTHING }: Inbox): ReadonlySet<string> => without;

/** What is not left out, read no further than it is taken. */
async function* shownOf(inbox: Inbox, documents: AsyncIterable<Pick<Batch, "_id" | "at">>): AsyncGenerator<InboxEntry> {
  for await (const { _id, at } of documents) {
    const announcementId = announcementOf(_id);
    if (!withoutOf(inbox).has(announcementId)) yield { announcementId, at };
  }
}

export function mongoBatchStore(db: Db): BatchStore {
  const batches = db.collection<Batch>("batches");
  const documents = batchDocuments(batches);

  const placeOf = async (inbox: Inbox, after: Exclude<After, null>): Promise<Place | null> => {
    const announcementId = typeof after === "string" ? after : after.announcementId;
    const _id = below(partitionRowId(inbox.app, announcementId, partitionOf(inbox.userId)));
    if (typeof after !== "string") return { at: after.at, _id: { $gte: _id.$lt } };
    const entry = await batches.findOne({ $and: [{ _id }, entriesOf(inbox)] }, { projection: { at: 1 } });
    return entry && { at: entry.at, _id: { $gt: entry._id } };
  };

  const walk = (inbox: Inbox, from: Filter<Batch>) =>
    batches.find({ $and: [inboxFilter(inbox), from] }, { projection: { at: 1 } }).sort({ at: -1, _id: 1 });

  return {
    ...documents,
    async inbox(inbox, after, limit) {
      const place = after === null ? null : await placeOf(inbox, after);
      if (after !== null && place === null) return null;
      const from = place === null ? {} : behindPlace(place);
      // However many of these are left out, there is a page of others among them.
      const found = walk(inbox, from).limit(limit + withoutOf(inbox).size);
      const page: InboxEntry[] = [];
      for await (const entry of shownOf(inbox, found.batchSize(limit))) {
        page.push(entry);
        if (page.length === limit) break;
      }
      return page;
    },
    async inboxSize(inbox) {
      if (withoutOf(inbox).size === 0) return batches.countDocuments(inboxFilter(inbox));
      let size = 0;
      for await (const _ of shownOf(inbox, walk(inbox, {}).batchSize(KEYS_PER_BATCH))) size += 1;
      return size;
    },
    inboxesOf: (scope, readers, most) => inboxesOfUsers(db, batches, scope, readers, most),
    async findEntry(inbox, announcementId) {
      const _id = below(partitionRowId(inbox.app, announcementId, partitionOf(inbox.userId)));
      const entry = await batches.findOne({ $and: [{ _id }, inboxFilter(inbox)] }, { projection: { at: 1 } });
      return entry && { announcementId, at: entry.at };
    },
    async closeToNewcomers(app, announcementId, cutoff) {
      const filter = { _id: below(announcementKey(app, announcementId)), recipients: EVERYONE };
      await batches.updateMany(filter, { $min: { cutoff } });
    },
    first: (app, announcementId, limit) =>
      batches
        .find({ _id: below(announcementKey(app, announcementId)) })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    async remove(ids) {
      if (ids.length > 0) await batches.deleteMany({ _id: { $in: [...ids] } });
    },
    async ensureIndexes() {
      await batches.createIndex({ app: 1, partition: 1, recipients: 1, at: -1, _id: 1 });
    },
  };
}
