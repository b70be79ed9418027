import { z } from "zod";
import { Notification } from "./values.ts";

/** Whose messages a rule looks at: what a user sends herself, what the backend sends in a user's name, or under a bare one. */
export const RuleSubject = z.enum(["users", "backend", "system"]);
export type RuleSubject = z.infer<typeof RuleSubject>;

/** In `dry_run` a rule does nothing; what it would have done is in the message's history. */
export const RuleState = z.enum(["active", "dry_run", "inactive"]);

/** Where a backend is called: HTTPS, or HTTP where the operator allows local ones. Without user and password. */
export const WebhookUrl = z.url({ protocol: /^https?$/ }).max(2_048);

export const MAX_BEFORE_SEND_TIMEOUT_MS = 4_000;

/** A backend that is asked before a message is placed. */
export const BeforeSend = z.object({
  url: WebhookUrl,
  /** In which it must have answered. */
  timeoutMs: z.number().int().min(100).max(MAX_BEFORE_SEND_TIMEOUT_MS),
  /** What becomes of a message when it does not: `allow` fails open, `refuse` closed. */
  onFailure: z.enum(["allow", "refuse"]),
  state: RuleState,
  appliesTo: z.array(RuleSubject).min(1),
});
export type BeforeSend = z.infer<typeof BeforeSend>;

/** What stands for a part's text; null: it stays as it is. */
export const ReplacedPart = z.object({ mimeType: z.string(), body: z.string() }).nullable();

/** What a backend said of a message; `none`: it did not answer, not in words that are understood, or was not asked. */
export const BeforeSendVerdict = z.object({
  outcome: z.enum(["allow", "flag", "replace", "refuse", "none"]),
  /** The backend's own reason; or why there is no answer, also where nobody asked it. */
  note: z.string().max(500).nullable(),
  /** With `replace`: one for each part of the message. */
  parts: z.array(ReplacedPart).optional(),
  /** With `replace`, where it names one. */
  notification: Notification.optional(),
});
export type BeforeSendVerdict = z.infer<typeof BeforeSendVerdict>;
