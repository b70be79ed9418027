import { z } from "zod";
import { Actor } from "./actor.ts";
import { BeforeSend, BeforeSendVerdict, RuleState, RuleSubject } from "./before-send.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Authority, NewPart } from "./message.ts";
import { ConversationId, MessageId, Millis, Notification, PartId, Position, Sender, UserId } from "./values.ts";

export const MAX_RULES = 50;
/** The cost of a pattern is linear in the text, but each one reads all of it. */
export const MAX_REGEX_RULES = 20;
const MAX_WORDS = 1_000;
const MAX_PATTERN_CHARACTERS = 512;
/** What is counted of one rate rule is kept in one sorted set. */
const MAX_RATE = 1_000;
const MAX_BYTES = 1_000_000_000;

export const RuleName = z.string().min(1).max(64);
/** Under which the backend's own word on a message stands; no rule is named so. */
export const BEFORE_SEND = "before_send";

/** Of which kind a message is to a policy. */
export function ruleSubjectOf({ sender, authority }: { sender: Sender; authority: Authority }): RuleSubject {
  if ("name" in sender) return "system";
  return authority === "backend" ? "backend" : "users";
}

/** `mask`: what was found is replaced before it is stored; `flag`: it is placed, and its backend is told. */
export const RuleAction = z.enum(["refuse", "mask", "flag"]);
export type RuleAction = z.infer<typeof RuleAction>;

const common = { name: RuleName, state: RuleState, appliesTo: z.array(RuleSubject).min(1) };
const PlainAction = RuleAction.exclude(["mask"]);

export const WordsRule = z.object({
  kind: z.literal("words"),
  ...common,
  action: RuleAction,
  words: z.array(z.string().min(1).max(100)).min(1).max(MAX_WORDS),
});
export const RegexRule = z.object({
  kind: z.literal("regex"),
  ...common,
  action: RuleAction,
  pattern: z.string().min(1).max(MAX_PATTERN_CHARACTERS),
  isCaseSensitive: z.boolean(),
});
/** `allow`: no type but these; `deny`: none of these. `image/*` is all images. */
export const MimeTypesRule = z.object({
  kind: z.literal("mime_types"),
  ...common,
  action: PlainAction,
  list: z.enum(["allow", "deny"]),
  types: z.array(z.string().min(1).max(100)).min(1).max(100),
});
export const SizeRule = z.object({
  kind: z.literal("size"),
  ...common,
  action: PlainAction,
  maxParts: z.number().int().min(1).max(1_000).nullable(),
  maxTextBytes: z.number().int().min(1).max(MAX_BYTES).nullable(),
  /** Content that the parts refer to included. */
  maxBytes: z.number().int().min(1).max(MAX_BYTES).nullable(),
});
export const RateRule = z.object({
  kind: z.literal("rate"),
  ...common,
  action: PlainAction,
  max: z.number().int().min(1).max(MAX_RATE),
  windowSeconds: z.number().int().min(1).max(86_400),
  per: z.enum(["sender", "conversation", "sender_in_conversation", "app"]),
});
export type RateRule = z.infer<typeof RateRule>;

export const MessageRule = z.discriminatedUnion("kind", [WordsRule, RegexRule, MimeTypesRule, SizeRule, RateRule]);
export type MessageRule = z.infer<typeof MessageRule>;

/** What an app lets be said in its conversations. Rules are asked in their order; rates last, of what would be placed. */
export const MessagePolicy = z.object({
  rules: z.array(MessageRule).max(MAX_RULES),
  /** What stands for what was masked. */
  mask: z.string().min(1).max(16),
  /** Whether the log of refused messages has their texts. */
  isRefusedTextKept: z.boolean(),
  /** Asked about what no rule refuses; absent or null: nobody is. */
  beforeSend: BeforeSend.nullable().optional(),
});
export type MessagePolicy = z.infer<typeof MessagePolicy>;

/** Of an app that never set one: everything may be said. */
export const DEFAULT_MESSAGE_POLICY: MessagePolicy = { rules: [], mask: "***", isRefusedTextKept: false };

/** That a rule found something in a message, or what the backend said of it when it was asked: `before_send`. */
export const RuleHit = z.object({
  rule: RuleName,
  kind: z.enum(["words", "regex", "mime_types", "size", "rate", "before_send"]),
  action: z.enum([...RuleAction.options, "allow", "replace"]),
  isDryRun: z.boolean(),
  /** What the backend gave as its reason, or why it did not answer. */
  note: z.string().optional(),
});
export type RuleHit = z.infer<typeof RuleHit>;

