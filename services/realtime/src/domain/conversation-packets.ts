import type { Change } from "@strata/contracts";
import {
  conversationObject,
  createPacket,
  deletePacket,
  hasAddressableParts,
  identityUri,
  markAllReadPacket,
  messageObject,
  objectUri,
  type Packet,
  type PacketObject,
  type PacketOperation,
  partUri,
  recipientStatusPath,
  setObject,
  setValue,
  updatePacket,
  type WireContext,
  wirePosition,
} from "@strata/layer-protocol";
import type { SeenConversation } from "./seen-conversation.ts";

/** What happened to one conversation, or in it. */
export type ConversationChange = Extract<Change, { readonly conversationId: string }>;

/** Whoever it is told to, and what she sees, as it is written on the wire. */
export interface Receiver {
  readonly wire: WireContext;
  readonly userId: string;
  /** null: she sees nothing of it, for it is gone, or was never hers. */
  readonly seen: SeenConversation | null;
  conversationView(): object;
  messageView(messageId: string): { readonly parts?: unknown; readonly updated_at?: unknown } | null;
  lastMessageView(): object | null;
  participantView(userId: string): object;
}

/**
 * What one receiver is sent of one change, in the order in which clients want it (client API 8). `isLast`: no later change
 * that is told with it touches what the conversation counts, so that it is told the counts once.
 */
export function conversationPackets(
  change: ConversationChange,
  receiver: Receiver,
  isLast: boolean,
): readonly Packet[] {
  const { wire, userId, seen } = receiver;
  const object = conversationObject(wire.baseUrl, change.conversationId);
  if (change.kind === "conversation-deleted") {
    return [deletePacket(object, { mode: "all_participants", from_position: null })];
  }
  if (seen === null) return [];
  // Clients ask for a conversation that they are told of and do not have, and would show one that is in none of her lists.
  if (seen.isHidden && change.kind !== "conversation-cleared") return [];
  const counts = (): readonly Packet[] => (isLast ? [countsPacket(receiver, change.conversationId)] : []);
  switch (change.kind) {
    case "conversation-created":
      return [createPacket(object, receiver.conversationView())];
    case "participants-changed": {
      return [
        ...(showsWhole(change, userId) ? [createPacket(object, receiver.conversationView())] : []),
        updatePacket(object, participantOperations(change, receiver, seen)),
      ];
    }
    case "metadata-changed":
      return [updatePacket(object, [setValue("metadata", seen.conversation.metadata)])];
    case "conversation-cleared":
      return clearedPackets(change.throughPosition, receiver, seen, object);
    case "conversation-read":
      return [
        markAllReadPacket(object, wirePosition(change.throughPosition), change.userId),
        ...(change.userId === userId ? counts() : []),
      ];
    case "message-created":
      return createdPackets(change.messageId, receiver, counts);
    case "message-updated":
      return changedPartsPackets(change, receiver);
    case "message-deleted":
      return [
        deletePacket(messageObject(wire.baseUrl, change.messageId), {
          mode: change.isForAll ? "all_participants" : "my_devices",
        }),
        ...counts(),
      ];
    case "message-receipts":
      return receiptPackets(change, receiver, counts);
    default:
      return change satisfies never;
  }
}

/** Whether a change touches what its conversation counts for this user, so that she is told the counts after it. */
export const touchesCounts = (change: ConversationChange, userId: string): boolean => {
  switch (change.kind) {
    case "message-created":
    case "message-deleted":
      return true;
    case "conversation-read":
      return change.userId === userId;
    case "message-receipts":
      return change.receipts.some((receipt) => receipt.kind === "read" && receipt.userId === userId);
    default:
      return false;
  }
};

/** Whether a change may show this user the whole conversation, which is new to her, or back. */
export const showsWhole = (change: ConversationChange, userId: string): boolean =>
  change.kind === "conversation-created" ||
  change.kind === "conversation-cleared" ||
  (change.kind === "participants-changed" && change.added.includes(userId));

/** The messages that must be known to tell a change. */
export const messagesOf = (change: ConversationChange): readonly string[] =>
  change.kind === "message-created" || change.kind === "message-updated" || change.kind === "message-receipts"
    ? [change.messageId]
    : [];

function countsPacket(receiver: Receiver, conversationId: string): Packet {
  const { wire, seen } = receiver;
  const last = seen?.conversation.lastMessage ?? null;
  return updatePacket(conversationObject(wire.baseUrl, conversationId), [
    last === null
      ? setValue("last_message", null)
      : setObject("last_message", objectUri("messages", last.messageId), receiver.lastMessageView()),
    setValue("unread_message_count", seen?.conversation.unreadCount ?? 0),
    setValue("total_message_count", seen?.conversation.messageCount ?? 0),
  ]);
}

