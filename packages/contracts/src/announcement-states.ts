import { z } from "zod";
import { AnnouncementProgress } from "./announcement.ts";
import { defineCommand, defineEvent } from "./define.ts";
import { AnnouncementId, Millis } from "./values.ts";

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
