import {
  AnnouncementAccepted,
  AnnouncementExpired,
  AnnouncementOpened,
  AnnouncementRecalled,
  BatchStored,
  CountMissed,
  GetInsights,
  GetReceiptCounts,
  FindAnnouncementReaders,
  FindBadges,
  GetReceiptStates,
  GetReceiptTimeline,
  GetUnread,
  ListDeleted,
  ListRecipientStates,
  MessageCreated,
  MessageReceiptsRecorded,
  ListUnread,
  MarkInboxRead,
  ReceiptsRecorded,
  ReconcileUnread,
  RecordReceipts,
  UserVisited,
} from "@strata/contracts";
import { type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { countAnnouncements, countMessageReaders, countMessages, countVisitors } from "./handlers/follow-insights.ts";
import { countReceipts, dropCounts } from "./handlers/follow-unread.ts";
import { getInsights } from "./handlers/get-insights.ts";
import { getReceiptCounts } from "./handlers/get-receipt-counts.ts";
import { findBadges } from "./handlers/find-badges.ts";
import { findAnnouncementReaders } from "./handlers/find-announcement-readers.ts";
import { getReceiptStates } from "./handlers/get-receipt-states.ts";
import { getReceiptTimeline } from "./handlers/get-receipt-timeline.ts";
import { followBatches } from "./handlers/follow-batches.ts";
import { getUnread, reconcileUnread } from "./handlers/get-unread.ts";
import { listDeleted } from "./handlers/list-deleted.ts";
import { listRecipientStates } from "./handlers/list-recipient-states.ts";
import { countMissed, listUnread } from "./handlers/list-unread.ts";
import { markInboxRead } from "./handlers/mark-inbox-read.ts";
import { recordReceipts } from "./handlers/record-receipts.ts";
import type { Inboxes } from "./inbox.ts";
import type { ReceiptMetrics } from "./metrics.ts";
import type { Recipients } from "./recipients.ts";
import type { ActivityStore } from "./store/activity-store.ts";
import type { CountStore } from "./store/count-store.ts";
import type { InsightFactStore } from "./store/insight-fact-store.ts";
import type { InsightStore } from "./store/insight-store.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";
import type { SentStore } from "./store/sent-store.ts";
import type { TimelineStore } from "./store/timeline-store.ts";
import type { UnreadStore } from "./store/unread-store.ts";

interface Dependencies {
  readonly receipts: ReceiptStore;
  readonly counts: CountStore;
  readonly timelines: TimelineStore;
  readonly sent: SentStore;
  readonly facts: InsightFactStore;
  readonly activity: ActivityStore;
  readonly insights: InsightStore;
  readonly recipients: Recipients;
  readonly publisher: Publisher;
  readonly metrics: ReceiptMetrics;
  readonly inboxes: Inboxes;
  readonly unread: UnreadStore;
  readonly mongo: Dependency;
  readonly redis: Dependency;
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
      on(FindAnnouncementReaders, findAnnouncementReaders(deps)),
      on(FindBadges, findBadges(deps)),
      on(GetReceiptTimeline, getReceiptTimeline(deps)),
      on(ListRecipientStates, listRecipientStates(deps)),
      on(ListDeleted, listDeleted(deps)),
      on(ListUnread, listUnread(deps)),
      on(CountMissed, countMissed(deps)),
      on(GetUnread, getUnread(deps)),
      on(GetInsights, getInsights(deps)),
    ],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "receipt-tracking.inbox-reads",
    // Each may send a thousand commands.
    prefetch: 4,
    handlers: [on(MarkInboxRead, markInboxRead(deps))],
    dependencies: [deps.mongo, deps.announcementFanout],
  }),
  consumer({
    queue: "receipt-tracking.insight-events",
    prefetch: 500,
    everyMs: 250,
    handlers: [
      onGroup(AnnouncementAccepted, countAnnouncements(deps)),
      onGroup(MessageCreated, countMessages(deps)),
      onGroup(MessageReceiptsRecorded, countMessageReaders(deps)),
      onGroup(UserVisited, countVisitors(deps)),
    ],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "receipt-tracking.unread",
    handlers: [on(ReconcileUnread, reconcileUnread(deps))],
    dependencies: [deps.mongo, deps.redis],
  }),
  consumer({
    queue: "receipt-tracking.unread-events",
    concurrency: 8,
    handlers: [
      onGroup(BatchStored, followBatches(deps)),
      on(ReceiptsRecorded, countReceipts(deps)),
      on(AnnouncementOpened, dropCounts(deps)),
      on(AnnouncementRecalled, dropCounts(deps)),
      on(AnnouncementExpired, dropCounts(deps)),
    ],
    dependencies: [deps.mongo, deps.redis],
  }),
];
