import type { Header } from "../domain/header.ts";
import { paceOf } from "../domain/throttle.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";

/**
 * Writes one batch of what is throttled, unless it is not yet time for it, and answers the moment of the next. It is
 * reserved before it is written, for a pause and a lease: whoever takes over from a dead worker is never early, and the
 * batch that is repeated is the same one.
 */
export async function atPace(
  { announcements }: { readonly announcements: AnnouncementStore },
  header: Header,
  perMinute: number,
  leaseMs: number,
  write: (limit: number) => Promise<void>,
): Promise<number> {
  const { limit, pauseMs } = paceOf(perMinute);
  const until = Date.now() + pauseMs + leaseMs;
  if (!(await announcements.reserveBatch(header._id, until))) return header.nextBatchAt ?? Date.now() + pauseMs;
  await write(limit);
  const nextAt = Date.now() + pauseMs;
  await announcements.settleBatch(header._id, until, nextAt);
  return nextAt;
}
