import type { Db } from "mongodb";
import type { Batch } from "../domain/batch.ts";
import { type BatchDocuments, batchDocuments } from "./batch-documents.ts";

/**
 * Who has an announcement that is in inboxes otherwise, or not any more: batches as in `batches`, without the index of
 * the inboxes.
 */
export type RosterStore = BatchDocuments;

export const ROSTERS = "rosters";

export const mongoRosterStore = (db: Db): RosterStore => batchDocuments(db.collection<Batch>(ROSTERS));
