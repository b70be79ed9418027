import { z } from "zod";
import { MessagePart, Millis, Notification } from "./values.ts";

/**
 * When an announcement starts: at one moment for everybody, or when it is this time where each recipient is. A local
 * time has no zone (`2026-12-01T09:00:00`); who has no known time zone is taken to be in the fallback.
 */
export const Schedule = z.union([
  z.object({ at: Millis }),
  z.object({ localTime: z.iso.datetime({ local: true }), fallbackTimeZone: z.string() }),
]);
export type Schedule = z.infer<typeof Schedule>;

/** What recipients with this locale (BCP 47) get in place of the announcement's own parts and notification. */
export const Variant = z.object({
  locale: z.string(),
  parts: z.array(MessagePart).min(1),
  notification: Notification.nullable(),
});
export type Variant = z.infer<typeof Variant>;

/** What makes an announcement say another thing to each recipient. */
export const PersonalTerms = z.object({
  /** Text parts and the notification's texts are Liquid templates, rendered for each recipient when read or pushed. */
  isPersonal: z.boolean().optional(),
  /** What a template's variable is for whom has none. */
  defaults: z.record(z.string(), z.string()).optional(),
  variants: z.array(Variant).optional(),
});
export type PersonalTerms = z.infer<typeof PersonalTerms>;

/** When, how fast and how an announcement goes out; what is absent is not asked for. */
export const AnnouncementTerms = z.object({
  schedule: Schedule.nullable().optional(),
  /** From then on it is in no inbox, and nothing of it is pushed. */
  expiresAt: Millis.nullable().optional(),
  /** At most so many recipients in any minute. */
  throttlePerMinute: z.number().int().positive().nullable().optional(),
  /** Inbox and sockets only: without a notification of its own nothing is pushed. */
  isSilent: z.boolean().optional(),
  priority: z.enum(["normal", "urgent"]).optional(),
  category: z.string().nullable().optional(),
  /** For how long it stays in the inboxes, counted from its start, by what is set for its app and category when it is accepted. */
  retentionDays: z.number().int().positive().nullable().optional(),
  /** For an audience: who becomes known until then, and belongs to it then, gets it, too. */
  includeNewUsersUntil: Millis.nullable().optional(),
  ...PersonalTerms.shape,
});
export type AnnouncementTerms = z.infer<typeof AnnouncementTerms>;

/** What was said when: 1 is the original, each correction is one more. */
export const Revision = z.object({ revision: z.number().int().positive(), at: Millis });
