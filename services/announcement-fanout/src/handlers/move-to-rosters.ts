import { type Batch, EVERYONE } from "../domain/batch.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { RosterStore } from "../store/roster-store.ts";

interface Deps {
  readonly batches: BatchStore;
  readonly rosters: RosterStore;
}

/** Bounds what one step holds to 16,000 ids. */
const BATCHES_AT_ONCE = 16;

/**
 * Takes the first batches of an announcement out of the inboxes, and answers whether there may be more. Who had it stays
 * counted and listed: from `batches` or from `rosters`, so all who read both read the inboxes first. Not before the last
 * of its partitions is done: workers count what they find in `batches`. Bears repeating, also half done and at once.
 */
export async function moveToRosters({ batches, rosters }: Deps, app: string, announcementId: string): Promise<boolean> {
  const first = await batches.first(app, announcementId, BATCHES_AT_ONCE);
  // What stands for everyone has its id in common with the roster's own batch, which names them.
  await rosters.insertNew(first.filter((batch) => !isForEveryone(batch)));
  await batches.remove(first.map(({ _id }) => _id));
  return first.length === BATCHES_AT_ONCE;
}

const isForEveryone = ({ recipients }: Batch): boolean => recipients[0] === EVERYONE;
