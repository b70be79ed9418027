import { objectUri } from "./ids.ts";
import { encodeUserId, identityUri } from "./user-ids.ts";
import { formatTime } from "./timestamps.ts";
import { formatPatchProperty } from "./patch-property.ts";

/** What one packet on a socket is about (client API 6.5). The type's spelling matters: clients choose a parser by it. */
export interface PacketObject {
  readonly type: "Conversation" | "Message" | "MessagePart" | "Announcement" | "Identity";
  readonly id: string;
  readonly url: string;
}

/** One operation of an `update` packet: Layer-Patch as the server writes it. */
export interface PacketOperation {
  readonly operation: "set" | "delete" | "add" | "remove";
  readonly property: string;
  readonly id?: string;
  readonly value?: unknown;
}

/** What the server sends, without what the connection adds: counter and timestamp. */
export interface Packet {
  readonly type: "change" | "response" | "signal" | "operation";
  readonly body: unknown;
}

export const createPacket = (object: PacketObject, data: unknown): Packet => ({
  type: "change",
  body: { operation: "create", object, data },
});

export const updatePacket = (object: PacketObject, operations: readonly PacketOperation[]): Packet => ({
  type: "change",
  body: { operation: "update", object, data: operations },
});

/** `data` of a conversation or a message says in which mode; of an identity it is null (client API 6.5). */
export const deletePacket = (object: PacketObject, data: unknown): Packet => ({
  type: "change",
  body: { operation: "delete", object, data },
});

/** Every cached message up to `position` is read by this user (client API 6.6). */
export const markAllReadPacket = (object: PacketObject, position: number, userId: string): Packet => ({
  type: "operation",
  body: {
    method: "Conversation.mark_all_read",
    object,
    data: { position, identity: { id: identityUri(userId), user_id: userId } },
  },
});

export const setValue = (property: string, value: unknown): PacketOperation => ({ operation: "set", property, value });

/** An object by its id, and itself for who lacks it: by its id alone clients would store nothing (client API 6.5). */
export const setObject = (property: string, id: string, value: unknown): PacketOperation => ({
  operation: "set",
  property,
  id,
  value,
});

/** The dots of a user's id are escaped, since the path has dots of its own. */
export const recipientStatusPath = (userId: string): string =>
  formatPatchProperty(["recipient_status", identityUri(userId)]);

/** The other kinds of objects that sockets tell of, in the Client API's own URLs. */
export const conversationObject = (baseUrl: string, conversationId: string): PacketObject =>
  ofKind("Conversation", "conversations", baseUrl, conversationId);
export const messageObject = (baseUrl: string, messageId: string): PacketObject =>
  ofKind("Message", "messages", baseUrl, messageId);
export const announcementObject = (baseUrl: string, announcementId: string): PacketObject =>
  ofKind("Announcement", "announcements", baseUrl, announcementId);
export const identityObject = (baseUrl: string, userId: string): PacketObject => ({
  type: "Identity",
  id: identityUri(userId),
  url: `${baseUrl}/identities/${encodeUserId(userId)}`,
});

const ofKind = (
  type: PacketObject["type"],
  kind: "conversations" | "messages" | "announcements",
  baseUrl: string,
  uuid: string,
): PacketObject => ({ type, id: objectUri(kind, uuid), url: `${baseUrl}/${kind}/${uuid}` });

/** What a user is seen to be. `invisible` is her own view of herself; others see `offline` (client API 6.8). */
export const PRESENCE_STATUSES = ["available", "busy", "away", "invisible", "offline"] as const;
export type PresenceStatus = (typeof PRESENCE_STATUSES)[number];

/** Dotted paths: setting the whole of `presence` passes by the clients' own names (client API 6.8). */
export const presencePacket = (
  baseUrl: string,
  userId: string,
  { status, lastSeenAt }: { readonly status: PresenceStatus; readonly lastSeenAt: number | null },
): Packet =>
  updatePacket(identityObject(baseUrl, userId), [
    setValue("presence.status", status),
    setValue("presence.last_seen_at", lastSeenAt === null ? null : formatTime(lastSeenAt)),
  ]);
