import { z } from "zod";
import { NotificationBody, Sender, Time, Uri, Url } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";

export const PartBody = z
  .object({
    id: Uri.nullish().meta({ description: "3.0: the id of the part, below its message's" }),
    mime_type: z.string().min(1),
    body: z.string().nullish().meta({ description: "Required without `content`" }),
    encoding: z.literal("base64").nullish().meta({ description: "base64: `body` is bytes" }),
    content: z
      .object({ id: Uri, size: z.int().min(0) })
      .nullish()
      .meta({ description: "Bytes that were uploaded before" }),
  })
  .meta({ id: "MessagePartRequest", example: { mime_type: "text/plain", body: "Your order is on its way" } });

const Schedule = z
  .object({
    delay_in_seconds: z.number().min(0).max(300).meta({ description: "At least 1, but in a batch" }),
    typing_indicator_in_seconds: z.number().min(0).max(300).nullish().meta({ description: "At the end of the delay" }),
  })
  .meta({ id: "Schedule" });

const sent = {
  id: Uri.optional().meta({ description: "The id to create it under; If-None-Match wins" }),
  parts: z.array(PartBody).min(1),
  notification: NotificationBody.nullish(),
  schedule: Schedule.nullish(),
};
const FromIdentity = z
  .object({ ...sent, sender_id: z.string().meta({ description: "Whom it is from: identity URI or user id" }) })
  .meta({ id: "MessageRequest", description: "Versions 2.0 and 3.0" });
const FromNameOrUser = z
  .object({
    ...sent,
    sender: z
      .object({ user_id: z.string().nullish(), name: z.string().nullish() })
      .meta({ description: "One of the two" }),
  })
  .meta({ id: "MessageRequest1", description: "Versions 1.0 and 1.1" });
const FromUser = z.object(sent).meta({ id: "UserMessageRequest" });

/** The body of the backend's `POST …/messages`. */
export const SendBody = z.union([FromIdentity, FromNameOrUser, z.array(FromIdentity).min(1).max(12)]).meta({
  example: {
    sender_id: "layer:///identities/operator",
    parts: [{ mime_type: "text/plain", body: "Your order is on its way" }],
    notification: { text: "Your order is on its way" },
  },
});

/** The body of a user's. */
export const UserSendBody = z
  .union([FromUser, z.array(FromUser).min(1).max(12)])
  .meta({ example: { parts: [{ mime_type: "text/plain", body: "When does it come?" }] } });

const Content = z
  .strictObject({
    id: Uri,
    size: z.number().int(),
    download_url: Url.nullable(),
    refresh_url: Url.nullable(),
    expiration: Time.nullable(),
  })
  .meta({ id: "ContentReference", description: "Bytes that were uploaded before" });

export const PartView = z
  .strictObject({
    id: Uri,
    mime_type: z.string(),
    body: z.string().nullable(),
    encoding: z.literal("base64").nullable(),
    content: Content.nullable(),
    url: Url.optional(),
    message_url: Url.optional(),
    updated_at: Time.nullable().optional(),
  })
  .meta({
    id: "MessagePart",
    example: examples.part,
    description: "`url`, `message_url` and `updated_at` are there in 3.0; before it the id ends in the part's place",
  });

const Reference = z.strictObject({ id: Uri, url: Url });
const RecipientStatus = z
  .record(z.string(), z.enum(["sent", "delivered", "read"]))
  .meta({ description: "By identity URI from 2.0, by user id in 1.x" });

const fields = {
  id: Uri,
  url: Url,
  conversation: Reference,
  parts: z.array(PartView),
  sent_at: Time,
  sender: Sender,
  recipient_status: RecipientStatus,
  notification: z.null(),
  reply_to: z.null().optional(),
  updated_at: Time.nullable().optional().meta({ description: "When a part was changed last; from 2.0" }),
};

export const UserMessageView = z
  .strictObject({
    ...fields,
    receipts_url: Url,
    position: z.number(),
    received_at: Time.nullable(),
    is_unread: z.boolean(),
  })
  .meta({ id: "UserMessage", example: examples.userMessage, description: "A message as one user sees it" });

export const MessageView = z
  .strictObject({
    ...fields,
    receipts_url: z.null(),
    position: z.number().nullable().meta({ description: "null in 1.x" }),
    received_at: z.null(),
    is_unread: z.null(),
  })
  .meta({ id: "Message", example: examples.message, description: "A message as its app's backend sees it" });

const CreatedPartView = z
  .strictObject({
    id: Uri.optional(),
    mime_type: z.string(),
    body: z.string().nullable().optional(),
    encoding: z.literal("base64").nullable().optional(),
    content: Content.nullable().optional(),
  })
  .meta({ id: "CreatedMessagePart" });

export const CreatedMessageView = z
  .strictObject({
    id: Uri,
    url: Url,
    conversation: Reference,
    channel: z.null().optional(),
    parts: z.array(CreatedPartView),
    sent_at: Time,
    sender: Sender,
    recipient_status: RecipientStatus,
  })
  .meta({
    id: "CreatedMessage",
    example: examples.createdMessage,
    description: "What a send answers: slimmer than a read",
  });
