import {
  GetReceiptCounts,
  GetReceiptStates,
  GetReceiptTimeline,
  ListRecipientStates,
  RecordReceipts,
} from "@strata/contracts";
import { type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { getReceiptCounts } from "./handlers/get-receipt-counts.ts";
import { getReceiptStates } from "./handlers/get-receipt-states.ts";
import { getReceiptTimeline } from "./handlers/get-receipt-timeline.ts";
import { listRecipientStates } from "./handlers/list-recipient-states.ts";
import { recordReceipts } from "./handlers/record-receipts.ts";
import type { ReceiptMetrics } from "./metrics.ts";
import type { Recipients } from "./recipients.ts";
import type { CountStore } from "./store/count-store.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";
import type { TimelineStore } from "./store/timeline-store.ts";

interface Dependencies {
  readonly receipts: ReceiptStore;
  readonly counts: CountStore;
  readonly timelines: TimelineStore;
  readonly recipients: Recipients;
  readonly publisher: Publisher;
  readonly metrics: ReceiptMetrics;
  readonly mongo: Dependency;
  readonly announcementFanout: Dependency;
}

/** Everything this service listens to. */
export const consumers = (deps: Dependencies): readonly Consumer[] => [
  consumer({
    queue: "receipt-tracking.receipts",
    prefetch: 500,
    // While one group waits for its writes, the next is looked up.
    concurrency: 2,
    handlers: [onGroup(RecordReceipts, recordReceipts(deps))],
    dependencies: [deps.mongo, deps.announcementFanout],
  }),
  consumer({
    queue: "receipt-tracking.queries",
    handlers: [
      on(GetReceiptCounts, getReceiptCounts(deps)),
      on(GetReceiptStates, getReceiptStates(deps)),
      on(GetReceiptTimeline, getReceiptTimeline(deps)),
      on(ListRecipientStates, listRecipientStates(deps)),
    ],
    dependencies: [deps.mongo],
  }),
];
