import { z } from "zod";
import { ModerationPolicyBody, WireModerationPolicy } from "../domain/moderation-policy.ts";

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
