import { z } from "zod";

/** What a push is about. */
export const Subject = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("announcement"),
    id: z.string(),
    /** It comes behind a push of the same announcement, and replaces it or takes it away. */
    follows: z.enum(["correction", "recall"]).optional(),
  }),
  z.object({ kind: z.literal("message"), id: z.string(), conversationId: z.string() }),
  /** A push without a message. */
  z.object({ kind: z.literal("notification"), id: z.string() }),
  /** The number on the icon, and nothing else. */
  z.object({ kind: z.literal("badge"), id: z.string() }),
]);
export type Subject = z.infer<typeof Subject>;
