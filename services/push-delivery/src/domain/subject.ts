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
]);
export type Subject = z.infer<typeof Subject>;

/** What an app needs to open what it was woken for. */
export const dataOf = (subject: Subject): Readonly<Record<string, string>> =>
  subject.kind === "announcement"
    ? { announcement_id: subject.id, ...(subject.follows === "recall" ? { recalled: "true" } : {}) }
    : { conversation_id: subject.conversationId, message_id: subject.id };
