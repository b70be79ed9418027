import {
  BeforeSend,
  DEFAULT_MESSAGE_POLICY,
  type HistoryEntry,
  MAX_RULES,
  type MessagePolicy,
  type MessageRule,
  MimeTypesRule,
  RateRule,
  type RefusedMessage,
  RegexRule,
  RuleAction,
  type RuleHit,
  RuleName,
  RuleState,
  RuleSubject,
  type Sender,
  SizeRule,
  WordsRule,
} from "@strata/contracts";
import {
  formatTime,
  formatUserReference,
  objectUri,
  parseBySchema,
  requireJsonObject,
  type WireContext,
} from "@strata/layer-protocol";
import { z } from "zod";

const common = {
  name: RuleName.meta({ description: "Which rule it was is told by this name, also to whoever sent the message" }),
  state: RuleState.default("active").meta({ description: "`dry_run`: it is only recorded what it would have done" }),
  applies_to: z.array(RuleSubject).min(1).default(["users"]).meta({
    description:
      "`users`: what users send; `backend`: what the backend sends in a user's name, or changes; `system`: under a bare name",
  }),
};
const action = RuleAction.default("refuse").meta({
  description:
    "`refuse`: 422 `message_refused`; `mask`: what was found is replaced before it is stored; `flag`: an event",
});
const plainAction = RuleAction.exclude(["mask"]).default("refuse");

const WireRule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("words"), ...common, action, words: WordsRule.shape.words }),
  z.strictObject({
    kind: z.literal("regex"),
    ...common,
    action,
    pattern: RegexRule.shape.pattern.meta({ description: "RE2 syntax: no backreferences, no look-around" }),
    case_sensitive: z.boolean().default(false),
  }),
  z.strictObject({
    kind: z.literal("mime_types"),
    ...common,
    action: plainAction,
    list: MimeTypesRule.shape.list.meta({ description: "`allow`: no type but these; `deny`: none of these" }),
    types: MimeTypesRule.shape.types.meta({ description: "`image/*` is all images" }),
  }),
  z.strictObject({
    kind: z.literal("size"),
    ...common,
    action: plainAction,
    max_parts: SizeRule.shape.maxParts.default(null),
    max_text_bytes: SizeRule.shape.maxTextBytes.default(null),
    max_bytes: SizeRule.shape.maxBytes.default(null).meta({ description: "Content that parts refer to included" }),
  }),
  z.strictObject({
    kind: z.literal("rate"),
    ...common,
    action: plainAction,
    max_messages: RateRule.shape.max,
    window_seconds: RateRule.shape.windowSeconds,
    per: RateRule.shape.per.meta({ description: "Whose messages are counted together" }),
  }),
]);
type WireRule = z.infer<typeof WireRule>;

const before = BeforeSend.shape;

const WireBeforeSend = z.strictObject({
  url: before.url.meta({ description: "Asked by POST, signed with the app's signing secret; https" }),
  timeout_ms: before.timeoutMs.default(1_500).meta({ description: "In which the whole answer must have come" }),
  on_failure: before.onFailure.default("allow").meta({
    description: "Without an answer: `allow` places the message, `refuse` answers 503 `service_unavailable`",
  }),
  state: before.state.default("active").meta({ description: "`dry_run`: it is asked, and only recorded what it said" }),
  applies_to: before.appliesTo.default(["users"]),
});

/** An app's message policy under its names on the wire. */
export const WireMessagePolicy = z.strictObject({
  rules: z
    .array(WireRule)
    .max(MAX_RULES)
    .default([])
    .meta({ description: "Asked in this order; rates last, of what no other rule refuses" }),
  mask: z
    .string()
    .min(1)
    .max(16)
    .default(DEFAULT_MESSAGE_POLICY.mask)
    .meta({ description: "What stands for what was masked" }),
  keep_refused_text: z
    .boolean()
    .default(false)
    .meta({ description: "Whether the log of refused messages has the beginning of their texts" }),
  before_send: WireBeforeSend.nullable().default(null).meta({
    description: "The app's backend, which is asked about what no rule refuses before it is placed",
  }),
});

