import { z } from "zod";
import { Actor } from "./actor.ts";
import { BeforeSend, BeforeSendVerdict, RuleSubject, WebhookUrl } from "./before-send.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { NewPart } from "./message.ts";
import { ConversationId, MessageId, Millis, Notification, Sender } from "./values.ts";

/**
 * Asks an app's backend about a message before it is placed. Always answered, `none` included, unless nobody is there to
 * ask: whoever asks gives it the backend's time and a second more.
 */
export const AskBeforeSend = defineQuery({
  service: "integration",
  name: "AskBeforeSend",
  version: 1,
  payload: z.object({
    webhook: BeforeSend.pick({ url: true, timeoutMs: true }),
    subject: RuleSubject,
    message: z.object({
      messageId: MessageId,
      conversationId: ConversationId,
      sender: Sender,
      parts: z.array(NewPart).min(1),
      notification: Notification.nullable(),
    }),
  }),
  reply: z.object({ verdict: BeforeSendVerdict }),
});

/** With what an app's webhooks are signed (Standard Webhooks, `whsec_` and base64). */
const SigningSecret = z.object({
  /** 0: nobody has asked for one yet, so nobody can check what is signed. */
  generation: z.number().int().nonnegative(),
  rotatedAt: Millis.nullable(),
  /** Until when calls carry a second signature, by the secret before. */
  previousUntil: Millis.nullable(),
});

/** What is known of an app's signing secret, without the secret. */
export const GetSigningSecret = defineQuery({
  service: "integration",
  name: "GetSigningSecret",
  version: 1,
  payload: z.object({}),
  reply: SigningSecret,
});

export const MAX_SIGNING_OVERLAP_SECONDS = 7 * 86_400;

/** Makes the next signing secret of an app; the one before signs too, for as long as it is said. */
export const RotateSigningSecret = defineCommand({
  service: "integration",
  lane: "signing-secrets",
  name: "RotateSigningSecret",
  version: 1,
  payload: z.object({
    overlapSeconds: z.number().int().min(0).max(MAX_SIGNING_OVERLAP_SECONDS),
    at: Millis,
    actor: Actor.optional(),
  }),
  reply: SigningSecret.extend({ secret: z.string() }),
});

/** A call of a webhook that is made until it is answered, for as long as it is tried. */
export const WebhookCall = z.object({
  callId: z.string(),
  kind: z.enum(["moderation.decision_requested"]),
  url: WebhookUrl,
  /** `waiting` for its next attempt; `answered`; `failed`: it is not tried any more. */
  state: z.enum(["waiting", "answered", "failed"]),
  attempts: z.number().int().nonnegative(),
  /** Of the last attempt; null: it did not come to one. */
  status: z.number().int().nullable(),
  /** Why the last attempt failed. */
  error: z.string().nullable(),
  createdAt: Millis,
  nextAttemptAt: Millis.nullable(),
  /** When it was answered, or given up. */
  endedAt: Millis.nullable(),
});
export type WebhookCall = z.infer<typeof WebhookCall>;

/** A page of an app's calls of the last 30 days, newest first; null: `after` is none of them. */
export const ListWebhookCalls = defineQuery({
  service: "integration",
  name: "ListWebhookCalls",
  version: 1,
  payload: z.object({ after: z.string().max(256).nullable(), limit: z.number().int().min(1).max(100) }),
  reply: z.object({ calls: z.array(WebhookCall).nullable(), total: z.number().int() }),
});
