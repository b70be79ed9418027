import type { GetMessageHistory, ListRefusedMessages, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { historyOf, messageKey } from "../domain/message.ts";
import type { MessageStore } from "../store/message-store.ts";
import type { RefusedMessageStore } from "../store/refused-message-store.ts";

/** What happened to a message of a conversation, also once it is deleted. */
export const getMessageHistory =
  ({
    messages,
  }: {
    readonly messages: Pick<MessageStore, "find">;
  }): Handler<PayloadOf<typeof GetMessageHistory>, ReplyOf<typeof GetMessageHistory>> =>
  async ({ app, payload: { conversationId, messageId } }) => {
    const row = await messages.find(messageKey(app, messageId));
    return reply({ history: row?.conversation === conversationId ? historyOf(row) : null });
  };

/** What policies refused in the last week, page by page. */
export const listRefusedMessages =
  ({
    refusedMessages,
  }: {
    readonly refusedMessages: Pick<RefusedMessageStore, "list" | "count">;
  }): Handler<PayloadOf<typeof ListRefusedMessages>, ReplyOf<typeof ListRefusedMessages>> =>
  async ({ app, payload }) => {
    const [refused, total] = await Promise.all([refusedMessages.list(app, payload), refusedMessages.count(app)]);
    return reply({ refused, total });
  };
