import { MessageUpdated } from "@strata/contracts";
import { identityUri } from "@strata/layer-protocol";
import type { Cause, Publisher } from "@strata/messaging";
import { messageKey, type MessageRow, senderUser } from "../domain/message.ts";
import { responseIn, withAnswer } from "../domain/responses.ts";
import type { MessageStore } from "../store/message-store.ts";

interface Deps {
  readonly messages: Pick<MessageStore, "find" | "changeParts">;
  readonly publisher: Publisher;
}

/** How often others may change the question between the look and the write. */
const ATTEMPTS = 5;

/**
 * What follows from a message that answers another: the question's summary says so, in the name of its sender, and all who
 * see the question are told. What is answered again, or comes again, changes nothing. A question that is in another
 * conversation, gone, or hidden from who answers is answered by nobody: the answer is a message all the same.
 */
export const answerQuestion =
  ({ messages, publisher }: Deps) =>
  async (answer: MessageRow, cause: Cause): Promise<void> => {
    const response = responseIn(answer.parts);
    const userId = senderUser(answer.sender);
    if (response === null || userId === null) return;
    const by = `${answer.by}.response`;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const question = await messages.find(messageKey(answer.app, response.messageId));
      if (!question || !mayAnswer(question, answer, userId)) return;
      const made = question.changes.find((change) => change.by === by);
      const next = made
        ? null
        : withAnswer(
            question.parts,
            { ...response, identityId: identityUri(userId) },
            { command: by, at: answer.sentAt },
          );
      if (!made && !next) return;
      const change = made ?? {
        by,
        at: answer.sentAt,
        version: question.version + 1,
        changed: next ? [next.changed] : [],
        removed: [],
        actor: userId,
        hits: [],
      };
      if (next && !(await messages.changeParts(question._id, next.parts, change))) continue;
      const { conversation: conversationId, messageId, app } = question;
      const { changed, removed, at, version } = change;
      const payload = { conversationId, messageId, changed, removed, at };
      return publisher.emit(MessageUpdated, app, payload, { id: `${by}-updated`, cause, subjectVersion: version });
    }
    throw new Error(`${response.messageId} was changed by others again and again`);
  };

const mayAnswer = (question: MessageRow, answer: MessageRow, userId: string): boolean =>
  question.conversation === answer.conversation &&
  question.deletedAt === undefined &&
  question.position < answer.position &&
  !question.hiddenFor.includes(userId);
