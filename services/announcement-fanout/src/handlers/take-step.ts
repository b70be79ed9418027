import type { Cause, Client, Publisher } from "@strata/messaging";
import { type Batch, RECIPIENTS_PER_BATCH, SLICE } from "../domain/batch.ts";
import { type Header, isStopped } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionRow, PartitionStore } from "../store/partition-store.ts";
import type { RecipientStore } from "../store/recipient-store.ts";
import type { RosterStore } from "../store/roster-store.ts";
import type { SortedStore } from "../store/sorted-store.ts";
import type { UploadStore } from "../store/upload-store.ts";
import type { AudiencePages } from "./audience-pages.ts";
import { publishBatches } from "./publish-batches.ts";
import type { ReadAhead } from "./read-ahead.ts";
import { documentsOf, takeAudienceStep } from "./take-audience-step.ts";
import { takeListStep } from "./take-list-step.ts";
import { takeSortingStep } from "./take-sorting-step.ts";
import { takeUploadStep } from "./take-upload-step.ts";

export interface FanOutDeps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly chunks: ChunkStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher & Client;
  readonly rosters: RosterStore;
  readonly recipients: RecipientStore;
  readonly uploads: UploadStore;
  readonly sorted: SortedStore;
  /** Lets so many steps of a process be taken at once; without it any number: what is urgent waits for nobody. */
  readonly pace?: <A extends unknown[], T>(work: (...given: A) => Promise<T>, ...given: A) => Promise<T>;
  /** Of one worker; without it nothing is asked for ahead. */
  readonly ahead?: ReadAhead<AudiencePages>;
}

/**
 * The next few batches of a partition, or, where its announcement was stopped, the end of it. Answers whether that
 * ended the partition; what is paused is put aside.
 */
export async function takeStep(
  deps: FanOutDeps,
  header: Header,
  row: PartitionRow,
  cause?: Cause,
  limit = RECIPIENTS_PER_BATCH,
): Promise<boolean> {
  if (isStopped(header)) return closePartition(deps, header, row, cause);
  if (header.state !== "distributing") {
    await deps.partitions.hold(row.app, row.announcement);
    return false;
  }
  if (row.isSorting) return takeSortingStep(deps, header, row, cause);
  if (row.slice !== undefined) return takeUploadStep(deps, header, row, limit, cause);
  if (header.audience.kind !== "recipients") return takeAudienceStep(deps, header, row, limit, cause);
  if (header.isUploaded) return takeUploadStep(deps, header, row, limit, cause);
  return takeListStep(deps, header, [row], limit, cause);
}

/**
 * Ends a partition of an announcement that was stopped: what a worker wrote and did not live to count is published and
 * counted, and nothing is written behind it.
 */
async function closePartition(deps: FanOutDeps, header: Header, row: PartitionRow, cause?: Cause): Promise<boolean> {
  const { partitions, broker } = deps;
  const uncounted = await documentsOf(deps, header).from(
    row.app,
    row.announcement,
    row.partition,
    row.n,
    row.slice ?? SLICE,
  );
  if (header.state === "canceled") await publishBatches(broker, header, uncounted, cause);
  const step = { batches: uncounted.length, sent: countOf(uncounted), unknown: 0, cursor: null, isDone: true };
  return (await partitions.advance(row, step)) !== null;
}

const countOf = (stored: readonly Batch[]): number =>
  stored.reduce((sum, { recipients }) => sum + recipients.length, 0);
