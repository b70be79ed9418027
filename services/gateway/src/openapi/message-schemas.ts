import { z } from "zod";
import { Sender, Time, Uri, Url } from "./announcement-schemas.ts";

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
  .meta({ id: "UserMessage", description: "A message as one user sees it" });
