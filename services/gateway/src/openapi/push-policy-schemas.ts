import { z } from "zod";
import { PushPolicyBody, WirePushPolicy } from "../domain/push-policy.ts";
import { PushPreferencesBody, WirePushPreferences } from "../domain/push-preferences.ts";
import { examples, exampleIds } from "./examples.ts";
import { PolicyName } from "./policy-name.ts";

export const PushPolicyView = WirePushPolicy.meta({ id: "PushPolicy", example: examples.pushPolicy });

export const PushPolicyRequest = PushPolicyBody.meta({ id: "PushPolicyRequest", example: examples.pushPolicy });

export const PushPolicyChange = PushPolicyBody.meta({
  id: "PushPolicyChange",
  example: { quiet_hours: { from: "23:00", to: "07:00" }, categories: { offers: { delay_seconds: 30 }, news: null } },
});

const { categories, quiet_hours: quietHours } = WirePushPreferences.shape;
export const PushPreferencesView = WirePushPreferences.extend({
  effective: z
    .strictObject({
      categories: categories.meta({
        description: "Every category that the policy or she names: whether its pushes go to her",
      }),
      quiet_hours: quietHours.meta({ description: "Hers, or the app's" }),
    })
    .meta({ description: "What it comes to under the app's policy as it is now" }),
}).meta({ id: "PushPreferences", example: examples.pushPreferences });

export const PushPreferencesRequest = PushPreferencesBody.meta({
  id: "PushPreferencesRequest",
  example: { categories: { offers: false }, muted_until: "2026-12-01T09:00:00.000Z" },
});

const Decision = z.enum(["send", "skip", "wait"]);
export const PushExplanationView = z
  .strictObject({
    user_id: z.string(),
    decision: Decision.meta({
      description: "What would become of the push now: sent, left out for good, or decided again at `until`",
    }),
    policy: PolicyName.nullable().meta({ description: "Which policy decided; null: all let it pass" }),
    until: z.iso.datetime().nullable().meta({ description: "When one that waits is decided again" }),
    category: z.string().meta({ description: "Whose rules hold" }),
    time_zone: z.string().nullable().meta({ description: "In which quiet hours are counted; null: not asked for" }),
    devices: z.int().meta({ description: "To how many it would go; with none there is nothing to send to" }),
    checks: z
      .array(
        z.strictObject({
          policy: PolicyName,
          decision: Decision,
          detail: z.string().meta({ description: "Why, with the numbers that count" }),
        }),
      )
      .meta({ description: "Each policy that was asked, in order, up to the one that decided" }),
  })
  .meta({ id: "PushExplanation", example: examples.pushExplanation });

export const PushExplanationQuery = z.object({
  announcement_id: z.string().optional().meta({
    description: "UUID or URI of the announcement whose push it is about",
    example: exampleIds.announcement,
  }),
  message_id: z.string().optional().meta({ description: "UUID or URI of the message whose push it is about" }),
  kind: z.enum(["announcement", "message", "notification"]).optional().meta({
    description: "Without an id: of what kind of push it is; absent: an announcement's",
  }),
  category: z.string().min(1).max(64).optional().meta({
    description: "Without an id: of which category; absent: the one of what names none",
  }),
  urgent: z
    .enum(["true", "false"])
    .optional()
    .meta({ description: "Without an id: whether it is urgent; absent: false" }),
});