/** @throws LayerError 400 `invalid_request`; 422 `invalid_property`, also for a property that there is not */
export function parseMessagePolicy(body: unknown): MessagePolicy {
  const wire = parseBySchema(WireMessagePolicy, requireJsonObject(body));
  return {
    rules: wire.rules.map(ruleOf),
    mask: wire.mask,
    isRefusedTextKept: wire.keep_refused_text,
    beforeSend: wire.before_send && beforeSendOf(wire.before_send),
  };
}

const beforeSendOf = (wire: z.infer<typeof WireBeforeSend>): BeforeSend => ({
  url: wire.url,
  timeoutMs: wire.timeout_ms,
  onFailure: wire.on_failure,
  state: wire.state,
  appliesTo: wire.applies_to,
});

function ruleOf({ applies_to: appliesTo, ...rule }: WireRule): MessageRule {
  switch (rule.kind) {
    case "regex": {
      const { case_sensitive: isCaseSensitive, ...same } = rule;
      return { ...same, appliesTo, isCaseSensitive };
    }
    case "size": {
      const { max_parts: maxParts, max_text_bytes: maxTextBytes, max_bytes: maxBytes, ...same } = rule;
      return { ...same, appliesTo, maxParts, maxTextBytes, maxBytes };
    }
    case "rate": {
      const { max_messages: max, window_seconds: windowSeconds, ...same } = rule;
      return { ...same, appliesTo, max, windowSeconds };
    }
    default:
      return { ...rule, appliesTo };
  }
}

export const messagePolicyView = ({ rules, mask, isRefusedTextKept, beforeSend }: MessagePolicy) => ({
  rules: rules.map(ruleView),
  mask,
  keep_refused_text: isRefusedTextKept,
  before_send: beforeSend
    ? {
        url: beforeSend.url,
        timeout_ms: beforeSend.timeoutMs,
        on_failure: beforeSend.onFailure,
        state: beforeSend.state,
        applies_to: beforeSend.appliesTo,
      }
    : null,
});

function ruleView({ appliesTo: applies_to, ...rule }: MessageRule): WireRule {
  switch (rule.kind) {
    case "regex": {
      const { isCaseSensitive: case_sensitive, ...same } = rule;
      return { ...same, applies_to, case_sensitive };
    }
    case "size": {
      const { maxParts: max_parts, maxTextBytes: max_text_bytes, maxBytes: max_bytes, ...same } = rule;
      return { ...same, applies_to, max_parts, max_text_bytes, max_bytes };
    }
    case "rate": {
      const { max: max_messages, windowSeconds: window_seconds, ...same } = rule;
      return { ...same, applies_to, max_messages, window_seconds };
    }
    default:
      return { ...rule, applies_to };
  }
}

export const hitView = ({ rule, kind, action: done, isDryRun, note }: RuleHit) => ({
  rule,
  kind,
  action: done,
  dry_run: isDryRun,
  ...(note === undefined ? {} : { note }),
});

const senderOf = ({ version }: WireContext, sender: Sender | null) => ({
  user_id: sender && "userId" in sender ? formatUserReference(version, sender.userId) : null,
  name: sender && "name" in sender ? sender.name : null,
});

export const refusalView = (wire: WireContext, refused: RefusedMessage) => ({
  id: objectUri("refusals", refused.refusalId),
  conversation: { id: objectUri("conversations", refused.conversationId) },
  message: { id: objectUri("messages", refused.messageId) },
  sender: senderOf(wire, refused.sender),
  rule: refused.rule,
  matches: refused.hits.map(hitView),
  text: refused.text,
  refused_at: formatTime(refused.at),
});

/** One thing that happened to a message, with who did it: a user, a bare name, or neither, which is the backend. */
export function historyEntryView(wire: WireContext, entry: HistoryEntry) {
  const by = typeof entry.by === "string" ? { userId: entry.by } : entry.by;
  const hits = "hits" in entry ? entry.hits : [];
  return { event: entry.kind, at: formatTime(entry.at), by: senderOf(wire, by), matches: hits.map(hitView) };
}
