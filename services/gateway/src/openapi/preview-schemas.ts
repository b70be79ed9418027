import { z } from "zod";
import { examples } from "./examples.ts";

const Count = z.number().int().nonnegative();
const Recipients = z.array(z.string());

const PayloadSize = z.strictObject({
  bytes: Count.nullable().meta({ description: "Of the payload as it would be sent; null where it cannot be made" }),
  limit: Count,
  fits: z.boolean(),
  user_id: z.string().meta({ description: "Whose it is: of those looked at the longest, or one that does not fit" }),
  reason: z.string().nullable().meta({ description: "Why it would not be taken" }),
});

export const PreviewView = z
  .strictObject({
    count: Count.nullable().meta({
      description: "Distinct users named, or in the audience now; null where they are uploaded later",
    }),
    is_exact: z.boolean().meta({ description: "Whether all of them were looked at. If not, `left_out` is estimated" }),
    looked_at: Count.meta({ description: "How many were: all of up to 10,000, about 1,000 of more" }),
    sample: z
      .array(
        z.strictObject({
          recipient: z.string(),
          user_id: z.string(),
          display_name: z.string().nullable(),
          locale: z.string().nullable(),
          platforms: z.array(z.enum(["ios", "android", "web"])).meta({ description: "Of her devices" }),
        }),
      )
      .meta({ description: "At most ten of those who would get it" }),
    payload_sizes: z
      .strictObject({ apns: PayloadSize, fcm: PayloadSize })
      .nullable()
      .meta({ description: "Of the sample, and of those with a notification of their own; null: nothing is pushed" }),
    left_out: z.array(
      z.strictObject({
        reason: z.enum(["unknown_user", "no_device"]),
        from: z.enum(["inbox", "push"]).meta({ description: "push: it is in her inbox all the same" }),
        count: Count,
        users: Recipients.meta({ description: "At most 100 of them" }),
      }),
    ),
  })
  .meta({ id: "AnnouncementPreview", example: examples.preview });
