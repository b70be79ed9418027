import {
  CountMissed,
  GetInsights,
  GetReceiptCounts,
  GetReceiptStates,
  GetReceiptTimeline,
  GetUnread,
  ListDeleted,
  ListRecipientStates,
  ListUnread,
  MarkInboxRead,
  type PayloadOf,
  type RecipientState,
  ReconcileUnread,
  RecordReceipts,
  type ReplyOf,
  type UnreadCounts,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";

/** What the gateway sees of receipt-tracking, kept in memory. */
export interface ReceiptsPeer {
  readonly recorded: PayloadOf<typeof RecordReceipts>[];
  /** Recipients by announcement, in order; whoever is not among them gets no receipt. */
  readonly recipients: Map<string, RecipientState[]>;
  /** How many recipients one answer of ListRecipientStates looks at. */
  lookedAtMax: number;
  /** What GetReceiptTimeline was asked. */
  readonly timelines: PayloadOf<typeof GetReceiptTimeline>[];
  /** What GetInsights was asked, and what it answers. */
  readonly insights: PayloadOf<typeof GetInsights>[];
  insightsReply: ReplyOf<typeof GetInsights>;
  /** How many pages of recipients were asked for. */
  pagesListed: number;
  /** What MarkInboxRead was told. */
  readonly inboxReads: PayloadOf<typeof MarkInboxRead>[];
  /** What ListUnread and CountMissed were asked last. */
  asked: PayloadOf<typeof ListUnread> | PayloadOf<typeof CountMissed> | null;
  /** By `<app>/<user>`; nothing where there is none. */
  readonly unread: Map<string, UnreadCounts>;
}

const NO_TIMES = { p50: null, p90: null };
export const NOTHING_ANNOUNCED = {
  announcements: 0,
  sent: 0,
  delivered: 0,
  read: 0,
  opened: 0,
  deleted: 0,
  timeToDelivered: NO_TIMES,
  timeToRead: NO_TIMES,
};
const NOTHING_UNREAD: UnreadCounts = { announcements: 0, messages: 0, conversations: 0 };

export const receiptsContracts = [
  GetInsights,
  RecordReceipts,
  GetReceiptCounts,
  GetReceiptStates,
  GetReceiptTimeline,
  ListRecipientStates,
  ListDeleted,
  ListUnread,
  CountMissed,
  MarkInboxRead,
  GetUnread,
  ReconcileUnread,
] as const;

export function receiptsPeer(): { peer: ReceiptsPeer; rows: readonly Consumer[] } {
  const peer: ReceiptsPeer = {
    recorded: [],
    recipients: new Map(),
    timelines: [],
    insights: [],
    insightsReply: { buckets: [], total: { ...NOTHING_ANNOUNCED, messages: 0 }, categories: [] },
    lookedAtMax: 20_000,
    pagesListed: 0,
    inboxReads: [],
    asked: null,
    unread: new Map(),
  };
  const unreadOf = (app: string, userId: string) => ({
    ...(peer.unread.get(`${app}/${userId}`) ?? NOTHING_UNREAD),
    version: 7,
  });
  const rows = [
    consumer({
      queue: "receipt-tracking.receipts",
      handlers: [
        on(RecordReceipts, async ({ payload }) => {
          const members = peer.recipients.get(payload.announcementId) ?? [];
          const strangers = payload.receipts
            .map(({ userId }) => userId)
            .filter((userId) => !members.some((one) => one.userId === userId));
          if (strangers.length < payload.receipts.length) peer.recorded.push(payload);
          for (const { userId, kind, at } of payload.receipts) {
            const member = members.find((one) => one.userId === userId);
            if (member && kind === "deleted") Object.assign(member, { deletedAt: at });
          }
          if (strangers.length > 0) return refuse(new DomainError("not_found", { userIds: strangers }));
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "receipt-tracking.inbox-reads",
      handlers: [
        on(MarkInboxRead, async ({ payload }) => {
          peer.inboxReads.push(payload);
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "receipt-tracking.unread",
      handlers: [
        on(ReconcileUnread, async ({ app, payload: { userId } }) => reply({ before: 9, after: unreadOf(app, userId) })),
      ],
    }),
    consumer({
      queue: "receipt-tracking.queries",
      handlers: [
        on(GetUnread, async ({ app, payload: { userId } }) => reply(unreadOf(app, userId))),
        on(GetReceiptCounts, async () => reply({ delivered: 3, read: 2, opened: 1, deleted: 1 })),
        on(GetReceiptStates, async ({ payload: { userId, announcementIds } }) =>
          reply({
            states: announcementIds.flatMap((announcementId) => {
              const state = peer.recipients.get(announcementId)?.find((one) => one.userId === userId);
              return state ? [{ ...state, announcementId }] : [];
            }),
          }),
        ),
        on(ListUnread, async ({ payload }) => {
          peer.asked = payload;
          const { userId, after, limit } = payload;
          const all = [...peer.recipients]
            .filter(([, members]) => members.some((one) => one.userId === userId && one.status !== "read"))
            .map(([announcementId]) => ({ announcementId, at: Date.now() }))
            .toReversed();
          const start = after === null ? 0 : all.findIndex((key) => key.announcementId === after) + 1;
          const keys = after !== null && start === 0 ? null : all.slice(start, start + limit);
          return reply({ keys, total: all.length });
        }),
        on(CountMissed, async ({ payload }) => {
          peer.asked = payload;
          const newest = [...peer.recipients.keys()].slice(-payload.newest).toReversed();
          return reply({ count: peer.recipients.size, unread: 1, newest });
        }),
        on(ListDeleted, async ({ payload: { userId } }) =>
          reply({
            announcementIds: [...peer.recipients]
              .filter(([, members]) => members.some((one) => one.userId === userId && one.deletedAt))
              .map(([announcementId]) => announcementId),
          }),
        ),
        on(GetInsights, async ({ payload }) => {
          peer.insights.push(payload);
          return reply(peer.insightsReply);
        }),
        on(GetReceiptTimeline, async ({ payload }) => {
          peer.timelines.push(payload);
          return reply({ buckets: [{ at: payload.from, sent: 4, delivered: 3, read: 2, opened: 1, deleted: 0 }] });
        }),
        on(ListRecipientStates, async ({ payload: { announcementId, status, after, limit } }) => {
          peer.pagesListed += 1;
          const all = peer.recipients.get(announcementId);
          if (!all) return refuse(new DomainError("not_found", { announcementId }));
          const start = after === null ? 0 : all.findIndex(({ userId }) => userId === after) + 1;
          const lookedAt = all.slice(start, start + peer.lookedAtMax);
          const found = lookedAt.filter((one) => status === "sent" || one.status === status).slice(0, limit);
          const last = found.length === limit ? found.at(-1) : lookedAt.at(-1);
          const isEnd = last === undefined || last === all.at(-1);
          return reply({ recipients: found, ...(isEnd ? {} : { next: last.userId }) });
        }),
      ],
    }),
  ];
  return { peer, rows };
}
