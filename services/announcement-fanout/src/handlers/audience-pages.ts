import { MatchUsers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { afterOf, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { cutoffOf, filterOf, type Header } from "../domain/header.ts";
import type { PartitionRow } from "../store/partition-store.ts";
import type { ReadAhead } from "./read-ahead.ts";

/** Batches written together: one wait for the disk serves them all. Bounds a worker's memory to twice 4,000 ids. */
const PAGES_AT_ONCE = 4;

/** The next users of a partition who match: each list is one batch. */
export interface AudiencePages {
  readonly lists: readonly (readonly string[])[];
  /** Behind whom the others are; null: there are none. */
  readonly next: string | null;
}

interface Deps {
  readonly broker: Client;
  readonly ahead?: ReadAhead<AudiencePages>;
}

/** Reads the next pages of a partition; those behind them are asked for while the caller writes these. */
export async function audiencePages(
  deps: Deps,
  header: Header,
  row: PartitionRow,
  limit: number,
  cause?: Cause,
): Promise<AudiencePages> {
  // A throttle lets one batch through at a time.
  const most = limit < RECIPIENTS_PER_BATCH ? 1 : PAGES_AT_ONCE;
  const read = (after: string | null) => () => readPages(deps.broker, header, row, { after, limit, most }, cause);
  const keyOf = (after: string | null): string => `${row._id}/${limit}/${after ?? ""}`;
  const after = afterOf(row);
  const pages = await (deps.ahead ? deps.ahead.take(keyOf(after), read(after)) : read(after)());
  if (pages.next !== null) deps.ahead?.begin(keyOf(pages.next), read(pages.next));
  return pages;
}

/** The next page of a partition alone. */
export const audiencePage = (
  { broker }: Pick<Deps, "broker">,
  header: Header,
  row: PartitionRow,
  cause?: Cause,
): Promise<AudiencePages> =>
  readPages(broker, header, row, { after: afterOf(row), limit: RECIPIENTS_PER_BATCH, most: 1 }, cause);

/** Whom a reading begins behind, how many users a page has at most, and how many pages are read. */
interface Range {
  readonly after: string | null;
  readonly limit: number;
  readonly most: number;
}

async function readPages(
  broker: Client,
  header: Header,
  { app, partition }: PartitionRow,
  { after, limit, most }: Range,
  cause?: Cause,
): Promise<AudiencePages> {
  const lists: string[][] = [];
  const page = { filter: filterOf(header), partition, createdBefore: cutoffOf(header), limit };
  let next = after;
  for (let asked = 0; asked < most; asked += 1) {
    const answer = await broker.ask(MatchUsers, app, { ...page, after: next }, cause ? { cause } : {});
    if (answer.userIds.length > 0) lists.push(answer.userIds);
    next = answer.next;
    if (next === null) break;
  }
  return { lists, next };
}
