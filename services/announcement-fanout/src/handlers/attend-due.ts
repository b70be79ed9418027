import { AnnouncementExpired } from "@strata/contracts";
import { announcementIdOf, type Header, isStopped, isTakenBack, localScheduleOf } from "../domain/header.ts";
import type { LatecomerStore } from "../store/latecomer-store.ts";
import { atPace } from "./at-pace.ts";
import { layOutPartitions, openAllInboxes, wakeSlots } from "./begin-distribution.ts";
import { bringToLatecomers } from "./bring-to-latecomers.ts";
import { emptyInboxes } from "./empty-inboxes.ts";
import { finishIfComplete } from "./finish-if-complete.ts";
import { startSlices } from "./start-slices.ts";
import { type FanOutDeps, takeStep } from "./take-step.ts";

/** What is left of a stopped one is looked at again after this. */
const CLOSING_MS = 1_000;
/** Chunks are kept for a while: a worker that was slow may still be reading them. */
const CHUNKS_KEPT_MS = 3_600_000;

export interface AttendDeps extends FanOutDeps {
  readonly latecomers: LatecomerStore;
}

interface Holding {
  /** For how long the row is held without being renewed. */
  readonly leaseMs: number;
  readonly holder: string;
  /** What the clock shows; absent: this machine's. */
  readonly now?: number;
}

/**
 * Does what is due about one announcement that its caller holds, and lets go of it until something is due again: starts
 * what was scheduled, takes the next step of what is throttled, ends what was stopped. Every step bears repeating, and
 * whoever changes its state meanwhile makes it due anew.
 */
export async function attendDue(deps: AttendDeps, header: Header, holding: Holding): Promise<void> {
  const now = Date.now();
  if (header.state === "scheduled" && header.startsAt !== null && header.startsAt <= now) return start(deps, header);
  if (header.expiresAt !== null && header.expiresAt <= now && MAY_EXPIRE.some((state) => state === header.state)) {
    // Makes it due at once, and that tells of it.
    await deps.announcements.move(header._id, MAY_EXPIRE, "expired", { version: header.version });
    return;
  }
  if (header.state === "expired") await tellExpired(deps, header);
  if (header.state === "distributing") await openAllInboxes(deps, header);
  const dueAt = await nextMoment(deps, header, holding);
  await deps.announcements.release(header._id, holding.holder, dueAt);
}

const MAY_EXPIRE = ["scheduled", "distributing", "paused", "distributed", "canceled"] as const;

/** Told whenever it is attended to after its end, so also after a death in between. */
async function tellExpired({ broker }: FanOutDeps, header: Header): Promise<void> {
  const { app, version, stateAt, at } = header;
  const payload = { announcementId: announcementIdOf(header), version, at: stateAt ?? at };
  await broker.emit(AnnouncementExpired, app, payload, { subjectVersion: version });
}

/** Its change of state makes it due at once, for whatever comes next. */
async function start(deps: AttendDeps, header: Header): Promise<void> {
  await layOutPartitions(deps, header);
  // Of this version only: it may have been put off meanwhile.
  const begun = await deps.announcements.move(header._id, ["scheduled"], "distributing", { version: header.version });
  if (!begun) return;
  await openAllInboxes(deps, begun);
  await wakeSlots(deps, begun);
}

async function nextMoment(deps: AttendDeps, header: Header, holding: Holding): Promise<number | null> {
  const moments = [
    header.state === "scheduled" ? header.startsAt : null,
    MAY_EXPIRE.some((state) => state === header.state) ? header.expiresAt : null,
    await startSlices(deps, header, holding.now ?? Date.now()),
    header.throttlePerMinute !== null && header.state === "distributing"
      ? await takeThrottledStep(deps, header, header.throttlePerMinute, holding.leaseMs)
      : null,
    isStopped(header) ? await close(deps, header) : null,
    await removeChunks(deps, header),
    isTakenBack(header) && header.hidesFrom !== null ? await emptyInboxes(deps, header) : null,
    header.includeNewUsersUntil === null ? null : await bringToLatecomers(deps, header, holding.leaseMs),
  ].filter((moment) => moment !== null);
  return moments.length === 0 ? null : Math.min(...moments);
}

/** One batch, and the moment of the next. */
async function takeThrottledStep(
  deps: FanOutDeps,
  header: Header,
  perMinute: number,
  leaseMs: number,
): Promise<number | null> {
  const row = await deps.partitions.nextOf(header.app, announcementIdOf(header));
  if (row === null) {
    // By local time others may come, and whoever starts those looks after its end.
    if (localScheduleOf(header) === null) await finishIfComplete(deps, header);
    return null;
  }
  return atPace(deps, header, perMinute, leaseMs, async (limit) => {
    await takeStep(deps, header, row, undefined, limit);
  });
}

/** Those who were at work end their own partitions; whatever is in nobody's slot is ended here. */
async function close(deps: AttendDeps, header: Header): Promise<number | null> {
  const announcementId = announcementIdOf(header);
  for (let row = await deps.partitions.nextOf(header.app, announcementId); row !== null;) {
    await takeStep(deps, header, row);
    row = await deps.partitions.nextOf(header.app, announcementId);
  }
  await wakeSlots(deps, header);
  const { pending } = await deps.partitions.progress(header.app, announcementId);
  return pending > 0 ? Date.now() + CLOSING_MS : null;
}

/** The recipients as they came in are of no use once nothing more is written of them. */
async function removeChunks({ chunks, uploads, sorted }: FanOutDeps, header: Header): Promise<number | null> {
  const isOver = header.state === "distributed" || isStopped(header);
  const isSorted = localScheduleOf(header) !== null;
  if (!isOver || (header.chunks === null && !header.isUploaded && !isSorted)) return null;
  const removeAt = (header.stateAt ?? header.at) + CHUNKS_KEPT_MS;
  if (Date.now() < removeAt) return removeAt;
  // A part at a time: all of them may be millions.
  if (isSorted && (await sorted.removeSome(header.app, announcementIdOf(header)))) return Date.now();
  if (header.isUploaded) return (await uploads.removeSome(header.app, announcementIdOf(header))) ? Date.now() : null;
  await chunks.removeOld(header.app, announcementIdOf(header), Date.now());
  return null;
}
