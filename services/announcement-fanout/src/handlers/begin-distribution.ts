import { FanOut, FanOutUrgently } from "@strata/contracts";
import type { Cause, Publisher } from "@strata/messaging";
import { announcementIdOf, type Header, sentAtOf } from "../domain/header.ts";
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
  };
  const touched = (header.chunks ?? []).map(({ partition }) => partition);
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
