import { z } from "zod";
import { WebhookUrl } from "./before-send.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Flag, FlagId, FlagReason } from "./flag.ts";
import { MAX_SCORED_FLAGS, ModerationAction, ModerationPolicy } from "./moderation-policy.ts";
import { ConversationId, MessageId, Millis, UserId } from "./values.ts";

/**
 * Whether a flag weighs now, and else why not: it is older than the window; a person dismissed it; its flagger is suspended
 * or muted; the policy gives its reason no weight, or counts fewer flags of one flagger. Values may be added.
 */
export const FlagWeighing = z.enum([
  "counts",
  "outside_window",
  "dismissed",
  "flagger_suspended",
  "flagger_muted",
  "beyond_flagger_limit",
  "weightless",
]);
export type FlagWeighing = z.infer<typeof FlagWeighing>;

/**
 * `waiting`: its turn has not come; `pending`: an answer is waited for; `skipped`: the decision was dismissed or reversed
 * before it; `undone`: it was done, and is no more.
 */
export const DecidedAction = z.object({
  action: ModerationAction,
  state: z.enum(["waiting", "pending", "done", "skipped", "undone"]),
  /** When it came to be so. */
  at: Millis,
  /** Messages that are hidden, or users who block her by it. */
  targets: z.array(z.string()).max(MAX_SCORED_FLAGS),
  /** Of a suspension: she was suspended already when it was decided. */
  isIdle: z.boolean(),
});
export type DecidedAction = z.infer<typeof DecidedAction>;

const Verdict = z.enum(["confirm", "dismiss", "reverse"]);
export type Verdict = z.infer<typeof Verdict>;

/** What a person said, and who. */
export const Review = z.object({
  verdict: Verdict,
  by: z.string().min(1).max(256),
  note: z.string().max(2_000).nullable(),
  at: Millis,
});
export type Review = z.infer<typeof Review>;

const DecisionId = z.uuid();

/** That a user's flags crossed a threshold, and what is done about it: exactly once for each time that they do. */
export const ModerationDecision = z.object({
  decisionId: DecisionId,
  userId: UserId,
  /** The score of the threshold. */
  threshold: z.number().int(),
  /** How often she has crossed it, this time included. */
  episode: z.number().int(),
  /** Of the policy. */
  revision: z.number().int(),
  score: z.number().int(),
  at: Millis,
  /** Those that weighed then. */
  flags: z
    .array(
      z.object({
        flagId: FlagId,
        by: UserId,
        messageId: MessageId.nullable(),
        conversationId: ConversationId.nullable(),
        reason: FlagReason,
        weight: z.number().int(),
      }),
    )
    .max(MAX_SCORED_FLAGS),
  /** `acting`: something is left to do; `pending`: people are asked; `acted`: all is done. Values may be added. */
  state: z.enum(["acting", "pending", "acted", "dismissed", "reversed"]),
  actions: z.array(DecidedAction),
  review: Review.nullable(),
  version: z.number().int(),
});
export type ModerationDecision = z.infer<typeof ModerationDecision>;

const ofUser = { service: "directory", lane: "identities", version: 1 } as const;
const byUser = ({ userId }: { readonly userId: string }): string => userId;

/**
 * Says of a decision what is to become of it. `confirm`: what waits is done; `dismiss`: it is not, and what was done before
 * is undone; both of a pending one only. `reverse`: what can be undone is. After the last two no flag of hers up to then
 * counts any more. Refused: `not_found`; `invalid_operation` where it is past that.
 */
export const ReviewDecision = defineCommand({
  ...ofUser,
  name: "ReviewDecision",
  payload: z.object({ userId: UserId, decisionId: DecisionId, review: Review }),
  reply: ModerationDecision,
  orderedBy: byUser,
});

/**
 * Says of all flags against a user up to then that they are right (`confirm`), or that they count no more (`dismiss`); the
 * same of each decision about her that is pending. Refused: `not_found` for who is not known; `invalid_operation` for
 * `reverse`.
 */
export const ReviewFlags = defineCommand({
  ...ofUser,
  name: "ReviewFlags",
  payload: z.object({ userId: UserId, review: Review }),
  orderedBy: byUser,
});

/** Counts anew what the flags against a user come to: some are gone with who made them. */
export const CountFlags = defineCommand({
  ...ofUser,
  name: "CountFlags",
  payload: z.object({ userId: UserId, at: Millis }),
  orderedBy: byUser,
});

/** null: there is none of this id, or it is another app's. */
export const GetDecision = defineQuery({
  service: "directory",
  name: "GetDecision",
  version: 1,
  payload: z.object({ decisionId: DecisionId }),
  reply: z.object({ decision: ModerationDecision.nullable() }),
});