/** A message before the conversation that names it (client API 6.5). One that is gone meanwhile is told by its deletion. */
function createdPackets(messageId: string, receiver: Receiver, counts: () => readonly Packet[]): readonly Packet[] {
  const view = receiver.messageView(messageId);
  const create = view && createPacket(messageObject(receiver.wire.baseUrl, messageId), view);
  return [...(create ? [create] : []), ...counts()];
}

type ParticipantsChange = Extract<ConversationChange, { kind: "participants-changed" }>;

/**
 * Who was named is told to be in it or not as it is by now, whatever she did then: told in another order than that in which
 * they happened, changes leave all with the same list. Who has left sees nobody any more, and hears what she would have.
 */
function participantOperations(
  { added, removed }: ParticipantsChange,
  receiver: Receiver,
  { isParticipant, conversation }: SeenConversation,
): readonly PacketOperation[] {
  const inIt = new Set(isParticipant ? conversation.participants : added.filter((one) => one !== receiver.userId));
  const named = [...new Set([...added, ...removed])];
  const property = "participants";
  return [
    ...named
      .filter((userId) => inIt.has(userId))
      .map((userId): PacketOperation => {
        const value = receiver.participantView(userId);
        return { operation: "add", property, id: identityUri(userId), value };
      }),
    ...named
      .filter((userId) => !inIt.has(userId))
      .map((userId): PacketOperation => ({ operation: "remove", property, id: identityUri(userId) })),
  ];
}

/**
 * It is back with the next message: then only what was before it is gone (client API 6.5), and it is told as it is, since
 * what changed in between, while it was in none of her lists, was not.
 */
function clearedPackets(
  throughPosition: number,
  receiver: Receiver,
  { isHidden, isParticipant }: SeenConversation,
  object: PacketObject,
): readonly Packet[] {
  const cleared = (position: number | null): Packet =>
    deletePacket(object, { mode: "my_devices", from_position: position });
  if (isHidden || !isParticipant) return [cleared(null)];
  return [cleared(wirePosition(throughPosition)), createPacket(object, receiver.conversationView())];
}

type PartsChange = Extract<ConversationChange, { kind: "message-updated" }>;

/** From 3.0 a part has packets of its own; clients of 2.0 take the whole list (client API 6.5). */
function changedPartsPackets(change: PartsChange, receiver: Receiver): readonly Packet[] {
  const { wire } = receiver;
  const view = receiver.messageView(change.messageId);
  if (view === null) return [];
  const object = messageObject(wire.baseUrl, change.messageId);
  if (!hasAddressableParts(wire.version)) return [updatePacket(object, [setValue("parts", view.parts)])];
  const ids = new Set([...change.removed, ...change.changed].map((one) => partUri("messages", change.messageId, one)));
  const parts = partViews(view.parts).filter(({ id }) => ids.has(id));
  const gone = [...ids].filter((id) => parts.every((part) => part.id !== id));
  return [
    updatePacket(object, [
      ...gone.map((id): PacketOperation => ({ operation: "remove", property: "parts", id })),
      ...parts.map((part): PacketOperation => ({ operation: "add", property: "parts", id: part.id, value: part })),
      setValue("updated_at", view.updated_at ?? null),
    ]),
    ...parts.map((part) =>
      updatePacket({ type: "MessagePart", id: part.id, url: part.url }, [
        setValue("body", part.body ?? null),
        setValue("mime_type", part.mime_type),
        setValue("updated_at", part.updated_at ?? null),
      ]),
    ),
  ];
}

interface PartView {
  readonly id: string;
  readonly url: string;
  readonly mime_type: string;
  readonly body?: unknown;
  readonly updated_at?: unknown;
}

const isPartView = (part: unknown): part is PartView =>
  typeof part === "object" && part !== null && "id" in part && typeof part.id === "string" && "url" in part;

const partViews = (parts: unknown): readonly PartView[] => (Array.isArray(parts) ? parts.filter(isPartView) : []);

type ReceiptsChange = Extract<ConversationChange, { kind: "message-receipts" }>;

/** What each of them has come to by now, so that one that is told late lowers nothing. */
function receiptPackets(
  change: ReceiptsChange,
  receiver: Receiver,
  counts: () => readonly Packet[],
): readonly Packet[] {
  const { wire, userId, seen } = receiver;
  const message = seen?.messages.get(change.messageId);
  const isReader = touchesCounts(change, userId);
  if (!message) return isReader ? counts() : [];
  const statuses = new Map(message.recipients.map((one) => [one.userId, one.status]));
  const operations = [...new Set(change.receipts.map((receipt) => receipt.userId))].flatMap((reader) => {
    const status = statuses.get(reader);
    return status === undefined ? [] : [setValue(recipientStatusPath(reader), status)];
  });
  return [
    ...(operations.length === 0 ? [] : [updatePacket(messageObject(wire.baseUrl, change.messageId), operations)]),
    ...(isReader ? counts() : []),
  ];
}
