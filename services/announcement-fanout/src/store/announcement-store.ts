import {
  type Announcement,
  type AnnouncementContent,
  AnnouncementContent as AnnouncementContentSchema,
  AnnouncementState,
} from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { announcementKey } from "../domain/batch.ts";

/** How many chunks a partition of a long list has; said when it is started. */
const PartitionChunks = z.object({ partition: z.number().int(), count: z.number().int() });

/** An announcement as stored: what was said and to how many. Progress is in batches and partition rows. */
const Header = AnnouncementContentSchema.extend({
  _id: z.string(),
  app: z.string(),
  state: AnnouncementState,
  at: z.number(),
  recipientCount: z.number().int(),
  /** Short lists only: whom the backend named, and who of them did not exist at that moment. */
  recipients: z.array(z.string()).nullable(),
  unknown: z.array(z.string()).nullable(),
  digest: z.string(),
  /** The command that made it: a redelivery of that command finds its own row. */
  by: z.string(),
  startedBy: z.string().nullable(),
  chunks: z.array(PartitionChunks).nullable(),
});
export type Header = z.infer<typeof Header>;

export interface AnnouncementStore {
  find(app: string, announcementId: string): Promise<Header | null>;
  findMany(ids: readonly string[]): Promise<ReadonlyMap<string, Header>>;
  /** Inserts what is not there yet; what is there stays as it is. */
  insertNew(headers: readonly Header[]): Promise<void>;
  /** `accepting` → `distributing`, once; answers the header as it is afterwards. */
  markStarted(id: string, startedBy: string, chunks: Header["chunks"]): Promise<Header | null>;
  /** `distributing` → `distributed`; true for the one call that did it. */
  markDistributed(id: string): Promise<boolean>;
  /** Long lists whose distribution has begun and not ended, oldest first. */
  distributing(limit: number): Promise<readonly Header[]>;
  /** Removes headers made before `before` and never started, and answers their ids: none that was started meanwhile. */
  removeAbandoned(before: number): Promise<readonly string[]>;
  ensureIndexes(): Promise<void>;
}

export function mongoAnnouncementStore(db: Db): AnnouncementStore {
  const headers = db.collection<Header>("announcements");
  const parse = (document: unknown): Header => Header.parse(document);
  return {
    async find(app, announcementId) {
      const document = await headers.findOne({ _id: announcementKey(app, announcementId) });
      return document && parse(document);
    },
    async findMany(ids) {
      const documents = await headers.find({ _id: { $in: [...ids] } }).toArray();
      return new Map(documents.map((document) => [document._id, parse(document)]));
    },
    async insertNew(rows) {
      if (rows.length === 0) return;
      try {
        await headers.insertMany([...rows], { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async markStarted(id, startedBy, chunks) {
      await headers.updateOne({ _id: id, state: "accepting" }, { $set: { state: "distributing", startedBy, chunks } });
      const document = await headers.findOne({ _id: id });
      return document && parse(document);
    },
    async markDistributed(id) {
      const change = { $set: { state: "distributed" } } as const;
      const { modifiedCount } = await headers.updateOne({ _id: id, state: "distributing" }, change);
      return modifiedCount === 1;
    },
    async distributing(limit) {
      const documents = await headers
        .find({ state: "distributing", startedBy: { $type: "string" } })
        .sort({ at: 1 })
        .limit(limit)
        .toArray();
      return documents.map(parse);
    },
    async removeAbandoned(before) {
      const abandoned = await headers
        .find({ state: "accepting", at: { $lt: before } }, { projection: { _id: 1 } })
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
    async ensureIndexes() {
      // Only what is under way is in it, so it stays small whatever the history.
      await headers.createIndex(
        { state: 1, at: 1 },
        { partialFilterExpression: { state: { $in: ["accepting", "distributing"] } } },
      );
    },
  };
}

/** The contract's view of a header. */
export function announcementFrom(header: Header): Announcement {
  const { _id, state, at, recipientCount, recipients } = header;
  return { announcementId: _id.split("/")[1] ?? "", state, at, recipientCount, recipients, ...contentFrom(header) };
}

export const contentFrom = ({ sender, parts, notification }: Header): AnnouncementContent => ({
  sender,
  parts,
  notification,
});
