import { AnnouncementState } from "@strata/contracts";
import { MAX_REPORTED_RECEIPTS, NotificationBody as WireNotification } from "@strata/layer-protocol";
import { z } from "zod";
import { WHY_NOT_CODES } from "../domain/why-not-code.ts";
import { AudienceFilterBody } from "./audience-schemas.ts";
import { examples } from "./examples.ts";
import { PolicyName } from "./policy-name.ts";
import { BasicIdentity } from "./user-schemas.ts";

export const Uri = z.string().meta({ description: "A `layer:///` id" });
export const Url = z.string();
export const Time = z.iso.datetime();
const Count = z.number().int().nonnegative();
const ByPlatform = z.strictObject({ ios: Count, android: Count, web: Count });

/** The keys are layer-protocol's own; those it checks by hand are spelled out here. */
const FreeJson = z.record(z.string(), z.json());
const Texts = z.array(z.string());
export const NotificationContent = WireNotification.extend({
  "title-loc-args": Texts.nullish(),
  "loc-args": Texts.nullish(),
  data: FreeJson.nullish(),
  apns: FreeJson.nullish(),
  gcm: FreeJson.nullish().meta({ description: "The older name of `fcm`" }),
  fcm: FreeJson.nullish(),
});
export const NotificationBody = NotificationContent.extend({
  recipients: z
    .union([
      z.array(NotificationContent.extend({ recipient: z.string().optional(), user_id: z.string().optional() })),
      z.record(z.string(), NotificationContent),
    ])
    .nullish()
    .meta({ description: "Other content for some recipients; what an override leaves out is inherited" }),
}).meta({ id: "Notification", description: "The push that goes with an announcement or a message" });

const PartBody = z
  .object({
    mime_type: z.string().min(1),
    body: z.string(),
    encoding: z.literal("base64").nullish().meta({ description: "base64: `body` is bytes" }),
  })
  .meta({ id: "AnnouncementPartRequest" });

const recipients = z
  .array(z.string())
  .min(1)
  .optional()
  .meta({ description: "Identity URIs, or user ids; duplicates collapse. Either these or `audience`" });
const audience = z
  .union([
    z.strictObject({ filter: AudienceFilterBody }),
    z.strictObject({ segment: z.string().meta({ description: "URI or UUID of a segment" }) }),
    z.strictObject({ everyone: z.literal(true) }),
  ])
  .optional()
  .meta({ description: "Who is known when it is accepted and matches; everyone needs `expected_count`" });
const recipientsUpload = z
  .literal(true)
  .nullish()
  .meta({ description: "In place of both: the recipients follow in `PUT …/recipients`, and `POST …/start` sends it" });
