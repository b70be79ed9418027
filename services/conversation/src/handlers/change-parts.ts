import { type ChangeParts, MessageUpdated, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { missingContent, present, writingRefusal } from "../domain/access.ts";
import { messageKey, type MessageRow, type RememberedChange } from "../domain/message.ts";
import { messageView } from "../domain/message-view.ts";
import { changeParts as changed, contentIdsOf, newPartsOf } from "../domain/parts.ts";
import { type Policing, tellFlagged } from "../policing.ts";
import type { ReferencedContents } from "../referenced-contents.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MessageStore } from "../store/message-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly messages: MessageStore;
  readonly contents: ReferencedContents;
  readonly policing: Pick<Policing, "changed">;
  readonly publisher: Publisher;
  readonly now: () => number;
}

type Changing = Delivery<PayloadOf<typeof ChangeParts>>;
type Changed = ReplyOf<typeof ChangeParts>;

/** How often others may change a message between the look and the write: they do while one takes over from another. */
const ATTEMPTS = 5;

/**
 * Changes the parts of a message. The message remembers its latest changes: a command that comes again finds its own and
 * only says so again, since a change by index, or one that others have built upon, must not be made twice.
 * It is made of the version that was read, or looked at again: what another writer did meanwhile stays.
 */
export const changeParts =
  (deps: Deps) =>
  async (delivery: Changing): Promise<Outcome<Changed>> => {
    const { id, payload } = delivery;
    const { change, maxParts, at } = payload;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { message, made } = await look(deps, delivery);
      if (made) return publish(deps, delivery, message, made);
      const { parts: wanted, ...ids } = changed(message.parts, change, { command: id, at, maxParts });
      const asked = { command: delivery, message, parts: wanted, changed: ids.changed };
      const { parts, hits } = await deps.policing.changed(deps.publisher, asked);
      const version = message.version + 1;
      const remembered = { by: id, at, version, actor: null, hits, ...ids };
      if (await deps.messages.changeParts(message._id, parts, remembered)) {
        return publish(deps, delivery, { ...message, parts, updatedAt: at, version }, remembered);
      }
    }
    throw new Error(`${payload.messageId} was changed by others again and again`);
  };

/** The message, with what this command made of it before; without that, it may be changed. */
async function look(deps: Deps, delivery: Changing) {
  const { app, id, payload } = delivery;
  const [found, message] = await Promise.all([
    deps.conversations.find(app, payload.conversationId),
    deps.messages.find(messageKey(app, payload.messageId)),
  ]);
  const made = message?.changes.find(({ by }) => by === id);
  if (message && made) return { message, made };
  const conversation = present(payload.conversationId, found, null);
  if (conversation instanceof DomainError) throw conversation;
  if (message?.conversation !== conversation.conversationId || message.deletedAt !== undefined) {
    throw new DomainError("not_found", { messageId: payload.messageId });
  }
  const refusal = writingRefusal(conversation, deps.now());
  if (refusal) throw refusal;
  await assertContents(deps, delivery);
  return { message, made: null };
}

async function assertContents({ contents }: Deps, { app, payload }: Changing): Promise<void> {
  const contentIds = contentIdsOf(newPartsOf(payload.change));
  if (contentIds.length === 0) return;
  const missing = await contents.findMissing(app, payload.conversationId, contentIds);
  if (missing.length > 0) throw missingContent();
}

async function publish(
  { publisher }: Deps,
  cause: Changing,
  message: MessageRow,
  { changed: changedIds, removed, at, version, hits }: RememberedChange,
): Promise<Outcome<Changed>> {
  const { conversation: conversationId, messageId } = message;
  await publisher.emit(
    MessageUpdated,
    message.app,
    { conversationId, messageId, changed: changedIds, removed, at },
    { id: `${cause.id}.message-updated`, cause, subjectVersion: version },
  );
  await tellFlagged(publisher, message, hits, { id: cause.id, cause, at });
  return reply({ message: messageView(message), changed: changedIds });
}
