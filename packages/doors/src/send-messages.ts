import {
  type Authority,
  GetMessage,
  MAX_MESSAGES_PER_BATCH,
  type Message,
  ScheduleMessages,
  type Sender,
} from "@strata/contracts";
import {
  invalidProperty,
  type LayerVersion,
  type NewMessage,
  type Sending,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseSending,
  usesIdentityIds,
} from "@strata/layer-protocol";
import { placeMessage } from "./place-message.ts";
import { requirePushable } from "./require-pushable.ts";
import { shortenNotification } from "./shorten-notification.ts";
import { digestOf } from "./digest.ts";
import { type MessageIntents, messageIntents } from "./message-intents.ts";
import type { Answered, Call } from "./call.ts";
import type { SettingsCache } from "./settings-cache.ts";
import { type ProfileCache, senderIds } from "./profiles.ts";
import type { Composer } from "./composer.ts";
import type { Door, Viewer } from "./door.ts";
import { conversationIdOf } from "./find-conversation.ts";
import { messageAsRead } from "./find-message.ts";

export interface SendingMessages {
  readonly composer: Composer;
  readonly profiles: ProfileCache;
  readonly settings: Pick<SettingsCache, "of">;
  readonly maxPartBytes: number;
}

/** `POST …/messages` (server API 7.1 to 7.3): 201 with the message, or 202 for those that are sent later. */
export async function sendMessages(call: Call, door: Door, deps: SendingMessages): Promise<Answered> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const sender = door.viewer(call);
  const { maxPartsPerMessage } = await deps.settings.of(call);
  const scope = JSON.stringify([call.wire.appId, sender, "messages"]);
  const intents = messageIntents({ scope, ifNoneMatch, idempotencyKey });
  const asked = parseSending(call.body, {
    version: call.wire.version,
    sender,
    maxMessages: MAX_MESSAGES_PER_BATCH,
    maxParts: maxPartsPerMessage,
    maxPartBytes: deps.maxPartBytes,
    idOf: (fields, index) => intents.idOf(fields, index),
  });
  const sending = call.wire.isClientApi ? withShortNotifications(asked) : asked;
  const messages = sending.kind === "now" ? [sending.message] : sending.messages;
  for (const message of messages) await requirePushable(message, { version: call.wire.version, kind: "message" });
  await requireSenders(call, deps.profiles, sender, messages);
  const conversationId = conversationIdOf(call);
  await door.admit(call, sender);

  const authorised = <M extends NewMessage>(message: M) =>
    Object.assign(message, { authority: authorityOf(call.wire.version, sender, message.sender) });
  const command = { id: intents.first.commandId(() => digestOf({ conversationId, sending })) };
  if (sending.kind === "now") {
    const payload = { ...authorised(sending.message), conversationId, isIdNew: intents.first.isIdNew };
    const { outcome, message } = await placeMessage(call.calls, payload, command);
    if (outcome === "in-use" || message === null) throw await inUse(call, deps.composer, sender, intents, message);
    return { status: 201, json: await sentView(call, deps.composer, sender, message) };
  }
  const payload = { conversationId, messages: sending.messages.map(authorised), at: Date.now() };
  const { outcome } = await call.calls.request(ScheduleMessages, payload, command);
  if (outcome === "in-use") throw intents.first.inUse(null);
  return { status: 202 };
}

const withShortNotifications = (sending: Sending): Sending =>
  sending.kind === "now"
    ? { kind: "now", message: withShortNotification(sending.message) }
    : { kind: "later", messages: sending.messages.map(withShortNotification) };

const withShortNotification = <M extends NewMessage>(message: M): M =>
  message.notification === null ? message : { ...message, notification: shortenNotification(message.notification) };

/** In whose name (server API 7.1): in 1.x a user must take part herself, from 2.0 any identity may send. */
function authorityOf(version: LayerVersion, user: Viewer, sender: Sender): Authority {
  if (user !== null) return "user";
  return usesIdentityIds(version) || "name" in sender ? "backend" : "participant";
}

/** From 2.0 a sender must have an identity; in 1.x that she is a participant is enough, and asked where that is known. */
export async function requireSenders(
  call: Call,
  profiles: ProfileCache,
  user: Viewer,
  messages: readonly Pick<NewMessage, "sender">[],
): Promise<void> {
  if (user !== null || !usesIdentityIds(call.wire.version)) return;
  const userIds = senderIds(messages.map(({ sender }) => sender));
  const known = await profiles.of(call, userIds);
  if (userIds.some((userId) => !known.has(userId))) {
    throw invalidProperty("sender_id", "names nobody: a sender must have an identity");
  }
}

/** The backend gets the slim form; a user her own view of a message that she, as its sender, has read. */
const sentView = (call: Call, composer: Composer, user: Viewer, message: Message): Promise<object | undefined> =>
  user === null
    ? composer.createdMessage(call, message)
    : messageAsRead(call, composer, user, { ...message, isUnread: false, receivedAt: message.sentAt });

/** The message under the taken id, as the caller may read it; none of another conversation. */
async function inUse(call: Call, composer: Composer, user: Viewer, intents: MessageIntents, message: Message | null) {
  if (message === null) return intents.first.inUse(null);
  const { messageId, conversationId } = message;
  const seen =
    user === null
      ? { message: { ...message, isUnread: false, receivedAt: null } }
      : await call.calls.ask(GetMessage, { messageId, conversationId, viewer: user });
  return intents.first.inUse(seen.message && (await messageAsRead(call, composer, user, seen.message)));
}
