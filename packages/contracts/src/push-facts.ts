import { z } from "zod";
import { defineQuery } from "./define.ts";
import { AnnouncementId, MessageId, Millis, UserId, userIdList } from "./values.ts";

/** What policies over pushes ask about a recipient; null where nothing is known. */
export const PushFacts = z.object({
  userId: UserId,
  /** IANA name: as her backend says in her metadata, else as her newest device has it. */
  timeZone: z.string().nullable(),
  lastSeenAt: Millis.nullable(),
});
export type PushFacts = z.infer<typeof PushFacts>;

/** The facts of up to 1,000 users; who is not known is left out. */
export const FindPushFacts = defineQuery({
  service: "directory",
  name: "FindPushFacts",
  version: 1,
  payload: z.object({ userIds: userIdList(1_000) }),
  reply: z.object({ facts: z.array(PushFacts).max(1_000) }),
});

/** Who of up to 1,000 users has read an announcement, whether or not they are recipients. */
export const FindAnnouncementReaders = defineQuery({
  service: "receipt-tracking",
  name: "FindAnnouncementReaders",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId, userIds: userIdList(1_000) }),
  reply: z.object({ userIds: userIdList(1_000) }),
});

/** Who of up to 1,000 users has read a message; nobody has read one that is not there. */
export const FindMessageReaders = defineQuery({
  service: "conversation",
  name: "FindMessageReaders",
  version: 1,
  payload: z.object({ messageId: MessageId, userIds: userIdList(1_000) }),
  reply: z.object({ userIds: userIdList(1_000) }),
});
