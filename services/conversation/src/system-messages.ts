import type { PayloadOf, SendMessage, SystemMessage } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import type { ConversationRow } from "./domain/conversation.ts";
import { madeUuid } from "./domain/made-uuid.ts";
import { sendMessages, type SendingDeps } from "./handlers/send-message.ts";

type Cause = Pick<Delivery<unknown>, "traceparent">;

/**
 * Sends what a conversation says by itself, through the same handler as all other messages, in the lane that this is
 * called in. Ids follow from `by`, so that what is sent again is the same. A message that is refused is dropped, as
 * a scheduled one is. Answers the ids of those that were sent.
 */
export const sendSystemMessages =
  (deps: SendingDeps) =>
  async (
    { app, conversationId }: ConversationRow,
    messages: readonly SystemMessage[],
    by: string,
    { traceparent }: Cause,
  ): Promise<readonly string[]> => {
    const sendings = messages.map(({ sender, parts, notification }, index): Delivery<PayloadOf<typeof SendMessage>> => {
      const id = `${by}.${index}`;
      const payload = {
        conversationId,
        messageId: madeUuid(`${app}/${id}`),
        sender,
        authority: "backend" as const,
        parts: parts.map((part) => ({ ...part, partId: null, content: null })),
        notification,
        // The backend wrote it itself, with the conversation.
        verdict: null,
      };
      // As one that comes again: whether it was sent before is looked at first.
      const envelope = { type: "system", attempt: 0, isRedelivered: true, sentAt: new Date(deps.now()) };
      return { ...envelope, id, app, traceparent, payload };
    });
    const outcomes = await sendMessages(deps)(sendings);
    return outcomes.flatMap((outcome) =>
      outcome.kind === "reply" && outcome.reply.message !== null ? [outcome.reply.message.messageId] : [],
    );
  };
