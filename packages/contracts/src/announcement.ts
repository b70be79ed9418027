import { z } from "zod";
import { AnnouncementTerms, PersonalTerms, Revision } from "./announcement-terms.ts";
import { Audience } from "./audience.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import {
  AnnouncementId,
  BatchRecipients,
  MessagePart,
  Millis,
  Notification,
  Partition,
  Sender,
  UserId,
  userIdList,
} from "./values.ts";

/**
 * accepting: recipients are still being stored; scheduled: it starts later; distributing: batches are being written;
 * paused: none are until it is resumed; distributed: every inbox has its entry; canceled: nobody else gets it;
 * recalled, expired: it is in no inbox any more.
 */
export const AnnouncementState = z.enum([
  "accepting",
  "scheduled",
  "distributing",
  "paused",
  "distributed",
  "canceled",
  "recalled",
  "expired",
]);
export type AnnouncementState = z.infer<typeof AnnouncementState>;

export const AnnouncementContent = z.object({
  sender: Sender,
  parts: z.array(MessagePart).min(1),
  notification: Notification.nullable(),
});
export type AnnouncementContent = z.infer<typeof AnnouncementContent>;

/**
 * What the backend said, as stored in the header; `recipientCount` counts the distinct ids it named, or how many there
 * were of its audience when that was counted before it was accepted (else 0).
 */
export const Announcement = AnnouncementContent.extend({
  announcementId: AnnouncementId,
  state: AnnouncementState,
  at: Millis,
  recipientCount: z.number().int(),
  /** The ids named, where the list is short enough to be kept in the header (up to 1,000); else null. */
  recipients: z.array(UserId).nullable(),
  /** Whom it is for; absent: those who were named. */
  audience: Audience.optional(),
  /** Those who were named were uploaded after it. */
  isUploaded: z.boolean().optional(),
  ...AnnouncementTerms.shape,
  /** When what is scheduled starts, or started. */
  startsAt: Millis.nullable().optional(),
  /** 1, and one more for each correction. */
  revision: z.number().int().optional(),
  /** Every revision and when it became what is shown; one read at a time t was the last with `at` up to t. */
  revisions: z.array(Revision).optional(),
});
export type Announcement = z.infer<typeof Announcement>;

/** SHA-256 over the request's meaning: tells a repeat of the same request from another one under the same id. */
const Digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What every way to announce says of an announcement. */
export const AnnouncementRequest = AnnouncementContent.extend({
  announcementId: AnnouncementId,
  digest: Digest,
  ...AnnouncementTerms.shape,
});

/** `in-use`: the id was taken before by something else, or by the same request, already started; the stored one comes along. */
export const AcceptReply = z.object({
  outcome: z.enum(["accepted", "in-use"]),
  announcement: Announcement,
});
export type AcceptReply = z.infer<typeof AcceptReply>;

/** Header, batches and events of an announcement to at most 1,000 users, in one step. For later or throttled it is not. */
export const AnnounceToFew = defineCommand({
  service: "announcement-fanout",
  lane: "few",
  name: "AnnounceToFew",
  version: 1,
  payload: AnnouncementRequest.extend({ recipients: userIdList(1_000) }),
  reply: AcceptReply,
});

/** First step of a long list: stores the header as `accepting`. A repeat while it is `accepting` finds it again. */
export const OpenAnnouncement = defineCommand({
  service: "announcement-fanout",
  lane: "many",
  name: "OpenAnnouncement",
  version: 1,
  payload: AnnouncementRequest.extend({
    recipientCount: z.number().int().positive(),
    /** Of a short list that does not go out at once: kept to be shown. */
    recipients: userIdList(1_000).optional(),
  }),
  reply: AcceptReply,
});

/**
 * Recipients of one partition: at most 1,000, ascending in `compareUserIds`, and ascending from chunk to chunk, which
 * are numbered from 0. Chunk n becomes batch n.
 */
export const RecipientChunk = z.object({
  partition: Partition,
  chunk: z.number().int().nonnegative(),
  userIds: userIdList(1_000),
});
export type RecipientChunk = z.infer<typeof RecipientChunk>;

/** How many partitions of one app may be fanned out at once. */
export const SLOTS = 8;

/** Second step: one message of at most 1 MB with some of the recipients. */
export const StoreRecipients = defineCommand({
  service: "announcement-fanout",
  lane: "recipients",
  name: "StoreRecipients",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId, chunks: z.array(RecipientChunk).min(1) }),
});

/** Last step: names every chunk, waits until all are stored, and starts the fan-out. */
export const StartAnnouncement = defineCommand({
  service: "announcement-fanout",
  lane: "many",
  name: "StartAnnouncement",
  version: 1,
  payload: z.object({
    announcementId: AnnouncementId,
    /** How many chunks each partition has; partitions without recipients are absent. */
    chunks: z.array(z.object({ partition: Partition, count: z.number().int().positive() })).min(1),
  }),
  reply: AcceptReply,
});

/**
 * Wakes the fan-out of one slot of an app. Partitions are dealt to eight slots and a slot is worked by one worker at a
 * time, so that no app ever has more than eight partitions under way. The work itself is rows: a wake that is lost,
 * late or repeated changes nothing.
 */
