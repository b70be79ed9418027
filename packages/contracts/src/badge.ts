import { z } from "zod";
import { defineQuery } from "./define.ts";
import { AnnouncementId, Millis, UserId, userIdList } from "./values.ts";

/** What the number on an app's icon counts beside what the app itself counts; `off`: nobody touches the number. */
export const BadgeCounting = z.enum(["messages", "conversations", "external", "off"]);
export type BadgeCounting = z.infer<typeof BadgeCounting>;

const MAX_USERS = 1_000;
const Count = z.number().int().nonnegative();

/** The numbers on the icons of up to 1,000 users, as their app has them counted. */
export const FindBadges = defineQuery({
  service: "receipt-tracking",
  name: "FindBadges",
  version: 1,
  payload: z.object({
    userIds: userIdList(MAX_USERS),
    /** What they are being told of: unread, whether or not its event has come by. */
    announcement: z.object({ announcementId: AnnouncementId, at: Millis }).optional(),
  }),
  reply: z.object({
    /** Whoever is left out keeps the number she has: the app wants none. */
    badges: z.array(z.object({ userId: UserId, badge: Count })).max(MAX_USERS),
  }),
});

/** What the badges of an app count, and what the app itself counts for these users; whoever has 0 is left out. */
export const FindBadgeFacts = defineQuery({
  service: "directory",
  name: "FindBadgeFacts",
  version: 1,
  payload: z.object({ userIds: userIdList(MAX_USERS) }),
  reply: z.object({
    counting: BadgeCounting,
    withAnnouncements: z.boolean(),
    external: z.array(z.object({ userId: UserId, count: Count })).max(MAX_USERS),
  }),
});

/** What these users have not read of their messages; whoever has read all is left out. */
export const CountUnreadOfUsers = defineQuery({
  service: "conversation",
  name: "CountUnreadOfUsers",
  version: 1,
  payload: z.object({ userIds: userIdList(MAX_USERS) }),
  reply: z.object({
    unread: z.array(z.object({ userId: UserId, messages: Count, conversations: Count })).max(MAX_USERS),
  }),
});
