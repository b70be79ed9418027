import { CancelAnnouncement, PauseAnnouncement, ResumeAnnouncement, type StateReply } from "@strata/contracts";
import { announcementStateView, conflict, notFound } from "@strata/layer-protocol";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AnnouncementStateView } from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";

const ANSWER = {
  status: 200,
  description: "The state, and how many it has reached; batches under way may still be added",
  schema: AnnouncementStateView,
} as const;

const stateRoute = (
  verb: "pause" | "resume" | "cancel",
  command: typeof PauseAnnouncement,
  text: { readonly summary: string; readonly description: string },
): Route => ({
  method: "post",
  path: `/apps/:app/announcements/:announcement/${verb}`,
  access: "app:write",
  operation: operation({
    id: `${verb}Announcement`,
    tag: "Announcements",
    ...text,
    path: AnnouncementPath,
    answer: ANSWER,
    errors: [404, 409],
  }),
  handle: async (call) =>
    answerOf(call, verb, await call.calls.request(command, { announcementId: announcementIdOf(call) })),
});

/** Pause, resume, cancel: repeating one that is done changes nothing and is answered alike. */
export const announcementStates = (): readonly Route[] => [
  stateRoute("pause", PauseAnnouncement, {
    summary: "Let an announcement stand still",
    description: "What is being distributed stops after the batches under way, until it is resumed. Other states: 409.",
  }),
  stateRoute("resume", ResumeAnnouncement, {
    summary: "Go on with a paused announcement",
    description: "It goes on behind the last batch: nobody is left out, nobody gets it twice. Other states: 409.",
  }),
  stateRoute("cancel", CancelAnnouncement, {
    summary: "End an announcement before everybody has it",
    description:
      "Before its start nobody ever gets it; afterwards it ends behind the batches under way, and whoever has it keeps it. " +
      "One that everybody has is not canceled but recalled: 409.",
  }),
];

/** What became of an asked-for change: 404 where there is no such announcement, 409 with the state it is in. */
function answerOf({ wire }: Call, verb: string, { outcome, progress }: StateReply): Answer {
  if (progress === null) throw notFound("There is no such announcement");
  const view = announcementStateView(wire, progress.announcement, progress.counts.sent);
  if (outcome === "done") return ok(view);
  throw conflict(`An announcement that is ${progress.announcement.state} cannot be asked to ${verb}`, view);
}
