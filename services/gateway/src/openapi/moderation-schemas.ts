import { DecidedAction, FlagWeighing, ModerationDecision } from "@strata/contracts";
import { z } from "zod";
import { WireReversal, WireReview } from "../domain/moderation.ts";
import { ModerationPolicyBody, WireAction, WireModerationPolicy } from "../domain/moderation-policy.ts";
import { exampleIds } from "./examples.ts";
import { exampleFlag, FlagView } from "./flag-schemas.ts";
import { AppPath } from "./parameters.ts";

const Time = z.iso.datetime();
const AT = "2020-01-02T03:04:05.678Z";

const examplePolicy = {
  is_active: true,
  reasons: { harassment: 3, spam: 1 },
  default_weight: 1,
  window_seconds: 604_800,
  max_flags_per_flagger: 3,
  max_flags_per_hour: 60,
  thresholds: [
    {
      score: 5,
      actions: [
        { type: "warn" as const, text: "be_kind" },
        { type: "mute" as const, seconds: 86_400 },
      ],
    },
    { score: 20, actions: [{ type: "webhook" as const }, { type: "suspend" as const }] },
  ],
};

export const ModerationPolicyView = WireModerationPolicy.extend({
  revision: z.int().meta({ description: "Goes up with every change; 0: none was ever set" }),
  updated_at: Time.nullable(),
}).meta({ id: "ModerationPolicy", example: { ...examplePolicy, revision: 4, updated_at: AT } });

export const ModerationPolicyRequest = ModerationPolicyBody.meta({
  id: "ModerationPolicyRequest",
  example: examplePolicy,
});

const DECISION_ID = "d2c8a3ef-7a1f-4b7c-9b68-3a7d1bae4f52";
const API = `https://api.example.com/apps/${exampleIds.app}`;
const USER = "layer:///identities/user-2";

export const DecisionPath = AppPath.extend({
  decision: z.string().meta({ description: "UUID or URI of a decision", example: DECISION_ID }),
});

const shown = { state: DecidedAction.shape.state, at: Time } as const;
const [warn, mute, hide, block, suspend, webhook] = WireAction.options;
const DecidedActionView = z
  .discriminatedUnion("type", [
    warn.extend(shown),
    mute.extend(shown),
    hide.extend({ ...shown, messages: z.array(z.string()) }),
    block.extend({
      ...shown,
      blocks: z.int().meta({ description: "How many flaggers block her by it, who did not before" }),
    }),
    suspend.extend(shown),
    webhook.extend(shown),
  ])
  .meta({
    description:
      "`waiting`: its turn has not come; `pending`: an answer is waited for; `done`; `skipped`: the decision was taken back " +
      "before it; `undone`: it was done, and is no more. `at`: since when",
  });

const ReviewView = z.strictObject({
  ...WireReversal.shape,
  note: z.string().nullable(),
  verdict: z.string(),
  at: Time,
});
const exampleReview = { verdict: "confirm", by: "Mia of support", note: "three insults in a row", at: AT };
const exampleDecision = {
  id: `layer:///decisions/${DECISION_ID}`,
  url: `${API}/moderation/decisions/${DECISION_ID}`,
  user: USER,
  threshold: 3,
  score: 3,
  episode: 1,
  policy_revision: 4,
  state: "acted" as const,
  at: AT,
  actions: [
    { type: "webhook" as const, state: "done" as const, at: AT },
    { type: "suspend" as const, state: "done" as const, at: AT },
  ],
  flags: [
    {
      id: exampleFlag.id,
      by: exampleFlag.by,
      message: exampleFlag.message,
      reason: exampleFlag.reason,
      weight: 3,
    },
  ],
  review: exampleReview,
};

