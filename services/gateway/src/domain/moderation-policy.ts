import { DEFAULT_MODERATION_POLICY, FlagReason, ModerationPolicy } from "@strata/contracts";
import { isJsonObject, invalidProperty, parseBySchema, requireJsonObject } from "@strata/layer-protocol";
import { z } from "zod";

const { shape } = ModerationPolicy;
const threshold = shape.thresholds.element.shape;
const [warn, mute, , , , webhook] = threshold.actions.element.options;

export const WireAction = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("warn").meta({ description: "The backend hears that she is to be warned, and warns her" }),
    text: warn.shape.text.nullish().meta({ description: "Handed on to the backend as it is" }),
  }),
  z.strictObject({
    type: z.literal("mute").meta({ description: "She cannot send messages" }),
    seconds: mute.shape.seconds.meta({ description: "for so long: a minute to a year" }),
  }),
  z.strictObject({
    type: z.literal("hide_message").meta({ description: "The flagged messages are seen by nobody else any more" }),
  }),
  z.strictObject({
    type: z.literal("block_flaggers").meta({ description: "Those who flagged her block her from now on" }),
  }),
  z.strictObject({ type: z.literal("suspend").meta({ description: "Her sessions end, and she cannot begin others" }) }),
  z.strictObject({
    type: z.literal("webhook").meta({
      description: "The backend is asked; what stands behind it in the list waits until it has confirmed",
    }),
    url: webhook.shape.url.meta({
      description: "Called by POST until it answers; without it there is the event alone",
    }),
  }),
]);

const WireThreshold = z.strictObject({
  score: threshold.score.meta({ description: "Crossed by flags that weigh so much together" }),
  actions: z.array(WireAction).min(1).max(10).meta({ description: "What is done then, in this order" }),
});

/** An app's moderation policy under its names on the wire. */
export const WireModerationPolicy = z.strictObject({
  is_active: shape.isActive.meta({ description: "While it is not, flags are scored, and nothing is done" }),
  reasons: shape.weights.meta({
    description:
      "How much flags of a reason weigh. A reason that is named here may be given, also one of the app's own",
  }),
  default_weight: shape.defaultWeight.meta({ description: "Of reasons that `reasons` does not name" }),
  window_seconds: shape.windowSeconds.meta({
    description:
      "How long a flag counts; for as long a threshold that was crossed does nothing more about the same user",
  }),
  max_flags_per_flagger: shape.maxFlagsPerFlagger.meta({
    description: "How many flags of one flagger count against one user, the heaviest ones; null: all",
  }),
  max_flags_per_hour: shape.maxFlagsPerHour.meta({ description: "How much one user may flag in an hour; more is 429" }),
  thresholds: z.array(WireThreshold).max(20).meta({ description: "No two of the same score" }),
});

/** The body of `PUT /apps/:app/moderation/policy`. */
export const ModerationPolicyBody = WireModerationPolicy.partial();

/**
 * A whole policy; what is left out is as in that of an app which never set one.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property`, also for a property that there is not: in a policy a
 * slip of the pen must not pass for a rule
 */
export function parseModerationPolicy(body: unknown, prefix = ""): ModerationPolicy {
  const fields = requireJsonObject(body);
  const at = (property: string): string => (prefix === "" ? property : `${prefix}.${property}`);
  requireReasons(fields["reasons"], at("reasons"));
  const wanted = parseBySchema(ModerationPolicyBody, fields, prefix);
  const standard = DEFAULT_MODERATION_POLICY;
  const policy: ModerationPolicy = {
    isActive: wanted.is_active ?? standard.isActive,
    weights: wanted.reasons ?? standard.weights,
    defaultWeight: wanted.default_weight ?? standard.defaultWeight,
    windowSeconds: wanted.window_seconds ?? standard.windowSeconds,
    maxFlagsPerFlagger: wanted.max_flags_per_flagger ?? standard.maxFlagsPerFlagger,
    maxFlagsPerHour: wanted.max_flags_per_hour ?? standard.maxFlagsPerHour,
    thresholds: (wanted.thresholds ?? []).map(({ score, actions }) => ({ score, actions: actions.map(actionOf) })),
  };
  if (!ModerationPolicy.safeParse(policy).success) throw invalidProperty(at("thresholds"), "has a score twice");
  return { ...policy, thresholds: policy.thresholds.toSorted((one, other) => one.score - other.score) };
}

/** zod would name no key. */
function requireReasons(reasons: unknown, property: string): void {
  if (!isJsonObject(reasons)) return;
  const wrong = Object.keys(reasons).find((reason) => !FlagReason.safeParse(reason).success);
  if (wrong === undefined) return;
  throw invalidProperty(`${property}.${wrong.toWellFormed()}`, "is no reason, as hate_speech");
}

type Action = ModerationPolicy["thresholds"][number]["actions"][number];

function actionOf(action: z.infer<typeof WireAction>): Action {
  switch (action.type) {
    case "warn":
      return { kind: "warn", text: action.text ?? null };
    case "mute":
      return { kind: "mute", seconds: action.seconds };
    case "webhook":
      return { kind: "webhook", url: action.url ?? null };
    default:
      return { kind: action.type };
  }
}

export const actionView = (action: Action): z.infer<typeof WireAction> => {
  switch (action.kind) {
    case "warn":
      return { type: "warn", text: action.text };
    case "mute":
      return { type: "mute", seconds: action.seconds };
    case "webhook":
      return { type: "webhook", ...(typeof action.url === "string" ? { url: action.url } : {}) };
    default:
      return { type: action.kind };
  }
};

export const moderationPolicyView = (policy: ModerationPolicy): z.infer<typeof WireModerationPolicy> => ({
  is_active: policy.isActive,
  reasons: policy.weights,
  default_weight: policy.defaultWeight,
  window_seconds: policy.windowSeconds,
  max_flags_per_flagger: policy.maxFlagsPerFlagger,
  max_flags_per_hour: policy.maxFlagsPerHour,
  thresholds: policy.thresholds.map(({ score, actions }) => ({ score, actions: actions.map(actionView) })),
});
