import { announcementIdOf, type Header, localScheduleOf } from "../domain/header.ts";
import { wakeSlots } from "./begin-distribution.ts";
import { finishIfComplete } from "./finish-if-complete.ts";
import type { FanOutDeps } from "./take-step.ts";

/**
 * By local time: once it is settled who gets it when, starts the slices whose moment has come; those whose moment was over
 * before that at once. Answers the moment of the next, null where there is none. Bears repeating.
 */
export async function startSlices(deps: FanOutDeps, header: Header, now: number): Promise<number | null> {
  if (localScheduleOf(header) === null || header.state !== "distributing") return null;
  const { app, priority, throttlePerMinute } = header;
  const announcementId = announcementIdOf(header);
  const { areSettled, all, begun } = await deps.partitions.slices(app, announcementId);
  // Whoever settles the last of it says so.
  if (!areSettled) return null;
  const moments = [...new Set(all.map(({ moment }) => moment))].toSorted((one, other) => one - other);
  if (moments.length !== header.moments.length) await deps.announcements.setMoments(header._id, moments);
  const due = all.filter(({ moment }) => moment <= now);
  if (due.length > begun) {
    const lane = { isUrgent: priority === "urgent", isThrottled: throttlePerMinute !== null };
    await deps.partitions.insertSlices(app, announcementId, lane, due);
    await wakeSlots(deps, header);
  }
  const next = moments.find((moment) => moment > now) ?? null;
  if (next === null) await finishIfComplete(deps, header);
  return next;
}
