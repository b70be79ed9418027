import { setTimeout as wait } from "node:timers/promises";
import {
  type AcceptReply,
  AnnouncementAccepted,
  FanOut,
  type PayloadOf,
  type StartAnnouncement,
} from "@strata/contracts";
import { type Handler, type Publisher, refuse, reply, retry } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { announcementKey, slotOf } from "../domain/batch.ts";
import { announcementFrom, type AnnouncementStore } from "../store/announcement-store.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly chunks: ChunkStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher;
}

/** The chunks are confirmed in their queue before this command is sent, so they are seconds away at most. */
const CHUNKS_DEADLINE_MS = 5_000;
const CHUNKS_POLL_MS = 20;

/** Waits until every chunk named is stored, makes the partitions' rows, and wakes their slots. */
export const startAnnouncement =
  ({ announcements, chunks, partitions, broker }: Deps): Handler<PayloadOf<typeof StartAnnouncement>, AcceptReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { announcementId } = payload;
    const found = await announcements.find(app, announcementId);
    if (!found) return refuse(new DomainError("not_found", { announcementId }));
    if (found.state !== "accepting" && found.startedBy !== id) {
      return reply({ outcome: "in-use", announcement: announcementFrom(found) });
    }
    const expected = payload.chunks.reduce((sum, { count }) => sum + count, 0);
    const deadlineAt = Date.now() + CHUNKS_DEADLINE_MS;
    while ((await chunks.count(app, announcementId)) < expected) {
      if (Date.now() > deadlineAt) return retry(0, new Error("recipients are still being stored"));
      await wait(CHUNKS_POLL_MS);
    }
    // Rows before the state: once it says `distributing`, the sweeper counts on them.
    const touched = payload.chunks.map(({ partition }) => partition);
    await partitions.insertNew(app, announcementId, found.at, touched);
    const header = await announcements.markStarted(announcementKey(app, announcementId), id, payload.chunks);
    if (!header) return refuse(new DomainError("not_found", { announcementId }));
    if (header.startedBy !== id) return reply({ outcome: "in-use", announcement: announcementFrom(header) });

    const accepted = { announcementId, at: header.at, recipientCount: header.recipientCount };
    const slots = [...new Set(touched.map(slotOf))];
    await Promise.all([
      broker.emit(AnnouncementAccepted, app, accepted, { cause: delivery }),
      ...slots.map((slot) => broker.send(FanOut, app, { slot }, { cause: delivery })),
    ]);
    return reply({ outcome: "accepted", announcement: announcementFrom(header) });
  };