const parts = z.array(PartBody).min(1);
/** What makes it say another thing to each recipient. */
const personalTerms = {
  personalise: z
    .boolean()
    .nullish()
    .meta({
      description:
        "The bodies of `text/*` parts, and `title` and `text` of notifications, overrides and variants included, are Liquid " +
        "templates, rendered for each recipient when they are read or pushed. Variables: `user_id`, `display_name`, " +
        "`first_name`, `last_name`, `email_address`, `phone_number`, `metadata.<key>`. In `text/html` and `text/xml` what " +
        "they put out is escaped. Tags: assign, case, comment, if, raw, unless",
    }),
  defaults: z
    .record(z.string(), z.string().max(1_000))
    .nullish()
    .meta({
      description:
        "What stands for a variable where a recipient has nothing, or nothing but white space, by its name; each that a " +
        'template puts out needs one, or `| default: "…"` behind it',
    }),
  variants: z
    .array(
      z.object({
        locale: z.string().meta({ description: "BCP 47" }),
        parts,
        notification: NotificationBody.nullish().meta({ description: "Required where the announcement has one" }),
      }),
    )
    .max(50)
    .nullish()
    .meta({
      description:
        "What recipients with this locale get instead: it is her `metadata.locale`, else her newest device's. Without a " +
        "variant for de-AT it is the one for de, else the announcement's own `parts` and `notification`",
    }),
};
const Moment = z.iso.datetime({ offset: true });
/** When, how fast and how it goes out. */
const announcementTerms = {
  schedule: z
    .union([
      z.object({ at: Moment }),
      z.object({
        local_time: z.string().meta({ description: "No zone: `2026-12-01T09:00:00`" }),
        fallback_time_zone: z.string().meta({ description: "Of who has no known one, as `Europe/Berlin`" }),
      }),
    ])
    .nullish()
    .meta({
      description:
        "When it starts; what is over is at once. By `local_time`, when it is that time on each recipient's own clock: who " +
        "gets it when is settled a quarter of an hour before the first does, or when it is accepted; a time that clocks " +
        "leave out is as much later as they are put forward, one that they show twice is the first",
      examples: [{ local_time: "2026-12-01T09:00:00", fallback_time_zone: "Europe/Berlin" }],
    }),
  expires_at: Moment.nullish().meta({ description: "From then on it is in no inbox, and nothing of it is pushed" }),
  throttle: z
    .object({ per_minute: z.number().int().min(1).max(10_000_000) })
    .nullish()
    .meta({ description: "At most so many recipients in any minute" }),
  silent: z
    .boolean()
    .nullish()
    .meta({ description: "Inbox and sockets only: without `notification` nothing is pushed" }),
  priority: z.enum(["normal", "urgent"]).nullish().meta({ description: "urgent: before all others of the app" }),
  category: z.string().min(1).max(64).nullish().meta({ description: "For insights and preferences" }),
};
const common = {
  include_new_users_until: Moment.nullish().meta({
    description:
      "With `audience`: who becomes known until then and matches gets it, too, once all others have it. In the future, " +
      "at most 90 days, before `expires_at`; not with `schedule.local_time`",
    examples: ["2026-12-24T00:00:00Z"],
  }),
  id: Uri.optional().meta({ description: "The id to create it under; If-None-Match wins" }),
  recipients,
  audience,
  recipients_upload: recipientsUpload,
  expected_count: Count.optional().meta({
    description: "Refused where the audience is not as many, with `data.count`",
  }),
  expected_count_tolerance: z
    .union([Count, z.string().regex(/^(100|\d{1,2})%$/)])
    .optional()
    .meta({ description: "By how many that may be wrong, or by what share, as in `5%`; 0" }),
  parts,
  notification: NotificationBody.nullish(),
  ...announcementTerms,
  ...personalTerms,
};

/** The body of `POST /apps/:app/announcements`. */
export const AnnouncementBody = z
  .union([
    z
      .object({ ...common, sender_id: z.string().meta({ description: "Whom it is from: identity URI or user id" }) })
      .meta({ id: "AnnouncementRequest", description: "Versions 2.0 and 3.0" }),
    z
      .object({ ...common, sender: z.object({ name: z.string().min(1) }) })
      .meta({ id: "AnnouncementRequest1", description: "Versions 1.0 and 1.1" }),
  ])
  .meta({
    example: {
      recipients: ["layer:///identities/user-1"],
      sender_id: "layer:///identities/operator",
      parts: [{ mime_type: "text/plain", body: "Hello {{ first_name }}" }],
      notification: { text: "Hello {{ first_name }}" },
      personalise: true,
      defaults: { first_name: "there" },
      variants: [
        {
          locale: "de",
          parts: [{ mime_type: "text/plain", body: "Hallo {{ first_name | default: 'du' }}" }],
          notification: { text: "Hallo {{ first_name | default: 'du' }}" },
        },
      ],
    },
  });

/** The body of `PATCH /apps/:app/announcements/:announcement`. */
export const AnnouncementChangeBody = z
  .object({ parts: parts.optional(), notification: NotificationBody.nullish(), ...announcementTerms, ...personalTerms })
  .meta({
    id: "AnnouncementChange",
    description: "What is absent stays as it is, null takes it away. After the start only what it says",
    example: { parts: [{ mime_type: "text/plain", body: "Corrected" }] },
  });

export const Sender = z.union([
  BasicIdentity,
  z.strictObject({ name: z.string().nullable().optional(), user_id: z.string().nullable().optional() }),
]);

const PartView = z
  .strictObject({
    id: Uri.optional(),
    mime_type: z.string(),
    body: z.string(),
    encoding: z.literal("base64").nullable().optional(),
    content: z.null().optional(),
    url: Url.optional(),
    message_url: Url.optional(),
    updated_at: Time.nullable().optional(),
  })
  .meta({
    id: "AnnouncementPart",
    description: "1.x has neither `id` here nor `url`, `message_url` and `updated_at` anywhere",
  });