/** How many decisions about one user are shown, the newest. */
export const MAX_SHOWN_DECISIONS = 100;

/** All that explains what became of a user's flags, as the policy has it now. null: she is not known. */
export const GetModeration = defineQuery({
  service: "directory",
  name: "GetModeration",
  version: 1,
  payload: z.object({ userId: UserId, at: Millis }),
  reply: z.object({
    moderation: z
      .object({
        userId: UserId,
        revision: z.number().int(),
        policy: ModerationPolicy,
        score: z.number().int(),
        /** The newest first, up to MAX_SCORED_FLAGS: those that are scored. */
        flags: z.array(z.object({ flag: Flag, weight: z.number().int(), weighing: FlagWeighing })),
        /** The newest first, up to MAX_SHOWN_DECISIONS. */
        decisions: z.array(ModerationDecision),
        isSuspended: z.boolean(),
        mutedUntil: Millis.nullable(),
        /** What a person said of all her flags last. */
        review: Review.nullable(),
      })
      .nullable(),
  }),
});

/** A user about whom somebody has to say something. */
export const QueuedUser = z.object({
  userId: UserId,
  /** As of the last time that it was counted. */
  score: z.number().int(),
  openFlags: z.number().int(),
  pendingDecisions: z.number().int(),
  /** Of what waits, the oldest. */
  oldestAt: Millis,
  newestFlagAt: Millis,
});
export type QueuedUser = z.infer<typeof QueuedUser>;

export const QueueOrder = z.enum(["score", "oldest"]);
export type QueueOrder = z.infer<typeof QueueOrder>;

/** Users with open flags or pending decisions, from behind `after`; null: she is none of them. */
export const ListModerationQueue = defineQuery({
  service: "directory",
  name: "ListModerationQueue",
  version: 1,
  payload: z.object({ order: QueueOrder, after: UserId.nullable(), limit: z.number().int().min(1).max(100) }),
  reply: z.object({ users: z.array(QueuedUser).nullable(), total: z.number().int() }),
});

/** How many flagged users one answer of a simulation looks at. */
export const SIMULATED_AT_ONCE = 200;

/**
 * What a policy would have done about stored flags since a time, had it been in force: nothing is changed by asking. In
 * pieces of up to SIMULATED_AT_ONCE flagged users, by user id, from behind `after`; `next` is null with the last. Flaggers are
 * judged as they are now.
 */
export const SimulateModeration = defineQuery({
  service: "directory",
  name: "SimulateModeration",
  version: 1,
  payload: z.object({ policy: ModerationPolicy, since: Millis, after: UserId.nullable(), at: Millis }),
  reply: z.object({
    lookedAt: z.number().int(),
    users: z.array(
      z.object({
        userId: UserId,
        decisions: z.array(
          z.object({
            threshold: z.number().int(),
            score: z.number().int(),
            at: Millis,
            actions: z.array(ModerationAction),
          }),
        ),
      }),
    ),
    next: UserId.nullable(),
  }),
});

const DecisionFacts = z.object({
  userId: UserId,
  decisionId: DecisionId,
  threshold: z.number().int(),
  score: z.number().int(),
  revision: z.number().int(),
  actions: z.array(ModerationAction),
  at: Millis,
});

/** A user's flags crossed a threshold: `actions` are done now, one after the other. Comes once for each decision, or again. */
export const ModerationDecided = defineEvent({
  name: "directory.moderation.decided",
  version: 1,
  producer: "directory",
  payload: DecisionFacts,
});

/**
 * A decision waits for the backend: `actions` are done once it is confirmed (`POST …/moderation/decisions/:id`). Comes once
 * for each question, or again.
 */
export const ModerationDecisionRequested = defineEvent({
  name: "directory.moderation.decision_requested",
  version: 1,
  producer: "directory",
  /** `url`: where the policy has the backend called. */
  payload: DecisionFacts.extend({ url: WebhookUrl.nullable().optional() }),
  consumedBy: ["integration.decisions"],
});

/** A person said something of a decision about a user, or of all her flags (`decisionId` null). */
export const ModerationReviewed = defineEvent({
  name: "directory.moderation.reviewed",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, decisionId: DecisionId.nullable(), review: Review }),
});

/** A user is to be warned, by whatever way the backend has: `text` is what the policy says. */
export const UserWarned = defineEvent({
  name: "directory.user.warned",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, decisionId: DecisionId, text: z.string().nullable(), at: Millis }),
});

/** Until when a user cannot send messages, by whichever decisions, since this one was made or taken back; null: she can. */
export const UserMuted = defineEvent({
  name: "directory.user.muted",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, decisionId: DecisionId, mutedUntil: Millis.nullable(), at: Millis }),
});
