import { randomUUID } from "node:crypto";
import { MessageCreated } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";

/** Bob has sent a message; answers its id. */
export async function messageTo(
  conversation: Pick<Publisher, "emit">,
  app: string,
  conversationId: string,
  recipients: readonly string[],
): Promise<string> {
  const messageId = randomUUID();
  await conversation.emit(MessageCreated, app, {
    conversationId,
    messageId,
    position: 1,
    sentAt: Date.now(),
    sender: { userId: "bob" },
    recipients: [...recipients],
    hasNotification: false,
  });
  return messageId;
}