const GivenPart = z.strictObject({
  mime_type: z.string(),
  body: z.string(),
  encoding: z.literal("base64").nullable(),
});
const GivenVariant = z.strictObject({
  locale: z.string(),
  parts: z.array(GivenPart),
  notification: NotificationBody.nullable(),
});
/** Of what says the same to everybody none of these is there. */
const givenTerms = {
  personalise: z.boolean().optional(),
  defaults: z.record(z.string(), z.string()).optional(),
  variants: z.array(GivenVariant).optional(),
};

export const AnnouncementView = z
  .strictObject({
    id: Uri,
    url: Url,
    sent_at: Time,
    recipients: z.array(z.string()).nullable().meta({ description: "null for more than 1,000 of them" }),
    sender: Sender,
    parts: z.array(PartView),
    state: z.literal("accepting").optional().meta({ description: "Of one that waits for its recipients" }),
    ...givenTerms,
  })
  .meta({ id: "Announcement", example: examples.announcement });

const stateFields = {
  id: Uri,
  url: Url,
  state: AnnouncementState,
  created_at: Time,
  starts_at: Time.nullable().meta({ description: "When it starts, or started, where that was scheduled" }),
  expires_at: Time.nullable(),
  category: z.string().nullable(),
  priority: z.enum(["normal", "urgent"]),
  silent: z.boolean(),
  throttle: z.strictObject({ per_minute: Count }).nullable(),
  include_new_users_until: Time.nullable(),
  revision: Count.meta({ description: "1, and one more for each correction" }),
};

export const AnnouncementStateView = z
  .strictObject({ ...stateFields, reached: Count.meta({ description: "Inbox entries so far" }) })
  .meta({ id: "AnnouncementStateChange", example: examples.announcementState });

export const AnnouncementStatus = z
  .strictObject({
    ...stateFields,
    parts: z.array(GivenPart).optional().meta({ description: "With `personalise` or `variants`: as they were given" }),
    notification: NotificationBody.nullable().optional(),
    ...givenTerms,
    counts: z.strictObject({
      recipients: Count.meta({ description: "Distinct users named" }),
      unknown: Count.meta({ description: "Of them, those who do not exist" }),
      sent: Count.meta({ description: "Inbox entries" }),
      delivered: Count.meta({ description: "Users who have it; a read implies it" }),
      read: Count.meta({ description: "Users who read it" }),
      opened: Count.meta({ description: "Users who came by its push" }),
      deleted: Count.meta({ description: "Users who removed it from their inbox" }),
      pushed: Count.meta({ description: "Devices whose push was taken by FCM or APNs" }),
      pushed_by_platform: ByPlatform,
      failed: Count.meta({ description: "Devices whose push was given up" }),
      failed_by_reason: z
        .record(z.string(), Count)
        .meta({ description: "The same devices by the reason: the provider's own word, or ours" }),
      failed_by_platform: ByPlatform,
      push_skipped: Count.meta({ description: "Devices whose push was left out, as a policy or their user wants it" }),
      push_skipped_by_platform: ByPlatform,
      push_skipped_by_policy: z
        .record(z.string(), Count)
        .meta({ description: "The same devices by the policy that decided, as `push_explanation` names it" }),
      push_expired: Count.meta({ description: "Devices whose push could not be sent before its time was over" }),
      push_waiting: Count.meta({
        description: "Devices whose push waits for a policy, its provider or its credential, or is being sent",
      }),
    }),
  })
  .meta({ id: "AnnouncementStatus", example: examples.announcementStatus });

export const AnnouncementTimeline = z
  .array(
    z.strictObject({
      at: Time.meta({ description: "The beginning of the minute or hour" }),
      sent: Count.meta({ description: "Users in whose inbox it came then" }),
      delivered: Count.meta({ description: "Users whose first receipt came then" }),
      read: Count,
      opened: Count,
      deleted: Count,
    }),
  )
  .meta({ id: "AnnouncementTimeline", example: examples.announcementTimeline });

export const RecipientStateView = z
  .strictObject({
    recipient: z.string().meta({ description: "What `from_id` takes" }),
    user_id: z.string(),
    status: z.enum(["sent", "delivered", "read"]),
    delivered_at: Time.nullable(),
    read_at: Time.nullable(),
    opened_at: Time.nullable(),
    deleted_at: Time.nullable(),
  })
  .meta({ id: "RecipientState", example: examples.recipientState });