/**
 * Sets an app's whole policy, unless a later one holds; null takes it away. It decides everywhere two seconds later. Refused:
 * `invalid_property` for a pattern that is none, by its place (`rules.2.pattern`).
 */
export const SetMessagePolicy = defineCommand({
  service: "conversation",
  lane: "policies",
  name: "SetMessagePolicy",
  version: 1,
  payload: z.object({ policy: MessagePolicy.nullable(), at: Millis, actor: Actor.optional() }),
  reply: z.object({ policy: MessagePolicy }),
});

export const GetMessagePolicy = defineQuery({
  service: "conversation",
  name: "GetMessagePolicy",
  version: 1,
  payload: z.object({}),
  reply: z.object({ policy: MessagePolicy }),
});

/**
 * What a policy, or else the app's own, would make of a message. Nothing is counted: of rates it says only which would be
 * asked. Refused: `invalid_property` as SetMessagePolicy.
 */
export const PreviewMessagePolicy = defineQuery({
  service: "conversation",
  name: "PreviewMessagePolicy",
  version: 1,
  payload: z.object({
    policy: MessagePolicy.nullable(),
    /** What the backend says of the message; absent: it was not asked, and is not taken to say anything. */
    verdict: BeforeSendVerdict.optional(),
    message: z.object({
      sender: Sender,
      authority: Authority,
      parts: z.array(NewPart).min(1),
      notification: Notification.nullable(),
    }),
  }),
  reply: z.object({
    /** The rule that refuses it; null: none of those that can be asked beforehand. */
    refusedBy: RuleName.nullable(),
    hits: z.array(RuleHit),
    /** As they would be stored. */
    parts: z.array(NewPart),
    notification: Notification.nullable(),
    askedRates: z.array(RuleName),
    /** Whom the policy would ask about it; absent or null: nobody. */
    asks: BeforeSend.nullable().optional(),
  }),
});

/** A message that was not placed, or a change of its parts that was not made. */
export const RefusedMessage = z.object({
  refusalId: z.uuid(),
  conversationId: ConversationId,
  messageId: MessageId,
  /** null: the backend changed parts. */
  sender: Sender.nullable(),
  rule: RuleName,
  hits: z.array(RuleHit),
  /** The beginning of its text, where the policy keeps it. */
  text: z.string().nullable(),
  at: Millis,
});
export type RefusedMessage = z.infer<typeof RefusedMessage>;

/** A page of what was refused in the last seven days, newest first. */
export const ListRefusedMessages = defineQuery({
  service: "conversation",
  name: "ListRefusedMessages",
  version: 1,
  payload: z.object({ after: z.uuid().nullable(), limit: z.number().int().min(1).max(100) }),
  /** `refused` is null when `after` is not in this list. */
  reply: z.object({ refused: z.array(RefusedMessage).nullable(), total: z.number().int() }),
});

/** One thing that happened to a message; `by` is null for the app's backend. */
export const HistoryEntry = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("placed"), at: Millis, by: Sender, hits: z.array(RuleHit) }),
  z.object({
    kind: z.literal("parts_changed"),
    at: Millis,
    by: UserId.nullable(),
    changed: z.array(PartId),
    removed: z.array(PartId),
    hits: z.array(RuleHit),
  }),
  z.object({ kind: z.literal("hidden"), at: Millis, by: UserId }),
  z.object({ kind: z.literal("deleted"), at: Millis, by: UserId.nullable() }),
]);
export type HistoryEntry = z.infer<typeof HistoryEntry>;

/** What happened to a message, oldest first, also once it is deleted; null when there never was one. */
export const GetMessageHistory = defineQuery({
  service: "conversation",
  name: "GetMessageHistory",
  version: 1,
  payload: z.object({ conversationId: ConversationId, messageId: MessageId }),
  reply: z.object({ history: z.array(HistoryEntry).nullable() }),
});

/** A message was placed, or its parts were changed, and a rule flags it. May come again: de-duplicate by `messageId` and `at`. */
export const MessageFlagged = defineEvent({
  name: "conversation.message.flagged",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    position: Position,
    sender: Sender,
    rules: z.array(RuleName).min(1),
    at: Millis,
  }),
});

/** A message was not placed, or a change not made, since a rule refuses it. May come again: de-duplicate by `refusalId`. */
export const MessageRefused = defineEvent({
  name: "conversation.message.refused",
  version: 1,
  producer: "conversation",
  payload: RefusedMessage.omit({ text: true, hits: true }),
});
