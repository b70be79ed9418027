import { GetConversationViews, type PayloadOf } from "@strata/contracts";
import type { Call, Composer, ProfileCache } from "@strata/doors";
import { basicIdentity, type Profiles } from "@strata/layer-protocol";
import {
  type ConversationChange,
  conversationPackets,
  messagesOf,
  showsWhole,
  type Receiver,
  touchesCounts,
} from "../domain/conversation-packets.ts";
import { type SeenConversation, seenByEach } from "../domain/seen-conversation.ts";
import type { PacketsFor, ToldChange } from "./packets.ts";

interface Deps {
  readonly composer: Composer;
  readonly profiles: ProfileCache;
}

/** Of one question. */
const MAX_USERS = 1_000;
const MAX_MESSAGES = 100;

/** Tells changes of one conversation, in their order: what all their receivers see of it is asked for once. */
export async function tellConversation(
  call: Call,
  changes: readonly ToldChange<ConversationChange>[],
  deps: Deps,
  tell: PacketsFor,
): Promise<void> {
  const [first] = changes;
  if (!first) return;
  const { conversationId } = first.change;
  const userIds = [...new Set(changes.flatMap((one) => one.userIds))];
  const messageIds = [...new Set(changes.flatMap(({ change }) => messagesOf(change)))];
  const seen = await viewsOf(call, { conversationId, userIds, messageIds });
  const named = changes.flatMap(({ change }) =>
    change.kind === "participants-changed" ? [...change.added, ...change.removed] : [],
  );
  const profiles = await deps.profiles.of(call, named);
  const told = changes.map((one) => ({ one, receivers: new Set(one.userIds) }));
  for (const userId of userIds) {
    const hers = told.filter(({ receivers }) => receivers.has(userId)).map(({ one }) => one);
    const lastTouch = hers.findLastIndex(({ change }) => touchesCounts(change, userId));
    const isShownWhole = hers.some(({ change }) => showsWhole(change, userId));
    const view = { composer: deps.composer, profiles, isShownWhole };
    const receiver = await receiverOf(call, userId, seen.get(userId) ?? null, view);
    for (const [index, one] of hers.entries()) {
      tell(one, userId, conversationPackets(one.change, receiver, index === lastTouch));
    }
  }
}

type Question = PayloadOf<typeof GetConversationViews>;

async function viewsOf(call: Call, question: Question): Promise<ReadonlyMap<string, SeenConversation>> {
  const { conversationId, userIds, messageIds } = question;
  const all = new Map<string, SeenConversation>();
  for (let user = 0; user < userIds.length; user += MAX_USERS) {
    for (let message = 0; message === 0 || message < messageIds.length; message += MAX_MESSAGES) {
      const views = await call.calls.ask(GetConversationViews, {
        conversationId,
        userIds: userIds.slice(user, user + MAX_USERS),
        messageIds: messageIds.slice(message, message + MAX_MESSAGES),
      });
      for (const [userId, seen] of seenByEach(views)) {
        const before = all.get(userId);
        all.set(userId, before ? { ...seen, messages: new Map([...before.messages, ...seen.messages]) } : seen);
      }
    }
  }
  return all;
}

interface Viewing {
  readonly composer: Composer;
  readonly profiles: Profiles;
  /** Whether a view of the whole conversation is wanted, with all who are in it: for a message it is not. */
  readonly isShownWhole: boolean;
}

/** Each view is made once, from what was asked for all receivers together. */
async function receiverOf(
  call: Call,
  userId: string,
  seen: SeenConversation | null,
  { composer, profiles, isShownWhole }: Viewing,
): Promise<Receiver> {
  const [conversationView] =
    seen && isShownWhole ? await composer.userConversations(call, userId, [seen.conversation]) : [];
  const last = seen?.conversation.lastMessage ?? null;
  const messages = [...(seen?.messages.values() ?? []), ...(last && !seen?.messages.has(last.messageId) ? [last] : [])];
  const views = await composer.userMessages(call, userId, messages);
  const byId = new Map(messages.map(({ messageId }, index) => [messageId, views[index] ?? null]));
  return {
    wire: call.wire,
    userId,
    seen,
    conversationView: () => conversationView ?? {},
    messageView: (messageId) => byId.get(messageId) ?? null,
    lastMessageView: () => byId.get(last?.messageId ?? "") ?? null,
    participantView: (other) => basicIdentity(call.wire, other, profiles.get(other) ?? null),
  };
}
