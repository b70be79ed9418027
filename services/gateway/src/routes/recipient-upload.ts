import { GetUpload, MAX_UPLOADED_RECIPIENTS, type ReplyOf, StartUpload } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import {
  announcementStateView,
  conflict,
  invalidHeader,
  invalidProperty,
  layerError,
  type LayerError,
  notFound,
  uploadView,
} from "@strata/layer-protocol";
import { uploadRecipients } from "../announcing/upload-recipients.ts";
import { maxAudienceUsersOf } from "../domain/app-settings.ts";
import { NDJSON_TYPE } from "../http/other-types.ts";
import { accepted, type Answer, type Call, ok, type Route } from "../http/route.ts";
import { StartedUploadView, UploadLine, UploadView } from "../openapi/upload-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";

interface Options {
  readonly settings: SettingsCache;
  /** Of each step, of which an upload has any number. */
  readonly longListDeadlineMs: number;
}

/** The longest user id, percent-encoded in an identity URI and then escaped, has about half of it. */
const MAX_LINE_BYTES = 4_096;
/** What an estimate may be off by, and more, before an upload is refused for its number. */
const ESTIMATE_MARGIN = 1.25;

/** An announcement whose recipients follow it: these bring them in, and send it off. */
export const recipientUpload = (options: Options): readonly Route[] => [uploading(options), starting(options)];

const uploading = (options: Options): Route => ({
  method: "put",
  path: "/apps/:app/announcements/:announcement/recipients",
  access: "announcements:write",
  maxLineBytes: MAX_LINE_BYTES,
  operation: operation({
    id: "uploadRecipients",
    tag: "Announcements",
    summary: "Add recipients to an announcement with `recipients_upload`",
    description:
      `At most ${MAX_UPLOADED_RECIPIENTS} users in all, or fewer where \`max_audience_users\` of the app says so, in as ` +
      "many requests as you like and in any order: a line each, a user " +
      `id as a JSON string or an object with \`user_id\`, of at most ${MAX_LINE_BYTES} bytes. Blank lines are passed over. Who is ` +
      "named again is in it once, so a request that broke off is simply repeated. Stored as they come: where a line is " +
      "wrong, or a service does not answer, `data.stored_lines` says up to which line all are in; those behind it may be.",
    path: AnnouncementPath,
    body: UploadLine,
    bodyType: NDJSON_TYPE,
    isBodyOptional: true,
    answer: { status: 200, description: "All lines are stored", schema: UploadView },
    errors: [404, 409, 422],
  }),
  handle: (call) => upload(call, options),
});

async function upload(call: Call, { settings, longListDeadlineMs }: Options): Promise<Answer> {
  const announcementId = announcementIdOf(call);
  const { lines, allowance } = call;
  if (lines === null) throw invalidHeader("Content-Type", `must be ${NDJSON_TYPE}`);
  const { outcome, recipientsAbout } = await call.calls.ask(GetUpload, { announcementId });
  if (outcome !== "open") throw refusal(outcome);
  const limit = await limitOf(call, settings);
  if (recipientsAbout > limit * ESTIMATE_MARGIN) {
    throw invalidProperty("recipients", `are about ${recipientsAbout}, and at most ${limit} are allowed`);
  }
  const count = await uploadRecipients(call.calls, {
    announcementId,
    version: call.wire.version,
    lines,
    allowance,
    deadlineMs: longListDeadlineMs,
    maxLines: limit,
    refusal,
  });
  return ok(uploadView(call.wire, announcementId, count));
}

const limitOf = async (call: Call, settings: SettingsCache): Promise<number> =>
  Math.min(MAX_UPLOADED_RECIPIENTS, maxAudienceUsersOf(await settings.of(call)));

function refusal(outcome: ReplyOf<typeof GetUpload>["outcome"]): LayerError {
  if (outcome === "not-found") return notFound("There is no such announcement");
  return conflict(
    outcome === "started"
      ? "The announcement has been started, or has ended: it takes no more recipients"
      : "The announcement was not made with recipients_upload: its recipients were said with it",
  );
}

const starting = (options: Options): Route => ({
  method: "post",
  path: "/apps/:app/announcements/:announcement/start",
  access: "announcements:write",
  operation: operation({
    id: "startAnnouncement",
    tag: "Announcements",
    summary: "Send an announcement whose recipients are uploaded",
    description:
      "Now, or at its `schedule`. From then on it takes no more recipients. Repeating it changes nothing and is answered " +
      "alike. What is not started within a day of its creation is canceled.",
    path: AnnouncementPath,
    answer: { status: 202, description: "It will reach every recipient who exists", schema: StartedUploadView },
    errors: [404, 409, 422],
  }),
  handle: (call) => start(call, options),
});

async function start(call: Call, { settings, longListDeadlineMs }: Options): Promise<Answer> {
  const announcementId = announcementIdOf(call);
  const maxRecipients = await limitOf(call, settings);
  const calls = call.calls.within(longListDeadlineMs);
  const { outcome, recipientCount, progress } = await calls.request(StartUpload, { announcementId, maxRecipients });
  if (progress === null) throw notFound("There is no such announcement");
  const view = announcementStateView(call.wire, progress.announcement, progress.counts.sent);
  switch (outcome) {
    case "started":
      return accepted({ ...view, recipients: recipientCount ?? progress.counts.recipients });
    case "empty":
      throw invalidProperty("recipients", "are not there: none were uploaded");
    case "too-many":
      throw layerError(
        "invalid_property",
        `recipients are ${recipientCount}, and at most ${maxRecipients} are allowed`,
        { property: "recipients", count: recipientCount, limit: maxRecipients },
      );
    case "ended":
      throw conflict(`An announcement that is ${progress.announcement.state} cannot be started`, view);
    default:
      throw conflict("The announcement was not made with recipients_upload: it needs no start", view);
  }
}
