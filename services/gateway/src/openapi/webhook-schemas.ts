import { MAX_SIGNING_OVERLAP_SECONDS, WebhookCall } from "@strata/contracts";
import { z } from "zod";
import { Time } from "./announcement-schemas.ts";
import { exampleIds } from "./examples.ts";

const DAY_SECONDS = 86_400;
const AT = "2020-01-02T03:04:05.678Z";

export const SigningSecretBody = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(MAX_SIGNING_OVERLAP_SECONDS)
      .default(DAY_SECONDS)
      .meta({ description: "How long the secret before signs, too" }),
  })
  .meta({ id: "SigningSecretRequest", example: { overlap_seconds: 3_600 } });

const facts = {
  generation: z
    .int()
    .meta({ description: "0: nobody has asked for one yet; calls are signed, and nobody can check it" }),
  rotated_at: Time.nullable(),
  previous_until: Time.nullable().meta({ description: "Until when calls carry a second signature" }),
};
const example = { generation: 2, rotated_at: AT, previous_until: "2020-01-02T04:04:05.678Z" };

export const SigningSecretView = z.strictObject(facts).meta({ id: "SigningSecret", example });

export const NewSigningSecretView = z
  .strictObject({ ...facts, secret: z.string().meta({ description: "`whsec_` and base64" }) })
  .meta({
    id: "NewSigningSecret",
    example: { ...example, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
  });

export const WebhookCallView = z
  .strictObject({
    id: z.string().meta({ description: "The `webhook-id` that its attempts carry" }),
    type: WebhookCall.shape.kind,
    url: z.string(),
    state: WebhookCall.shape.state.meta({ description: "`failed`: it is not tried any more" }),
    attempts: z.int(),
    status: z.int().nullable().meta({ description: "What the last attempt was answered" }),
    error: z.string().nullable().meta({ description: "Why the last attempt failed" }),
    created_at: Time,
    next_attempt_at: Time.nullable(),
    ended_at: Time.nullable(),
  })
  .meta({
    id: "WebhookCall",
    example: {
      id: `${exampleIds.rule}.0.requested`,
      type: "moderation.decision_requested",
      url: "https://backend.example.com/decisions",
      state: "waiting",
      attempts: 1,
      status: 500,
      error: "it answered 500",
      created_at: AT,
      next_attempt_at: "2020-01-02T03:04:15.678Z",
      ended_at: null,
    },
  });
