import { FindTimeZones, MatchUsers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { afterOf, type Cursor, cursorOf, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { cutoffOf, filterOf, type Header, localScheduleOf } from "../domain/header.ts";
import { isTimeZone, momentOf } from "@strata/local-time";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionRow, PartitionStore } from "../store/partition-store.ts";
import type { SortedStore } from "../store/sorted-store.ts";
import type { UploadStore } from "../store/upload-store.ts";

interface Deps {
  readonly chunks: ChunkStore;
  readonly uploads: UploadStore;
  readonly sorted: SortedStore;
  readonly partitions: PartitionStore;
  readonly broker: Client;
}

interface Page {
  readonly userIds: readonly string[];
  readonly timeZones: readonly (string | null)[];
  readonly cursor: Cursor | null;
  readonly isDone: boolean;
}

/**
 * Settles of the next recipients of a partition when each of them gets it: who was settled before, by a worker that died,
 * keeps that moment, wherever she is by now. Moments are written down before their recipients, so that none is left out.
 * Answers whether that ended the partition.
 */
export async function takeSortingStep(deps: Deps, header: Header, row: PartitionRow, cause?: Cause): Promise<boolean> {
  const schedule = localScheduleOf(header);
  if (schedule === null) throw new Error(`${header._id} has no local time`);
  const { localTime, fallbackTimeZone } = schedule;
  const { userIds, timeZones, cursor, isDone } = await nextPage(deps, header, row, cause);
  const moments = new Map<string | null, number>();
  const momentIn = (timeZone: string | null): number => {
    const known = moments.get(timeZone);
    if (known !== undefined) return known;
    const moment = momentOf(localTime, timeZone !== null && isTimeZone(timeZone) ? timeZone : fallbackTimeZone);
    moments.set(timeZone, moment);
    return moment;
  };
  const sorted = userIds.map((userId, index) => ({ userId, moment: momentIn(timeZones[index] ?? null) }));
  await deps.partitions.addMoments(row, [...new Set(moments.values())]);
  await deps.sorted.insertNew(row.app, row.announcement, row.partition, sorted);
  const moved = await deps.partitions.advance(row, { batches: 1, sent: 0, unknown: 0, cursor, isDone });
  return moved !== null && isDone;
}

async function nextPage(deps: Deps, header: Header, row: PartitionRow, cause?: Cause): Promise<Page> {
  const { app, partition } = row;
  const options = cause ? { cause } : {};
  if (header.audience.kind !== "recipients") {
    const asked = { filter: filterOf(header), partition, after: afterOf(row), createdBefore: cutoffOf(header) };
    const most = { limit: RECIPIENTS_PER_BATCH, withTimeZones: true };
    const { userIds, timeZones = [], next } = await deps.broker.ask(MatchUsers, app, { ...asked, ...most }, options);
    return { userIds, timeZones, cursor: next === null ? null : { after: next }, isDone: next === null };
  }
  const named = header.isUploaded ? await uploadedPage(deps, row) : await listedPage(deps, header, row);
  const userIds = [...named.userIds];
  const { timeZones } =
    userIds.length === 0 ? { timeZones: [] } : await deps.broker.ask(FindTimeZones, app, { userIds }, options);
  return { ...named, timeZones };
}

async function uploadedPage({ uploads }: Deps, row: PartitionRow) {
  const { app, announcement, partition } = row;
  const userIds = await uploads.page(app, announcement, partition, afterOf(row), RECIPIENTS_PER_BATCH);
  const last = userIds.at(-1);
  return {
    userIds,
    cursor: last === undefined ? null : { after: last },
    isDone: userIds.length < RECIPIENTS_PER_BATCH,
  };
}

async function listedPage({ chunks }: Deps, header: Header, row: PartitionRow) {
  const { app, announcement, partition } = row;
  const last = header.chunks?.find((one) => one.partition === partition)?.count ?? 0;
  const { chunk } = cursorOf(row);
  const range = { partition, from: chunk, to: Math.min(chunk + 1, last) };
  const [[userIds = []] = []] = await chunks.ranges(app, announcement, [range]);
  return { userIds, cursor: { chunk: chunk + 1, offset: 0 }, isDone: chunk + 1 >= last };
}
