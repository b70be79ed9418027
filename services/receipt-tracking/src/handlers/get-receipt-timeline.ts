import type { GetReceiptTimeline, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { countRange } from "../domain/receipt-key.ts";
import { bucketsOf, MINUTE_MS } from "../domain/timeline.ts";
import type { SentStore } from "../store/sent-store.ts";
import type { TimelineStore } from "../store/timeline-store.ts";

type Query = PayloadOf<typeof GetReceiptTimeline>;
type Reply = ReplyOf<typeof GetReceiptTimeline>;

interface Dependencies {
  readonly timelines: Pick<TimelineStore, "list">;
  readonly sent: Pick<SentStore, "byMinute">;
}

/**
 * What came of it is some intervals behind the counts while receipts come in, and adds up to them once they stop; who got
 * it is as announcement-fanout has told so far.
 */
export const getReceiptTimeline =
  ({ timelines, sent }: Dependencies) =>
  async ({ app, payload: { announcementId, by, from, to } }: Delivery<Query>): Promise<Outcome<Reply>> => {
    const range = countRange(app, announcementId);
    const sums = bucketsOf(by, from, to);
    // By the minute that a time is in, as receipts are.
    const [first, end] = [Math.ceil(from / MINUTE_MS) * MINUTE_MS, Math.ceil(to / MINUTE_MS) * MINUTE_MS];
    sums.addSent(await sent.byMinute(range, first, end));
    for await (const timeline of timelines.list(range)) sums.add(timeline);
    return reply({ buckets: [...sums.buckets()] });
  };
