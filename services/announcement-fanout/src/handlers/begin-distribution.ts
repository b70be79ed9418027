import { AnnouncementOpened, FanOut, FanOutUrgently } from "@strata/contracts";
import type { Cause, Publisher } from "@strata/messaging";
import { ALL_PARTITIONS, batchesOfEveryone } from "../domain/batch.ts";
import {
  announcementIdOf,
  cutoffOf,
  type Header,
  isForEveryoneAtOnce,
  localScheduleOf,
  sentAtOf,
} from "../domain/header.ts";
import type { BatchStore } from "../store/batch-store.ts";
import { NO_SLOT, type PartitionStore } from "../store/partition-store.ts";

interface Deps {
  readonly partitions: PartitionStore;
  readonly broker: Publisher;
}

/**
 * Makes the rows of the partitions that have recipients. Before the state says `distributing`: from then on the sweeper
 * counts on them. Until then workers put them aside.
 */
export async function layOutPartitions({ partitions }: Pick<Deps, "partitions">, header: Header): Promise<void> {
  const lane = {
    at: sentAtOf(header),
    isUrgent: header.priority === "urgent",
    isThrottled: header.throttlePerMinute !== null,
    isSorting: localScheduleOf(header) !== null,
  };
  const named = (header.chunks ?? []).map(({ partition }) => partition);
  const touched = header.audience.kind === "recipients" ? named : ALL_PARTITIONS;
  await partitions.insertNew(header.app, announcementIdOf(header), lane, touched);
}

/** Wakes the slots in which an announcement has something to do; what is throttled is in none. */
export async function wakeSlots({ partitions, broker }: Deps, header: Header, cause?: Cause): Promise<void> {
  const announcementId = announcementIdOf(header);
  await partitions.letGo(header.app, announcementId);
  const slots = await partitions.pendingSlots(header.app, announcementId);
  const wake = header.priority === "urgent" ? FanOutUrgently : FanOut;
  await Promise.all(
    slots
      .filter((slot) => slot !== NO_SLOT)
      .map((slot) => broker.send(wake, header.app, { slot }, cause ? { cause } : {})),
  );
}

/**
 * Puts what is for everyone at one moment into all inboxes, of all partitions or of these. Not before the state says
 * `distributing`: what is canceled until then is in no inbox. Bears repeating.
 */
export async function openInboxes(
  { batches }: { readonly batches: BatchStore },
  header: Header,
  partitions: readonly number[] = ALL_PARTITIONS,
): Promise<void> {
  if (!isForEveryoneAtOnce(header)) return;
  const rows = batchesOfEveryone(header.app, announcementIdOf(header), sentAtOf(header), cutoffOf(header));
  await batches.insertNew(rows.filter(({ partition }) => partitions.includes(partition)));
}

/**
 * Puts what is for everyone at one moment into all inboxes, and says so: whoever keeps what is in them looks again. Done
 * by who starts it, and again by who attends to it then, should the one have died.
 */
export async function openAllInboxes(
  { batches, broker }: { readonly batches: BatchStore; readonly broker: Publisher },
  header: Header,
  cause?: Cause,
): Promise<void> {
  if (!isForEveryoneAtOnce(header)) return;
  await openInboxes({ batches }, header);
  const { app, version } = header;
  const opened = { announcementId: announcementIdOf(header), version, at: sentAtOf(header) };
  await broker.emit(AnnouncementOpened, app, opened, { ...(cause ? { cause } : {}), subjectVersion: version });
}
