import { z } from "zod";
import { defineQuery } from "./define.ts";
import { CategoryName, PushPolicyName } from "./push-policy.ts";
import { AnnouncementId, MessageId, Millis, UserId } from "./values.ts";

/** What would become of a push to this user now, and what each policy says of it: decided by what decides in delivery. */
export const ExplainPush = defineQuery({
  service: "push-delivery",
  name: "ExplainPush",
  version: 1,
  payload: z.object({
    userId: UserId,
    /** An announcement's or a message's push; or any push of a category, of the kind `subject` names. */
    subject: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("announcement"), id: AnnouncementId.nullable() }),
      z.object({ kind: z.literal("message"), id: MessageId.nullable() }),
      z.object({ kind: z.literal("notification"), id: z.null() }),
    ]),
    /** Where `subject` names no announcement or message. */
    category: CategoryName.nullable(),
    isUrgent: z.boolean(),
  }),
  reply: z.object({
    /** Null: there is no such announcement or message. */
    explanation: z
      .object({
        decision: z.enum(["send", "skip", "wait"]),
        /** Which decided; null: all let it pass. */
        policy: PushPolicyName.nullable(),
        /** Of one that waits: when it is decided again. */
        until: Millis.nullable(),
        category: CategoryName,
        timeZone: z.string().nullable(),
        /** In the order of asking, up to the one that decided. */
        checks: z.array(
          z.object({
            policy: PushPolicyName,
            decision: z.enum(["send", "skip", "wait"]),
            /** In words, with the numbers that count. */
            detail: z.string(),
          }),
        ),
        /** How many devices she has. */
        devices: z.number().int(),
      })
      .nullable(),
  }),
});
