import type { GetReceiptTimeline, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { countRange } from "../domain/receipt-key.ts";
import { bucketsOf } from "../domain/timeline.ts";
import type { TimelineStore } from "../store/timeline-store.ts";

type Query = PayloadOf<typeof GetReceiptTimeline>;
type Reply = ReplyOf<typeof GetReceiptTimeline>;

/** Some intervals behind the counts while receipts come in; its buckets add up to them once they stop. */
export const getReceiptTimeline =
  ({ timelines }: { readonly timelines: Pick<TimelineStore, "list"> }) =>
  async ({ app, payload: { announcementId, by, from, to } }: Delivery<Query>): Promise<Outcome<Reply>> => {
    const sums = bucketsOf(by, from, to);
    for await (const timeline of timelines.list(countRange(app, announcementId))) sums.add(timeline);
    return reply({ buckets: [...sums.buckets()] });
  };
