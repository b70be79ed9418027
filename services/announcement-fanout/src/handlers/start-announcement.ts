import { setTimeout as wait } from "node:timers/promises";
import { type AcceptReply, type PayloadOf, type StartAnnouncement } from "@strata/contracts";
import { type Delivery, type Handler, refuse, reply, retry } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { announcementFrom } from "../domain/header.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import { announceStarted, type StartDeps, startOrSchedule } from "./start-or-schedule.ts";

interface Deps extends StartDeps {
  readonly chunks: ChunkStore;
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
      return announceStarted(deps, delivery, found);
    }
    if (!(await areStored(deps.chunks, delivery))) return retry(0, new Error("recipients are still being stored"));
    return startOrSchedule(deps, delivery, found, payload.chunks);
  };

async function areStored(chunks: ChunkStore, { app, payload }: Start): Promise<boolean> {
  const expected = payload.chunks.reduce((sum, { count }) => sum + count, 0);
  for (const deadlineAt = Date.now() + CHUNKS_DEADLINE_MS; ;) {
    if ((await chunks.count(app, payload.announcementId)) >= expected) return true;
    if (Date.now() > deadlineAt) return false;
    await wait(CHUNKS_POLL_MS);
  }
}
