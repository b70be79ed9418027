import { ENDED_TOLD_MS } from "@strata/contracts";
import { announcementIdOf, type Header } from "../domain/header.ts";
import { moveToRosters } from "./move-to-rosters.ts";
import type { FanOutDeps } from "./take-step.ts";

/** Partitions that are still being ended are looked at again after this. */
const CLOSING_MS = 1_000;
/** How long one turn takes batches out of the inboxes, so that others' announcements get theirs. */
const EMPTYING_MS = 2_000;

/**
 * Takes what was recalled or is over out of the inboxes for good, a few batches at a time, and once more when nobody can
 * add to them any more. Until then they are passed over; from then on nothing of it is left there to be.
 */
export async function emptyInboxes(deps: FanOutDeps, header: Header): Promise<number | null> {
  const { app, version } = header;
  const announcementId = announcementIdOf(header);
  const { pending } = await deps.partitions.progress(app, announcementId);
  if (pending > 0) return Date.now() + CLOSING_MS;
  const startedAt = Date.now();
  while (await moveToRosters(deps, app, announcementId)) {
    if (Date.now() - startedAt > EMPTYING_MS) return Date.now();
  }
  const finalAt = (header.stateAt ?? header.at) + ENDED_TOLD_MS;
  if (startedAt < finalAt) return finalAt;
  await deps.announcements.stopHiding(header._id, version);
  return null;
}
