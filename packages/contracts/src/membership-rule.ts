import { z } from "zod";
import { Actor } from "./actor.ts";
import { AudienceFilter } from "./audience.ts";
import { ConversationWarning, VisibleHistory } from "./conversation-terms.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { ConversationId, Metadata, Millis, UserId } from "./values.ts";

export const RuleId = z.uuid();
export const RunId = z.uuid();

/** More rules than an app can keep in mind; each sign-up looks at all of them. */
export const MAX_MEMBERSHIP_RULES = 100;

/** Who signs up and matches is put into the rule's conversation, and into a new one when that is full. */
const Joining = z.object({
  kind: z.literal("join"),
  filter: AudienceFilter,
  /** Participants of one conversation. */
  capacity: z.number().int().min(1).max(1_000),
  /** Of each conversation that the rule makes. */
  metadata: Metadata,
  visibleHistory: VisibleHistory,
});

/** Who has not been seen for so long is taken out of conversations. */
const Leaving = z.object({
  kind: z.literal("leave"),
  /** null: everybody. */
  filter: AudienceFilter.nullable(),
  inactiveMs: z.number().int().positive(),
  /** Out of the conversations that this rule put her into; null: out of all. */
  joinRuleId: RuleId.nullable(),
  /** An announcement to her, so long before; who was not warned that long ago stays. */
  warning: ConversationWarning.nullable(),
  /** How often it is looked for them. */
  everyMs: z.number().int().positive(),
});

export const RuleTerms = z.discriminatedUnion("kind", [Joining, Leaving]);
export type RuleTerms = z.infer<typeof RuleTerms>;

export const MembershipRule = z.object({
  ruleId: RuleId,
  name: z.string(),
  isActive: z.boolean(),
  terms: RuleTerms,
  createdAt: Millis,
  updatedAt: Millis,
  /** The conversation that who joins next is put into; null before the first, and where nobody joins by it. */
  conversationId: ConversationId.nullable(),
  /** When it is looked next for who has to leave; null where nobody does. */
  nextRunAt: Millis.nullable(),
});
export type MembershipRule = z.infer<typeof MembershipRule>;

/** What becomes of a user, or in a dry run would. `already`: she was put there before, wherever she is since. */
export const RuleOutcome = z.enum(["joined", "warned", "left", "already", "refused"]);
export type RuleOutcome = z.infer<typeof RuleOutcome>;

const RunCounts = z.record(RuleOutcome, z.number().int());

/** A rule, applied to all whom it is about at one time. */
export const RuleRun = z.object({
  runId: RunId,
  ruleId: RuleId,
  /** Nothing was done, and nobody told. */
  isDryRun: z.boolean(),
  /** `stopped`: the rule was changed or deleted meanwhile. */
  state: z.enum(["running", "done", "stopped"]),
  startedAt: Millis,
  endedAt: Millis.nullable(),
  counts: RunCounts,
  /** The first of them. */
  sample: z.array(z.object({ userId: UserId, outcome: RuleOutcome })),
});
export type RuleRun = z.infer<typeof RuleRun>;

const ofConversation = { service: "conversation", version: 1 } as const;
const administering = { ...ofConversation, lane: "rules" } as const;

/**
 * Sets a rule, whole. One of the same id stays what it has done: its conversations and whom it put there. Refused:
 * `invalid_property` `kind` (it stays what it is), `leave.join_rule` that joins nobody, a filter as elsewhere; `rules` beyond
 * what an app may have. Of two the later stays, in whatever order they come.
 */
export const PutMembershipRule = defineCommand({
  ...administering,
  name: "PutMembershipRule",
  payload: z.object({
    ruleId: RuleId,
    name: z.string(),
    isActive: z.boolean(),
    terms: RuleTerms,
    at: Millis,
    actor: Actor.optional(),
  }),
  reply: MembershipRule,
});

/** Ends a rule; conversations and participants stay. Refused: `not_found`. */
export const DeleteMembershipRule = defineCommand({
  ...administering,
  name: "DeleteMembershipRule",
  payload: z.object({ ruleId: RuleId, at: Millis, actor: Actor.optional() }),
});

/** Applies a rule to all whom it is about, in the background; also one that is not active. Refused: `not_found`; `id_in_use`. */
export const StartRuleRun = defineCommand({
  ...administering,
  name: "StartRuleRun",
  payload: z.object({ ruleId: RuleId, runId: RunId, isDryRun: z.boolean() }),
  reply: RuleRun,
});

export const GetMembershipRule = defineQuery({
  ...ofConversation,
  name: "GetMembershipRule",
  payload: z.object({ ruleId: RuleId }),
  reply: z.object({ rule: MembershipRule.nullable() }),
});

/** All of them, the oldest first. */
export const ListMembershipRules = defineQuery({
  ...ofConversation,
  name: "ListMembershipRules",
  payload: z.object({}),
  reply: z.object({ rules: z.array(MembershipRule) }),
});

export const GetRuleRun = defineQuery({
  ...ofConversation,
  name: "GetRuleRun",
  payload: z.object({ ruleId: RuleId, runId: RunId }),
  reply: z.object({ run: RuleRun.nullable() }),
});

/** Runs of a rule, newest first. `runs` is null where `after` is none of them. */
export const ListRuleRuns = defineQuery({
  ...ofConversation,
  name: "ListRuleRuns",
  payload: z.object({ ruleId: RuleId, after: RunId.nullable(), limit: z.number().int().min(1).max(100) }),
  reply: z.object({ runs: z.array(RuleRun).nullable(), total: z.number().int() }),
});

/** A run has come to its end. */
export const RuleRunEnded = defineEvent({
  name: "conversation.rule_run.ended",
  version: 1,
  producer: "conversation",
  payload: RuleRun.omit({ sample: true, endedAt: true }).extend({ at: Millis }),
});

/** A rule put a user into a conversation. That she takes part is told as of any who comes. */
export const RuleUserJoined = defineEvent({
  name: "conversation.rule.joined",
  version: 1,
  producer: "conversation",
  payload: z.object({ ruleId: RuleId, conversationId: ConversationId, userId: UserId, at: Millis }),
});

/** A rule took a user out of conversations, because she was not seen for so long. */
export const RuleUserLeft = defineEvent({
  name: "conversation.rule.left",
  version: 1,
  producer: "conversation",
  payload: z.object({ ruleId: RuleId, conversationIds: z.array(ConversationId), userId: UserId, at: Millis }),
});
