import { setTimeout as wait } from "node:timers/promises";
import {
  type AcceptReply,
  AnnouncementAccepted,
  AnnouncementScheduled,
  type PayloadOf,
  type StartAnnouncement,
} from "@strata/contracts";
import { type Delivery, type Handler, type Publisher, refuse, reply, retry } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { announcementFrom, type Header } from "../domain/header.ts";
import { firstStartOf } from "../domain/start.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";
import { layOutPartitions, wakeSlots } from "./begin-distribution.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly chunks: ChunkStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher;
}

type Start = Delivery<PayloadOf<typeof StartAnnouncement>>;

/** The chunks are confirmed in their queue before this command is sent, so they are seconds away at most. */
const CHUNKS_DEADLINE_MS = 5_000;
const CHUNKS_POLL_MS = 20;

/** Waits until every chunk named is stored, makes the partitions' rows, and wakes their slots, or leaves that for later. */
export const startAnnouncement =
  (deps: Deps): Handler<PayloadOf<typeof StartAnnouncement>, AcceptReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { announcementId } = payload;
    const found = await deps.announcements.find(app, announcementId);
    if (!found) return refuse(new DomainError("not_found", { announcementId }));
    if (found.startedBy !== null || found.state !== "accepting") {
      if (found.startedBy !== id) return reply({ outcome: "in-use", announcement: announcementFrom(found) });
      return announce(deps, delivery, found);
    }
    if (!(await areStored(deps.chunks, delivery))) return retry(0, new Error("recipients are still being stored"));
    const startsAt = firstStartOf(found);
    const isLater = startsAt !== null && startsAt > Date.now();
    if (!isLater) await layOutPartitions(deps, { ...found, startsAt, chunks: payload.chunks });
    const change = { startedBy: id, chunks: payload.chunks, startsAt };
    await deps.announcements.move(found._id, ["accepting"], isLater ? "scheduled" : "distributing", { change });
    const header = await deps.announcements.find(app, announcementId);
    if (!header) return refuse(new DomainError("not_found", { announcementId }));
    if (header.startedBy !== id) return reply({ outcome: "in-use", announcement: announcementFrom(header) });
    return announce(deps, delivery, header);
  };

async function areStored(chunks: ChunkStore, { app, payload }: Start): Promise<boolean> {
  const expected = payload.chunks.reduce((sum, { count }) => sum + count, 0);
  for (const deadlineAt = Date.now() + CHUNKS_DEADLINE_MS; ;) {
    if ((await chunks.count(app, payload.announcementId)) >= expected) return true;
    if (Date.now() > deadlineAt) return false;
    await wait(CHUNKS_POLL_MS);
  }
}

/** What is said of a started one, whatever has become of it since. */
async function announce(deps: Deps, delivery: Start, header: Header) {
  const { app, payload } = delivery;
  const { at, recipientCount, category, state, startsAt, version } = header;
  const accepted = {
    announcementId: payload.announcementId,
    at,
    recipientCount,
    ...(category === null ? {} : { category }),
  };
  await deps.broker.emit(AnnouncementAccepted, app, accepted, { cause: delivery });
  if (state === "scheduled" && startsAt !== null) {
    const scheduled = { announcementId: payload.announcementId, version, at, startsAt };
    await deps.broker.emit(AnnouncementScheduled, app, scheduled, { cause: delivery, subjectVersion: version });
  }
  if (state === "distributing") await wakeSlots(deps, header, delivery);
  return reply({ outcome: "accepted" as const, announcement: announcementFrom(header) });
}
