import { type EmptyReply, FanOut, PARTITIONS, type PayloadOf, SLOTS } from "@strata/contracts";
import { ack, type Delivery, type Handler } from "@strata/messaging";
import { announcementKey, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import type { Header } from "../domain/header.ts";
import type { PartitionRow } from "../store/partition-store.ts";
import type { AudiencePages } from "./audience-pages.ts";
import { finishIfComplete } from "./finish-if-complete.ts";
import { readAhead } from "./read-ahead.ts";
import { takeShortAudienceStep } from "./take-audience-step.ts";
import { takeListStep } from "./take-list-step.ts";
import { takenTogether } from "./taken-together.ts";
import { type FanOutDeps, takeStep } from "./take-step.ts";

/** How long one wake works before the slot goes back to the end of the queue, so that apps take turns. */
const TURN_MS = 3_000;
/** As many partitions of one announcement as a slot has. */
const ROWS_AT_ONCE = PARTITIONS / SLOTS;
/** Longer than a turn with a slow last batch; a dead worker's slot stands still no longer than this. */
export const SLOT_LEASE_MS = 20_000;

type Wake = Delivery<PayloadOf<typeof FanOut>>;

/**
 * Works one slot of an app: step by step of the partition that is next, until nothing is left or its turn is over.
 * Whoever finds the slot taken goes away; the holder looks again after it has let go, so no wake is lost.
 */
export const fanOut =
  (deps: FanOutDeps, wake: typeof FanOut = FanOut): Handler<PayloadOf<typeof FanOut>, EmptyReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { partitions, broker } = deps;
    if (!(await partitions.acquireSlot(app, payload.slot, id, SLOT_LEASE_MS))) return ack;
    try {
      await takeTurn(deps, delivery);
    } finally {
      await partitions.releaseSlot(app, payload.slot, id);
    }
    const { length: left } = await partitions.nextPending(app, payload.slot);
    if (left > 0) await broker.send(wake, app, payload, { cause: delivery });
    return ack;
  };

interface Taken {
  /** As it was when the step was taken. */
  readonly header: Header;
  /** Whether that ended a partition. */
  readonly isDone: boolean;
}

async function takeTurn(stores: FanOutDeps, delivery: Wake): Promise<void> {
  const { pace = (work, ...given) => work(...given) } = stores;
  const deps = { ...stores, ahead: readAhead<AudiencePages>() };
  const { app, payload } = delivery;
  const endsAt = Date.now() + TURN_MS;
  const next = (): Promise<readonly PartitionRow[]> => deps.partitions.nextPending(app, payload.slot, ROWS_AT_ONCE);
  // Looked at once it is its turn: it may have been paused meanwhile.
  const step = async (row: PartitionRow, rows: readonly PartitionRow[], known: Header | null): Promise<Taken> => {
    const header = await headerNow(deps, known, row);
    const together = takenTogether(header, rows);
    const isDone =
      together.length > 1
        ? await takeTogether(deps, header, together, delivery)
        : await takeStep(deps, header, row, delivery);
    return { header, isDone };
  };
  let known: Header | null = null;
  for (let rows = await next(); rows[0] && Date.now() < endsAt;) {
    const [row] = rows;
    const { header, isDone }: Taken = await pace(step, row, rows, known);
    known = header;
    const following = await next();
    // As long as this very slot has more of it, the announcement is not complete.
    if (isDone && following[0]?.announcement !== row.announcement) await finishIfComplete(deps, header, delivery);
    rows = following;
  }
}

const takeTogether = (deps: FanOutDeps, header: Header, rows: readonly PartitionRow[], wake: Wake): Promise<boolean> =>
  header.audience.kind === "recipients"
    ? takeListStep(deps, header, rows, RECIPIENTS_PER_BATCH, wake)
    : takeShortAudienceStep(deps, header, rows, wake);

/** The header as it is now: read whole when it is another one, or has changed since the last step. */
async function headerNow({ announcements }: FanOutDeps, known: Header | null, row: PartitionRow): Promise<Header> {
  const key = announcementKey(row.app, row.announcement);
  if (known?._id === key && (await announcements.versionOf(key)) === known.version) return known;
  const header = await announcements.find(row.app, row.announcement);
  if (!header) throw new Error(`partition row ${row._id} has no announcement`);
  return header;
}