export const FanOut = defineCommand({
  service: "announcement-fanout",
  lane: "slots",
  name: "FanOut",
  version: 1,
  payload: z.object({
    slot: z
      .number()
      .int()
      .min(0)
      .max(SLOTS - 1),
  }),
});

/** As FanOut, for a slot with urgent work: it does not wait behind other apps' turns. */
export const FanOutUrgently = defineCommand({
  service: "announcement-fanout",
  lane: "urgent-slots",
  name: "FanOutUrgently",
  version: 1,
  payload: FanOut.payload,
});

export const AnnouncementProgress = z.object({
  announcement: Announcement,
  counts: z.object({
    /** Distinct users named. */
    recipients: z.number().int(),
    /** Of them, those that do not exist, as far as distribution has come. */
    unknown: z.number().int(),
    /** Inbox entries written. */
    sent: z.number().int(),
  }),
});
export type AnnouncementProgress = z.infer<typeof AnnouncementProgress>;

export const GetAnnouncement = defineQuery({
  service: "announcement-fanout",
  name: "GetAnnouncement",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  reply: z.object({ progress: AnnouncementProgress.nullable() }),
});

/** What an announcement says now; null also where it is in no inbox any more. A correction changes it, so keep it for seconds. */
export const GetAnnouncementContent = defineQuery({
  service: "announcement-fanout",
  name: "GetAnnouncementContent",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  reply: z.object({ content: AnnouncementContent.extend(PersonalTerms.shape).nullable() }),
});

/** One page of a user's inbox, newest first, behind `after` (an announcement's id) where given. */
export const ListInbox = defineQuery({
  service: "announcement-fanout",
  name: "ListInbox",
  version: 1,
  payload: z.object({
    userId: UserId,
    limit: z.number().int().min(1).max(500),
    after: AnnouncementId.nullable(),
    /** Since when she is known: who says it gets what is for everyone, too. */
    knownSince: Millis.nullable().optional(),
    /** Left out: what she has deleted for herself. It may be `after` all the same. */
    without: z.array(AnnouncementId).optional(),
    /** Only what came after it. */
    since: Millis.optional(),
  }),
  /** `entries` is null when `after` is not in this inbox. */
  reply: z.object({ entries: z.array(Announcement).nullable(), total: z.number().int() }),
});

/** Which of these users have the announcement in their inbox. */
export const FindRecipients = defineQuery({
  service: "announcement-fanout",
  name: "FindRecipients",
  version: 1,
  payload: z.object({
    checks: z.array(z.object({ announcementId: AnnouncementId, userIds: z.array(UserId).min(1) })).max(1000),
  }),
  reply: z.object({
    found: z.array(z.object({ announcementId: AnnouncementId, userIds: z.array(UserId) })),
  }),
});

/**
 * Recipients in the order of partition and user id, behind `after`; null when there is no such announcement. A page
 * shorter than `limit` is the last.
 */
export const ListRecipients = defineQuery({
  service: "announcement-fanout",
  name: "ListRecipients",
  version: 1,
  payload: z.object({
    announcementId: AnnouncementId,
    after: UserId.nullable(),
    limit: z.number().int().min(1).max(1000),
  }),
  reply: z.object({ userIds: z.array(UserId).nullable() }),
});

/** An announcement is accepted: it will reach every recipient that exists. De-duplicate by `announcementId`. */
export const AnnouncementAccepted = defineEvent({
  name: "announcement.announcement.accepted",
  version: 1,
  producer: "announcement-fanout",
  payload: z.object({
    announcementId: AnnouncementId,
    at: Millis,
    recipientCount: z.number().int(),
    category: z.string().nullable().optional(),
  }),
  consumedBy: ["receipt-tracking.insight-events"],
});

/** One batch of an announcement is in its recipients' inboxes. May come again, with the same id and recipients. */
export const BatchStored = defineEvent({
  name: "announcement.batch.stored",
  version: 1,
  producer: "announcement-fanout",
  payload: z.object({
    announcementId: AnnouncementId,
    /** `<app>/<announcement>/<partition>/<slice>/<n>` */
    batchId: z.string(),
    partition: Partition,
    at: Millis,
    recipients: BatchRecipients,
    hasNotification: z.boolean(),
    /** Nothing is to be pushed. */
    isSilent: z.boolean().optional(),
    category: z.string().nullable().optional(),
    priority: z.enum(["normal", "urgent"]).optional(),
    /** When it leaves the inboxes: no push after it. */
    expiresAt: Millis.nullable().optional(),
    /** The user who says it, where it is one: who blocks her gets no push. */
    senderId: UserId.optional(),
  }),
  consumedBy: ["push-delivery.announcements", "receipt-tracking.unread-events", "realtime.changes"],
});

/**
 * Every inbox has its entry; nothing of this announcement is added any more, but for those who become known until its
 * `includeNewUsersUntil`. De-duplicate by `announcementId`.
 */
export const AnnouncementDistributed = defineEvent({
  name: "announcement.announcement.distributed",
  version: 1,
  producer: "announcement-fanout",
  payload: z.object({ announcementId: AnnouncementId, sent: z.number().int(), unknown: z.number().int() }),
});
