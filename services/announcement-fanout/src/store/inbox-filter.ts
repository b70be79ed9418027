import { partitionOf } from "@strata/contracts";
import type { Filter } from "mongodb";
import { announcementKey, type Batch, below, EVERYONE } from "../domain/batch.ts";

/** Whose inbox it is. */
export interface InboxReader {
  readonly userId: string;
  /** Since when she is known; null: nobody has said, and what is for everyone is left out. */
  readonly knownSince: number | null;
}

/** Some inboxes of one app. */
export interface InboxScope {
  readonly app: string;
  readonly hidden: readonly string[];
}

/** What of an inbox. */
export interface InboxTimes {
  /** Only what came after it; absent or null: everything. */
  readonly since?: number | null | undefined;
  /** Only what was there by then; absent: by now. */
  readonly until?: number | undefined;
}

const timesOf = ({ since = null, until }: InboxTimes) => ({
  $lte: Math.min(Date.now(), until ?? Infinity),
  ...(since === null ? {} : { $gt: since }),
});

/** The batches of a partition, whoever they are for. */
export const batchesIn = (app: string, partition: number, times: InboxTimes = {}): Filter<Batch> => ({
  app,
  partition,
  at: timesOf(times),
});

/** Of those, what is for everyone who was known at `knownSince`. */
export const forEveryone = (knownSince: number): Filter<Batch> => ({
  recipients: EVERYONE,
  cutoff: { $gte: knownSince },
});

/** Ranges of `_id`, the last field of the inbox index: what is hidden is passed over in the index. */
export const notHidden = ({ app, hidden }: InboxScope): Filter<Batch> =>
  hidden.length === 0 ? {} : { $nor: hidden.map((id) => ({ _id: below(announcementKey(app, id)) })) };

/** Each of both is a walk along the inbox index, which MongoDB then merges. */
export function entriesOf({
  app,
  userId,
  knownSince,
  ...times
}: InboxReader & InboxTimes & Pick<InboxScope, "app">): Filter<Batch> {
  const all = batchesIn(app, partitionOf(userId), times);
  const own = { ...all, recipients: userId };
  return knownSince === null ? own : { $or: [own, { ...all, ...forEveryone(knownSince) }] };
}

export const inboxFilter = (inbox: InboxReader & InboxTimes & InboxScope): Filter<Batch> => ({
  ...entriesOf(inbox),
  ...notHidden(inbox),
});
