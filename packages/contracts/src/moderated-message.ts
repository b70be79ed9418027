import { z } from "zod";
import { defineCommand } from "./define.ts";
import { ConversationId, MessageId, Millis } from "./values.ts";

/**
 * Hides a message from everybody in its conversation but its sender, or shows it again to whom it was hidden from by the same
 * decision. What is not there, or no more, is let be: nobody waits for it.
 */
export const ModerateMessage = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "ModerateMessage",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    /** The decision. */
    by: z.uuid(),
    isHidden: z.boolean(),
    at: Millis,
  }),
  orderedBy: ({ conversationId }) => conversationId,
});
