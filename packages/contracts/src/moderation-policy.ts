import { z } from "zod";
import { Actor } from "./actor.ts";
import { WebhookUrl } from "./before-send.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { FlagReason } from "./flag.ts";
import { Millis } from "./values.ts";

/** What is done about a user whose flags cross a threshold. */
export const ModerationAction = z.discriminatedUnion("kind", [
  /** The backend hears of it, and words it. */
  z.object({ kind: z.literal("warn"), text: z.string().min(1).max(2_000).nullable() }),
  /** She cannot send messages for so long. */
  z.object({ kind: z.literal("mute"), seconds: z.number().int().min(60).max(31_536_000) }),
  /** Messages of hers that were flagged are seen by nobody else. */
  z.object({ kind: z.literal("hide_message") }),
  /** Who flagged her blocks her. */
  z.object({ kind: z.literal("block_flaggers") }),
  z.object({ kind: z.literal("suspend") }),
  /** The backend (called at `url`, where there is one), or a person, is asked first: what stands behind it waits for the answer. */
  z.object({ kind: z.literal("webhook"), url: WebhookUrl.nullable().optional() }),
]);
export type ModerationAction = z.infer<typeof ModerationAction>;
export type ModerationActionKind = ModerationAction["kind"];

const Weight = z.number().int().min(0).max(1_000);
/** A user's newest flags that are looked at; so many of the least weight reach any threshold. */
export const MAX_SCORED_FLAGS = 1_000;
export const MAX_FLAG_WEIGHTS = 100;
export const MAX_THRESHOLDS = 20;
export const MAX_THRESHOLD_ACTIONS = 10;

export const ModerationThreshold = z.object({
  score: z.number().int().min(1).max(MAX_SCORED_FLAGS),
  actions: z.array(ModerationAction).min(1).max(MAX_THRESHOLD_ACTIONS),
});
export type ModerationThreshold = z.infer<typeof ModerationThreshold>;

const haveOwnScores = (thresholds: readonly { score: number }[]): boolean =>
  new Set(thresholds.map(({ score }) => score)).size === thresholds.length;

/** What an app does about who is flagged. */
export const ModerationPolicy = z.object({
  /** While it is not, flags are kept and scored, and nothing is done. */
  isActive: z.boolean(),
  /** Of reasons that `weights` does not name. */
  defaultWeight: Weight,
  weights: z
    .record(FlagReason, Weight)
    .refine((weights) => Object.keys(weights).length <= MAX_FLAG_WEIGHTS, `has more than ${MAX_FLAG_WEIGHTS} reasons`),
  /** How long a flag counts. */
  windowSeconds: z.number().int().min(60).max(31_536_000),
  /** How many flags of one flagger count, the heaviest ones; null: one for each message, and one for herself. */
  maxFlagsPerFlagger: z.number().int().min(1).max(1_000).nullable(),
  /** How many users and messages one user may flag in an hour. */
  maxFlagsPerHour: z.number().int().min(1).max(10_000),
  thresholds: z
    .array(ModerationThreshold)
    .max(MAX_THRESHOLDS)
    .refine(haveOwnScores, "has two thresholds of the same score"),
});
export type ModerationPolicy = z.infer<typeof ModerationPolicy>;

/** That of an app which never set one: nothing is done. */
export const DEFAULT_MODERATION_POLICY: ModerationPolicy = {
  isActive: false,
  defaultWeight: 1,
  weights: {},
  windowSeconds: 30 * 86_400,
  maxFlagsPerFlagger: null,
  maxFlagsPerHour: 60,
  thresholds: [],
};

/** As it stands; `revision` goes up with every change, and is 0 before the first. */
export const StandingModerationPolicy = z.object({
  policy: ModerationPolicy,
  revision: z.number().int(),
  updatedAt: Millis.nullable(),
});
export type StandingModerationPolicy = z.infer<typeof StandingModerationPolicy>;

/** Sets an app's policy as a whole; null: as if there had never been one. Answers the one that holds then. */
export const SetModerationPolicy = defineCommand({
  service: "directory",
  lane: "admin",
  name: "SetModerationPolicy",
  version: 1,
  payload: z.object({ policy: ModerationPolicy.nullable(), at: Millis, actor: Actor.optional() }),
  reply: StandingModerationPolicy,
});

export const GetModerationPolicy = defineQuery({
  service: "directory",
  name: "GetModerationPolicy",
  version: 1,
  payload: z.object({}),
  reply: StandingModerationPolicy,
});

/** An app's moderation policy is another. Carries its revision: ignore an older one. */
export const ModerationPolicyChanged = defineEvent({
  name: "directory.moderation_policy.changed",
  version: 1,
  producer: "directory",
  payload: z.object({ revision: z.number().int(), isActive: z.boolean(), at: Millis }),
});
