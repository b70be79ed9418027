import { z } from "zod";
import { AcceptReply, AnnouncementProgress, AnnouncementRequest } from "./announcement.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { AnnouncementId, userIdList } from "./values.ts";

/** The most distinct recipients that an upload may have. */
export const MAX_UPLOADED_RECIPIENTS = 10_000_000;

/** The most that one StoreUploaded carries. */
export const UPLOADED_PER_COMMAND = 5_000;

/** First step of an announcement whose recipients are uploaded: stores the header as `accepting`. */
export const OpenUpload = defineCommand({
  service: "announcement-fanout",
  lane: "many",
  name: "OpenUpload",
  version: 1,
  payload: AnnouncementRequest,
  reply: AcceptReply,
});

/**
 * Whether an upload takes recipients: `started` also stands for one that has ended; `not-an-upload`: its recipients were
 * said with it.
 */
const UploadOutcome = z.enum(["open", "started", "not-an-upload", "not-found"]);

/**
 * Some of the recipients, in any order, known already or not: who is named twice is in it once. Answered once they are
 * stored; with another outcome than `open` none of them need be.
 */
export const StoreUploaded = defineCommand({
  service: "announcement-fanout",
  lane: "uploads",
  name: "StoreUploaded",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId, userIds: userIdList(UPLOADED_PER_COMMAND) }),
  reply: z.object({ outcome: UploadOutcome }),
});

/** What is known of an upload before more is sent. */
export const GetUpload = defineQuery({
  service: "announcement-fanout",
  name: "GetUpload",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  reply: z.object({
    outcome: UploadOutcome,
    /** How many distinct users it has so far: of many, estimated from a part of them. */
    recipientsAbout: z.number().int(),
  }),
});

/**
 * Last step: counts the recipients and starts the fan-out, or schedules it. Refused are more than `maxRecipients`. One
 * that has started already is answered as `started`, too.
 */
export const StartUpload = defineCommand({
  service: "announcement-fanout",
  lane: "many",
  name: "StartUpload",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId, maxRecipients: z.number().int().positive() }),
  reply: z.object({
    outcome: z.enum(["started", "empty", "too-many", "ended", "not-an-upload", "not-found"]),
    /** Distinct users uploaded, where they were counted. */
    recipientCount: z.number().int().nullable(),
    progress: AnnouncementProgress.nullable(),
  }),
});
