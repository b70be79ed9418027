import type { ContentStore } from "../store/content-store.ts";
import type { Uploads } from "./uploads.ts";

interface Deps {
  readonly contents: ContentStore;
  readonly uploads: Uploads;
}

/**
 * Does what is due: tells about content whose last byte came while a process died, and removes what was announced more
 * than a day ago and never finished. Safe in every replica, since a row is claimed before it is worked on; what a
 * killed one had claimed is due again after its lease.
 */
export async function sweepContents({ contents, uploads }: Deps, now: number = Date.now()): Promise<void> {
  for (let due = await contents.claimDue(now); due !== null; due = await contents.claimDue(now)) {
    if (due.step === "tell") await uploads.tell(due.row);
    else await uploads.remove(due.row);
  }
}
