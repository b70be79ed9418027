import { z } from "zod";
import { AnnouncementProgress } from "./announcement.ts";
import { AnnouncementTerms, PersonalTerms } from "./announcement-terms.ts";
import { defineCommand, defineEvent } from "./define.ts";
import { AnnouncementId, MessagePart, Millis, Notification } from "./values.ts";

/** `wrong-state`: what was asked for does not go from the state that `progress` shows; nothing was changed. */
export const StateReply = z.object({
  outcome: z.enum(["done", "wrong-state", "not-found"]),
  progress: AnnouncementProgress.nullable(),
});
export type StateReply = z.infer<typeof StateReply>;

/** One writer per announcement. */
const changesState = {
  service: "announcement-fanout",
  lane: "states",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  reply: StateReply,
  orderedBy: ({ announcementId }: { readonly announcementId: string }): string => announcementId,
} as const;
type Named = { announcementId: string };

/** Stands still after the batches under way, until it is resumed. */
export const PauseAnnouncement = defineCommand<Named, StateReply>({ ...changesState, name: "PauseAnnouncement" });
export const ResumeAnnouncement = defineCommand<Named, StateReply>({ ...changesState, name: "ResumeAnnouncement" });
/** Ends it after the batches under way. Who has it keeps it. */
export const CancelAnnouncement = defineCommand<Named, StateReply>({ ...changesState, name: "CancelAnnouncement" });

/** What every event about an announcement's state says. `version` rises with each change; an older one is outdated. */
const StateChange = z.object({ announcementId: AnnouncementId, version: z.number().int(), at: Millis });

/** It will start later. */
export const AnnouncementScheduled = defineEvent({
  name: "announcement.announcement.scheduled",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange.extend({ startsAt: Millis }),
});

/** What is for everyone is in every inbox, before it is written down whose they are. May come again. */
export const AnnouncementOpened = defineEvent({
  name: "announcement.announcement.opened",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange,
  consumedBy: ["receipt-tracking.unread-events"],
});

/** Nobody else gets it until it is resumed. */
export const AnnouncementPaused = defineEvent({
  name: "announcement.announcement.paused",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange,
});

/** It goes on where it was paused. */
export const AnnouncementResumed = defineEvent({
  name: "announcement.announcement.resumed",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange,
});

/** Nobody else gets it. */
export const AnnouncementCanceled = defineEvent({
  name: "announcement.announcement.canceled",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange,
});

/** What is said instead; what is absent stays. */
const ContentChange = z.object({
  parts: z.array(MessagePart).min(1).optional(),
  notification: Notification.nullable().optional(),
  ...PersonalTerms.shape,
});

const ChangePayload = z.object({
  announcementId: AnnouncementId,
  content: ContentChange,
  terms: AnnouncementTerms.pick({
    schedule: true,
    expiresAt: true,
    throttlePerMinute: true,
    isSilent: true,
    priority: true,
    category: true,
    retentionDays: true,
  }),
});

/**
 * Before the start anything may change; afterwards only what is said, which is a correction: one more revision, in every
 * inbox at once. Refused: `invalid_property` for what cannot be told to each recipient together with what stays.
 */
export const ChangeAnnouncement = defineCommand<z.infer<typeof ChangePayload>, StateReply>({
  ...changesState,
  name: "ChangeAnnouncement",
  payload: ChangePayload,
});

/** Takes it out of every inbox, at once; what was counted of it stays. Before the start it is canceled. */
export const RecallAnnouncement = defineCommand<Named, StateReply>({ ...changesState, name: "RecallAnnouncement" });

/** Inboxes show another content. `revision` is the number of that content. */
export const AnnouncementCorrected = defineEvent({
  name: "announcement.announcement.corrected",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange.extend({ revision: z.number().int(), hasNotification: z.boolean() }),
  consumedBy: ["push-delivery.announcements", "realtime.changes"],
});

/** It is in no inbox any more. */
export const AnnouncementRecalled = defineEvent({
  name: "announcement.announcement.recalled",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange,
  consumedBy: ["push-delivery.announcements", "receipt-tracking.unread-events", "realtime.changes"],
});

/** Its time is over, and it is in no inbox any more. */
export const AnnouncementExpired = defineEvent({
  name: "announcement.announcement.expired",
  version: 1,
  producer: "announcement-fanout",
  payload: StateChange,
  consumedBy: ["receipt-tracking.unread-events", "realtime.changes"],
});
