import { type AcceptReply, AnnouncementAccepted, AnnouncementScheduled } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { announcementFrom, announcementIdOf, type Header } from "../domain/header.ts";
import { firstStartOf } from "../domain/start.ts";
import type { AnnouncementStore, HeaderChange } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";
import { layOutPartitions, openAllInboxes, wakeSlots } from "./begin-distribution.ts";

export interface StartDeps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher;
}

type Start = Delivery<unknown>;

/** Starts what is still `accepting` by this command, now or at its time; whoever was there before us has it. */
export async function startOrSchedule(
  deps: StartDeps,
  delivery: Start,
  found: Header,
  chunks: Header["chunks"],
  more: Pick<HeaderChange, "recipientCount" | "startsAt"> = {},
): Promise<Outcome<AcceptReply>> {
  const { app, id } = delivery;
  const announcementId = announcementIdOf(found);
  const startsAt = more.startsAt ?? firstStartOf(found);
  const isLater = startsAt !== null && startsAt > Date.now();
  if (!isLater) await layOutPartitions(deps, { ...found, startsAt, chunks });
  const change = { ...more, startedBy: id, chunks, startsAt };
  await deps.announcements.move(found._id, ["accepting"], isLater ? "scheduled" : "distributing", { change });
  const header = await deps.announcements.find(app, announcementId);
  if (!header) return refuse(new DomainError("not_found", { announcementId }));
  if (header.startedBy !== id) return reply({ outcome: "in-use", announcement: announcementFrom(header) });
  return announceStarted(deps, delivery, header);
}

/** What is done and said of a started one, whatever has become of it since. */
export async function announceStarted(deps: StartDeps, delivery: Start, header: Header): Promise<Outcome<AcceptReply>> {
  const { app } = delivery;
  const { at, recipientCount, category, state, startsAt, version } = header;
  const announcementId = announcementIdOf(header);
  if (state === "distributing") await openAllInboxes(deps, header, delivery);
  const accepted = { announcementId, at, recipientCount, ...(category === null ? {} : { category }) };
  await deps.broker.emit(AnnouncementAccepted, app, accepted, { cause: delivery });
  if (state === "scheduled" && startsAt !== null) {
    const scheduled = { announcementId, version, at, startsAt };
    await deps.broker.emit(AnnouncementScheduled, app, scheduled, { cause: delivery, subjectVersion: version });
  }
  if (state === "distributing") await wakeSlots(deps, header, delivery);
  return reply({ outcome: "accepted" as const, announcement: announcementFrom(header) });
}
