import { z } from "zod";
import { WireMessagePolicy } from "../domain/message-policy.ts";
import { NotificationBody, Time, Uri } from "./announcement-schemas.ts";
import { exampleIds } from "./examples.ts";
import { PartBody } from "./message-schemas.ts";

const example = {
  rules: [
    { kind: "words", name: "swearing", action: "mask", words: ["damn"] },
    { kind: "regex", name: "phone numbers", action: "flag", state: "dry_run", pattern: String.raw`\+?\d{7,}` },
    { kind: "mime_types", name: "no videos", list: "deny", types: ["video/*"] },
    { kind: "size", name: "not too long", max_parts: 10, max_text_bytes: 4_000 },
    { kind: "rate", name: "not too fast", max_messages: 10, window_seconds: 60, per: "sender" },
  ],
  mask: "***",
  keep_refused_text: false,
  before_send: { url: "https://backend.example.com/before_send", timeout_ms: 1_000, on_failure: "allow" },
} as const satisfies z.input<typeof WireMessagePolicy>;

export const MessagePolicyView = WireMessagePolicy.meta({
  id: "MessagePolicy",
  example: WireMessagePolicy.parse(example),
});
export const MessagePolicyRequest = WireMessagePolicy.partial().meta({ id: "MessagePolicyRequest", example });

const Matches = z
  .array(
    z.strictObject({
      rule: z.string(),
      kind: z.enum(["words", "regex", "mime_types", "size", "rate", "before_send"]),
      action: z.enum(["refuse", "mask", "flag", "allow", "replace"]),
      dry_run: z.boolean(),
      note: z.string().optional().meta({
        description: "The reason that the backend gave, why it did not answer, or why it was not asked",
      }),
    }),
  )
  .meta({ description: "What the backend said, if it was asked, and the rules that found something, in their order" });
const matches = [{ rule: "swearing", kind: "words", action: "mask", dry_run: false }];
const Sender = z
  .strictObject({ user_id: z.string().nullable(), name: z.string().nullable() })
  .meta({ description: "A user or a bare name; neither: the app's backend" });
const sender = { user_id: "layer:///identities/user-1", name: null };
const AT = "2020-01-02T03:04:05.678Z";

export const RefusalView = z
  .strictObject({
    id: Uri,
    conversation: z.strictObject({ id: Uri }),
    message: z.strictObject({ id: Uri }).meta({ description: "Under which it would have been placed" }),
    sender: Sender,
    rule: z.string().meta({ description: "Which refused it" }),
    matches: Matches,
    text: z.string().nullable().meta({ description: "Null unless the policy keeps it" }),
    refused_at: Time,
  })
  .meta({
    id: "MessageRefusal",
    example: {
      id: `layer:///refusals/${exampleIds.segment}`,
      conversation: { id: `layer:///conversations/${exampleIds.conversation}` },
      message: { id: `layer:///messages/${exampleIds.content}` },
      sender,
      rule: "no videos",
      matches: [{ rule: "no videos", kind: "mime_types", action: "refuse", dry_run: false }],
      text: null,
      refused_at: AT,
    },
  });

export const HistoryEntryView = z
  .strictObject({
    event: z.enum(["placed", "parts_changed", "hidden", "deleted"]).meta({
      description: "`hidden`: out of one user's view; `deleted`: for everybody",
    }),
    at: Time,
    by: Sender,
    matches: Matches,
  })
  .meta({ id: "MessageHistoryEntry", example: { event: "placed", at: AT, by: sender, matches } });

export const PolicyPreviewBody = z
  .object({
    policy: WireMessagePolicy.partial().nullish().meta({ description: "In place of the app's own" }),
    message: z.object({
      sender_id: z.string().nullish().meta({ description: "Needed from 2.0" }),
      sender: z.object({ user_id: z.string().nullish(), name: z.string().nullish() }).nullish(),
      parts: z.array(PartBody).min(1),
      notification: NotificationBody.nullish(),
    }),
    sent_by: z.enum(["user", "backend"]).nullish().meta({ description: "Through whose door; absent: the user's own" }),
    ask_backend: z
      .boolean()
      .nullish()
      .meta({ description: "Whether `before_send` is called, as it would be; default: no" }),
  })
  .meta({
    id: "MessagePolicyPreviewRequest",
    example: {
      message: {
        sender_id: "layer:///identities/user-1",
        parts: [{ mime_type: "text/plain", body: "damn" }],
      },
    },
  });

export const PolicyPreviewView = z
  .strictObject({
    refused_by: z.string().nullable().meta({ description: "The rule that would refuse it" }),
    matches: Matches,
    parts: z.array(
      z.strictObject({ mime_type: z.string(), body: z.string().nullable(), encoding: z.literal("base64").nullable() }),
    ),
    notification: z.strictObject({ title: z.string().nullable(), text: z.string().nullable() }).nullable(),
    asked_rates: z.array(z.string()).meta({ description: "Rate rules that would be asked; nothing is counted" }),
    asks_backend: z.boolean().meta({ description: "Whether the backend would be asked, and has not been by this" }),
  })
  .meta({
    id: "MessagePolicyPreview",
    example: {
      refused_by: null,
      matches,
      parts: [{ mime_type: "text/plain", body: "***", encoding: null }],
      notification: null,
      asked_rates: ["not too fast"],
      asks_backend: false,
    },
  });