export const InboxEntry = z
  .strictObject({
    id: Uri,
    url: Url,
    receipts_url: Url,
    conversation: z.null(),
    position: z.number(),
    parts: z.array(PartView),
    sent_at: Time,
    received_at: Time.nullable(),
    is_unread: z.boolean(),
    sender: Sender,
    recipient_status: z.record(z.string(), z.enum(["sent", "delivered", "read"])),
    notification: z.null(),
    reply_to: z.null().optional(),
    updated_at: Time.nullable().optional().meta({ description: "When it was corrected" }),
    revision: Count.optional().meta({ description: "Of what was corrected: which revision it is" }),
  })
  .meta({
    id: "InboxEntry",
    example: examples.inboxEntry,
    description: "An announcement as one of its recipients sees it",
  });

/** The body of `POST …/receipts`. */
export const ReceiptBody = z
  .object({ type: z.enum(["read", "delivered", "delivery"]).meta({ description: "`delivery` is `delivered`" }) })
  .meta({ id: "Receipt", example: { type: "read" } });

const ReceiptType = z.enum(["read", "delivered", "delivery", "opened"]);
export const AnnouncementReceiptBody = z
  .object({ type: ReceiptType.meta({ description: "`delivery` is `delivered`; `opened`: she came by its push" }) })
  .meta({ id: "AnnouncementReceipt", example: { type: "opened" } });

/** The body of `POST …/announcements/:id/receipts`. */
export const ReportedReceipt = z
  .object({
    user_id: z.string().meta({ description: "Identity URI or user id" }),
    type: ReceiptType,
    at: Time.nullish().meta({ description: "When; absent or of the future: now" }),
  })
  .meta({ id: "ReportedReceipt", example: { user_id: "layer:///identities/user-1", type: "read" } });

export const ReportedReceiptsBody = z
  .object({ receipts: z.array(ReportedReceipt).min(1).max(MAX_REPORTED_RECEIPTS) })
  .meta({ id: "ReportedReceipts", example: { receipts: [{ user_id: "layer:///identities/user-1", type: "read" }] } });

export const ReportedReceiptsView = z
  .strictObject({
    recorded: Count.meta({ description: "Receipts of recipients, whether new or known before" }),
    not_recipients: z.array(z.string()).meta({ description: "User ids of who did not get this announcement" }),
    more_not_recipients: z.literal(true).optional().meta({ description: "There are more of them than are named" }),
  })
  .meta({ id: "ReportedReceiptsResult", example: { recorded: 1, not_recipients: [] } });

const WhyNot = z.strictObject({
  code: z.enum(WHY_NOT_CODES),
  message: z.string(),
  device_id: z.string().nullable().meta({ description: "Of a push, the device" }),
  until: Time.nullable().meta({ description: "Of a push that waits, when it is looked at again" }),
});
export const RecipientStory = z
  .strictObject({
    recipient: z.string(),
    user_id: z.string(),
    is_recipient: z.boolean(),
    status: z.enum(["sent", "delivered", "read"]).nullable().meta({ description: "null for who is no recipient" }),
    sent_at: Time.nullable(),
    delivered_at: Time.nullable(),
    read_at: Time.nullable(),
    opened_at: Time.nullable(),
    deleted_at: Time.nullable(),
    revision_read: z
      .number()
      .int()
      .nullable()
      .meta({ description: "The revision shown when she read it; null: unread" }),
    pushes: z.array(
      z.strictObject({
        device_id: z.string(),
        platform: z.enum(["ios", "android", "web"]),
        outcome: z.enum(["accepted", "failed", "waiting", "skipped", "expired"]),
        reason: z.string().nullable().meta({ description: "Why it failed: the provider's own word, or ours" }),
        policy: PolicyName.nullable().meta({
          description: "Which policy left it out, or lets it wait; null: none",
        }),
        provider_id: z.string().nullable(),
        at: Time.meta({ description: "When that was known; of one that waits, when it is looked at again" }),
      }),
    ),
    why_not: z.array(WhyNot).meta({ description: "Why something did not happen; empty where nothing is amiss" }),
  })
  .meta({ id: "RecipientStory", example: examples.recipientStory });
