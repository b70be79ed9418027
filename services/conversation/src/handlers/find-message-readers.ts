import type { FindMessageReaders, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { messageKey } from "../domain/message.ts";
import type { MessageStore } from "../store/message-store.ts";

type Query = PayloadOf<typeof FindMessageReaders>;
type Reply = ReplyOf<typeof FindMessageReaders>;

/** Who of these has read a message, by itself or with all before it, in the order asked. */
export const findMessageReaders =
  ({ messages }: { readonly messages: Pick<MessageStore, "findViewed"> }) =>
  async ({ app, payload: { messageId, userIds } }: Delivery<Query>): Promise<Outcome<Reply>> => {
    const message = await messages.findViewed(messageKey(app, messageId));
    const readers = new Set(message?.read.map(({ user }) => user));
    return reply({ userIds: userIds.filter((userId) => readers.has(userId)) });
  };
