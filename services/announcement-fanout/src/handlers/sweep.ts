import { announcementIdOf } from "../domain/header.ts";
import { NO_SLOT } from "../store/partition-store.ts";
import { finishIfComplete } from "./finish-if-complete.ts";
import { FanOut } from "@strata/contracts";
import type { FanOutDeps } from "./take-step.ts";

/** A header whose caller never started it, and whose retry window is long over. */
const ABANDONED_MS = 3_600_000;
/** An upload takes its time. */
const UPLOAD_ABANDONED_MS = 86_400_000;
const PAGE = 100;

/**
 * Takes up what a dying worker left: wakes slots with work and no worker, finishes what is complete, and removes
 * headers that were never started; uploads are canceled, and their recipients then removed like those of others. Safe to run in every replica, since all of it bears repeating.
 */
export async function sweep(deps: FanOutDeps, now = Date.now()): Promise<void> {
  for (const header of await deps.announcements.distributing(PAGE)) {
    const announcementId = announcementIdOf(header);
    // Whoever put them aside may have been late: it goes on since.
    await deps.partitions.letGo(header.app, announcementId);
    const slots = await deps.partitions.pendingSlots(header.app, announcementId);
    if (slots.length === 0) await finishIfComplete(deps, header);
    for (const slot of slots.filter((one) => one !== NO_SLOT)) {
      if (await deps.partitions.isSlotHeld(header.app, slot)) continue;
      await deps.broker.send(FanOut, header.app, { slot });
    }
  }
  for (const id of await deps.announcements.removeAbandoned(now - ABANDONED_MS)) {
    const [app, announcementId] = id.split("/");
    if (app && announcementId) await deps.chunks.removeOld(app, announcementId, now);
  }
  for (const id of await deps.announcements.abandonedUploads(now - UPLOAD_ABANDONED_MS)) {
    await deps.announcements.move(id, ["accepting"], "canceled");
  }
}
