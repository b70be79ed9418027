import { z } from "zod";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { AnnouncementId, AnnouncementReceiptKind, isUserId, Millis, UserId } from "./values.ts";

export const ReceiptFact = z.object({ userId: UserId, kind: AnnouncementReceiptKind, at: Millis });
export type ReceiptFact = z.infer<typeof ReceiptFact>;

const isFact = ({ userId, at }: { readonly userId: string; readonly at: number }): boolean =>
  isUserId(userId) && Number.isSafeInteger(at) && at >= 0;

/** As ReceiptFact, with what its schema says in words for others, and nothing to be checked for each. */
const FactShape = z.object({
  userId: z.string().meta({ minLength: 1, maxLength: 128 }),
  kind: AnnouncementReceiptKind,
  at: z.number().meta({ type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
});

/** Long lists of receipts, checked in one pass: five checks for each took four times as long (see `userIdList`). */
const receiptFacts = (max: number = Number.POSITIVE_INFINITY): z.ZodType<ReceiptFact[]> => {
  const facts = z.array(FactShape).min(1);
  return (Number.isFinite(max) ? facts.max(max) : facts).refine(
    (some) => some.every(isFact),
    "holds something that is no receipt",
  );
};

/** Records receipts of one announcement; those of users who are no recipients are refused with `not_found`. */
export const RecordReceipts = defineCommand({
  service: "receipt-tracking",
  lane: "receipts",
  name: "RecordReceipts",
  version: 1,
  payload: z.object({
    announcementId: AnnouncementId,
    receipts: receiptFacts(1_000),
  }),
});

export const GetReceiptCounts = defineQuery({
  service: "receipt-tracking",
  name: "GetReceiptCounts",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  /** `delivered` counts whoever has a receipt of any kind but `deleted`, since reading and opening imply it. */
  reply: z.object({
    delivered: z.number().int(),
    read: z.number().int(),
    opened: z.number().int().optional(),
    deleted: z.number().int().optional(),
  }),
});

export const RecipientState = z.object({
  userId: UserId,
  status: z.enum(["sent", "delivered", "read"]),
  deliveredAt: Millis.nullable(),
  readAt: Millis.nullable(),
  openedAt: Millis.nullable().optional(),
  deletedAt: Millis.nullable().optional(),
});
export type RecipientState = z.infer<typeof RecipientState>;

/** One user's state for up to 500 announcements; `sent` where there is no receipt, whether or not the user is a recipient. */
export const GetReceiptStates = defineQuery({
  service: "receipt-tracking",
  name: "GetReceiptStates",
  version: 1,
  payload: z.object({ userId: UserId, announcementIds: z.array(AnnouncementId).max(500) }),
  reply: z.object({ states: z.array(RecipientState.extend({ announcementId: AnnouncementId })) }),
});

/**
 * Who: `sent` is everyone, `delivered` whoever has it, has read it or opened its push, `read`, and `unread` everyone else;
 * `opened` and `deleted` whoever did that.
 */
export const RecipientFilter = z.enum(["sent", "delivered", "read", "unread", "opened", "deleted"]);
export type RecipientFilter = z.infer<typeof RecipientFilter>;

/** Recipients in the order of partition and user id, behind `after`. */
export const ListRecipientStates = defineQuery({
  service: "receipt-tracking",
  name: "ListRecipientStates",
  version: 1,
  payload: z.object({
    announcementId: AnnouncementId,
    status: RecipientFilter,
    after: UserId.nullable(),
    limit: z.number().int().min(1).max(1000),
  }),
  reply: z.object({
    recipients: z.array(RecipientState),
    /**
     * The `after` of the next page; absent at the end. At most 20,000 recipients are looked at per answer, so a page may
     * be shorter than `limit`, even empty, and yet not be the last.
     */
    next: UserId.optional(),
  }),
});

/** How many buckets one answer of a timeline spans at most. */
export const TIMELINE_BUCKETS_MAX = 10_080;

const Users = z.number().int();

/**
 * How many users came to each state in each minute or hour of a time: `from` is part of it, `to` is not. Buckets in
 * which nothing happened are left out. A user is delivered to by her first receipt, whichever it is.
 */
export const GetReceiptTimeline = defineQuery({
  service: "receipt-tracking",
  name: "GetReceiptTimeline",
  version: 1,
  payload: z.object({
    announcementId: AnnouncementId,
    by: z.enum(["minute", "hour"]),
    from: Millis,
    to: Millis,
  }),
  reply: z.object({
    buckets: z.array(
      z.object({
        at: Millis,
        /** Who got it then. */
        sent: Users.optional(),
        delivered: Users,
        read: Users,
        opened: Users,
        deleted: Users,
      }),
    ),
  }),
});

/** New receipts of one announcement. A fact may come again, grouped otherwise: de-duplicate by user and kind. */
export const ReceiptsRecorded = defineEvent({
  name: "announcement.receipt.recorded",
  version: 1,
  producer: "receipt-tracking",
  payload: z.object({ announcementId: AnnouncementId, receipts: receiptFacts() }),
  consumedBy: ["receipt-tracking.unread-events", "realtime.changes"],
});
