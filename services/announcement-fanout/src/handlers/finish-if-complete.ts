import { AnnouncementDistributed } from "@strata/contracts";
import type { Cause, Publisher } from "@strata/messaging";
import { announcementIdOf, type Header, localScheduleOf } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher;
}

/**
 * Says that an announcement is in every inbox, once no partition is pending. The event comes before the state: a crash
 * in between leaves the state for the sweeper, which says it again. What was stopped says nothing.
 */
export async function finishIfComplete(deps: Deps, header: Header, cause?: Cause): Promise<void> {
  if (header.state !== "distributing") return;
  const announcementId = announcementIdOf(header);
  const { sent, unknown, pending } = await deps.partitions.progress(header.app, announcementId);
  if (pending > 0) return;
  if (localScheduleOf(header) !== null) {
    const { all, begun } = await deps.partitions.slices(header.app, announcementId);
    // Its next slice begins at its moment, or at once where that is over.
    if (begun < all.length) return deps.announcements.wake(header._id);
  }
  const payload = { announcementId, sent, unknown };
  await deps.broker.emit(AnnouncementDistributed, header.app, payload, cause ? { cause } : {});
  await deps.announcements.move(header._id, ["distributing"], "distributed");
}
