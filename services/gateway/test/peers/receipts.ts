import {
  GetReceiptCounts,
  GetReceiptStates,
  GetReceiptTimeline,
  ListRecipientStates,
  type PayloadOf,
  type RecipientState,
  RecordReceipts,
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
  /** How many pages of recipients were asked for. */
  pagesListed: number;
}

export const receiptsContracts = [
  RecordReceipts,
  GetReceiptCounts,
  GetReceiptStates,
  GetReceiptTimeline,
  ListRecipientStates,
] as const;

export function receiptsPeer(): { peer: ReceiptsPeer; rows: readonly Consumer[] } {
  const peer: ReceiptsPeer = {
    recorded: [],
    recipients: new Map(),
    timelines: [],
    lookedAtMax: 20_000,
    pagesListed: 0,
  };
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
          if (strangers.length > 0) return refuse(new DomainError("not_found", { userIds: strangers }));
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "receipt-tracking.queries",
      handlers: [
        on(GetReceiptCounts, async () => reply({ delivered: 3, read: 2, opened: 1, deleted: 1 })),
        on(GetReceiptStates, async ({ payload: { userId, announcementIds } }) =>
          reply({
            states: announcementIds.flatMap((announcementId) => {
              const state = peer.recipients.get(announcementId)?.find((one) => one.userId === userId);
              return state ? [{ ...state, announcementId }] : [];
            }),
          }),
        ),
        on(GetReceiptTimeline, async ({ payload }) => {
          peer.timelines.push(payload);
          return reply({ buckets: [{ at: payload.from, delivered: 3, read: 2, opened: 1, deleted: 0 }] });
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