const Score = z.int().min(0);
export const DecisionView = z
  .strictObject({
    id: z.string(),
    url: z.string(),
    user: z.string(),
    threshold: Score.meta({ description: "The score of the threshold that was crossed" }),
    score: Score.meta({ description: "What the flags weighed then" }),
    episode: z.int().meta({ description: "How often she has crossed this threshold, this time included" }),
    policy_revision: z.int(),
    state: ModerationDecision.shape.state.meta({
      description: "`acting`: something is left to do; `pending`: people are asked; `acted`; `dismissed`; `reversed`",
    }),
    at: Time,
    actions: z.array(DecidedActionView),
    flags: z
      .array(
        z.strictObject({
          id: z.string(),
          by: z.string(),
          message: z.string().nullable(),
          reason: z.string(),
          weight: Score,
        }),
      )
      .meta({ description: "Those that weighed then" }),
    review: ReviewView.nullable().meta({ description: "What a person said of it" }),
  })
  .meta({ id: "ModerationDecision", example: exampleDecision });

export const ModerationView = z
  .strictObject({
    user: z.string(),
    url: z.string(),
    score: Score.meta({ description: "What her flags weigh now" }),
    policy_is_active: z.boolean(),
    policy_revision: z.int(),
    next_threshold: Score.nullable().meta({ description: "The lowest above the score; null: there is none" }),
    suspended: z.boolean(),
    muted_until: Time.nullable(),
    flags: z.array(
      FlagView.extend({
        weight: Score,
        weighing: FlagWeighing.meta({ description: "`counts`, or why it does not" }),
      }),
    ),
    decisions: z.array(DecisionView),
    review: ReviewView.nullable().meta({ description: "What a person said of all her flags last" }),
  })
  .meta({
    id: "Moderation",
    example: {
      user: USER,
      url: `${API}/users/user-2/moderation`,
      score: 3,
      policy_is_active: true,
      policy_revision: 4,
      next_threshold: 20,
      suspended: true,
      muted_until: null,
      flags: [{ ...exampleFlag, weight: 3, weighing: "counts" as const }],
      decisions: [exampleDecision],
      review: null,
    },
  });

export const ReviewBody = WireReview.meta({
  id: "ModerationReviewRequest",
  example: { verdict: "confirm", by: "Mia of support", note: "three insults in a row" },
});

export const ReversalBody = WireReversal.meta({
  id: "ModerationReversalRequest",
  example: { by: "Mia of support", note: "they had agreed to tease her" },
});

export const QueuedUserView = z
  .strictObject({
    user: z.string(),
    url: z.string().meta({ description: "Where it is explained" }),
    score: Score,
    open_flags: Score,
    pending_decisions: Score,
    oldest_at: Time.meta({ description: "Since when something waits" }),
    newest_flag_at: Time,
  })
  .meta({
    id: "QueuedUser",
    example: {
      user: USER,
      url: `${API}/users/user-2/moderation`,
      score: 3,
      open_flags: 1,
      pending_decisions: 0,
      oldest_at: AT,
      newest_flag_at: AT,
    },
  });

export const SimulationBody = z
  .object({
    policy: ModerationPolicyBody.meta({ description: "As `PUT …/moderation/policy` takes it" }),
    since: Time.meta({ description: "Flags from then on are gone through" }),
  })
  .meta({ id: "SimulationRequest", example: { policy: examplePolicy, since: AT } });

export const SimulationQuery = z.object({
  from_id: z.string().optional().meta({ description: "`next_from_id` of the answer before" }),
});

export const SimulationView = z
  .strictObject({
    flagged_users: Score.meta({ description: "How many this answer looked at" }),
    users: z.array(
      z.strictObject({
        user: z.string(),
        decisions: z.array(z.strictObject({ threshold: Score, score: Score, at: Time, actions: z.array(WireAction) })),
      }),
    ),
    next_from_id: z.string().nullable().meta({ description: "null: these were the last" }),
  })
  .meta({
    id: "Simulation",
    example: {
      flagged_users: 200,
      users: [
        {
          user: USER,
          decisions: [{ threshold: 5, score: 6, at: AT, actions: [{ type: "mute" as const, seconds: 86_400 }] }],
        },
      ],
      next_from_id: "layer:///identities/user-9",
    },
  });
