import {
  CancelAnnouncement,
  ChangeAnnouncement,
  PauseAnnouncement,
  RecallAnnouncement,
  ResumeAnnouncement,
  type StateReply,
} from "@strata/contracts";
import { requirePushable, type SettingsCache } from "@strata/doors";
import {
  announcementStateView,
  conflict,
  notFound,
  parseAnnouncementChange,
  type PartLimits,
} from "@strata/layer-protocol";
import { requireContentWithin } from "../domain/announcement-limits.ts";
import { retentionOf } from "../domain/app-settings.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AnnouncementChangeBody, AnnouncementStateView } from "../openapi/announcement-schemas.ts";
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
  access: "announcements:write",
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

interface ChangeOptions extends PartLimits {
  readonly maxBodyBytes: number;
  readonly maxContentBytes: number;
  readonly settings: Pick<SettingsCache, "of">;
}

const changeAnnouncement = (options: ChangeOptions): Route => ({
  method: "patch",
  path: "/apps/:app/announcements/:announcement",
  access: "announcements:write",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "changeAnnouncement",
    tag: "Announcements",
    summary: "Change an announcement before its start, correct it afterwards",
    description:
      "A JSON object, no Layer-Patch. Before the start any field may change, and null takes it away; no schedule is at once. " +
      "Afterwards what it says may (`parts`, `notification`, `personalise`, `defaults`, `variants`): every inbox shows the " +
      "new revision at once. What is new must go with what stays: a template's variables with the defaults, variants with " +
      "the notification.",
    path: AnnouncementPath,
    body: AnnouncementChangeBody,
    answer: ANSWER,
    errors: [404, 409, 413, 422],
  }),
  async handle(call) {
    const announcementId = announcementIdOf(call);
    const change = parseAnnouncementChange(call.wire.version, call.body, options, Date.now());
    const { parts = [], notification = null, variants = [] } = change.content;
    requireContentWithin(options.maxContentBytes, { parts, notification, variants });
    // Where it is not said whether it is personal, it may be.
    const { isPersonal = true } = change.content;
    await requirePushable({ notification, variants, isPersonal }, { version: call.wire.version, kind: "announcement" });
    const retention = await changedRetention(call, options.settings, change.terms.category);
    const terms = { ...change.terms, ...retention };
    return answerOf(
      call,
      "change so",
      await call.calls.request(ChangeAnnouncement, { announcementId, ...change, terms }),
    );
  },
});

/** Another category may have another retention. */
async function changedRetention(call: Call, settings: ChangeOptions["settings"], category: string | null | undefined) {
  if (category === undefined) return {};
  return { retentionDays: null, ...retentionOf(await settings.of(call), category) };
}

const recallAnnouncement = (): Route => ({
  method: "delete",
  path: "/apps/:app/announcements/:announcement",
  access: "announcements:write",
  operation: operation({
    id: "recallAnnouncement",
    tag: "Announcements",
    summary: "Take an announcement out of every inbox",
    description:
      "At once, for whoever has it; nobody else gets it. What was counted of it stays. Before its start it is canceled, and " +
      "nobody ever gets it.",
    path: AnnouncementPath,
    answer: ANSWER,
    errors: [404, 409],
  }),
  handle: async (call) =>
    answerOf(
      call,
      "be recalled",
      await call.calls.request(RecallAnnouncement, { announcementId: announcementIdOf(call) }),
    ),
});

/** Pause, resume, cancel: repeating one that is done changes nothing and is answered alike. */
export const announcementStates = (options: ChangeOptions): readonly Route[] => [
  changeAnnouncement(options),
  recallAnnouncement(),
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
  throw conflict(`An announcement that is ${progress.announcement.state} cannot ${verb}`, view);
}
