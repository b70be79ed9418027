import { randomUUID } from "node:crypto";
import {
  ChangeParts,
  DeleteMessage,
  GetMessage,
  HideMessage,
  ListMessages,
  type Part,
  type PartRef,
  type PartsChange,
  type PayloadOf,
  RecordMessageReceipt,
  ScheduleMessages,
  SearchMessages,
  SendMessage,
  type UserMessage,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { lookThrough } from "./look-through.ts";
import {
  asUserMessage,
  type ConversationPeer,
  type ConversationRow,
  type MessageRow,
  messagesOf,
  refusalOf,
  standingOf,
  stateOf,
} from "./conversation-rows.ts";

export const messageContracts = [
  SendMessage,
  ScheduleMessages,
  DeleteMessage,
  HideMessage,
  ChangeParts,
  RecordMessageReceipt,
  ListMessages,
  GetMessage,
  SearchMessages,
] as const;

type Draft = Pick<PayloadOf<typeof SendMessage>, "sender" | "authority" | "parts">;

/** The least of the rules: who may send where, and that content was uploaded. */
function sendRefusal(row: ConversationRow | undefined, { sender, authority, parts }: Draft): DomainError | null {
  const userId = "userId" in sender ? sender.userId : null;
  const refusal = refusalOf(row, authority === "user" ? userId : null);
  if (refusal) return refusal;
  if (authority === "participant" && userId !== null && !row?.participants.includes(userId)) {
    return new DomainError("invalid_property", { property: "sender" });
  }
  // In these tests nothing is ever uploaded but what has 7 bytes.
  const isMissing = parts.some(({ content }) => content !== null && content.size !== 7);
  return isMissing ? new DomainError("invalid_property", { property: "parts.content" }) : null;
}

const rowOf = (peer: ConversationPeer, app: string, conversationId: string): ConversationRow | undefined =>
  peer.conversations.get(`${app}/${conversationId}`);

const listOf = (peer: ConversationPeer, app: string, conversationId: string): MessageRow[] =>
  peer.messages.get(`${app}/${conversationId}`) ?? [];

/** A message and its conversation, wherever it is. */
function find(peer: ConversationPeer, app: string, messageId: string) {
  for (const row of peer.conversations.values()) {
    if (row.app !== app) continue;
    const message = listOf(peer, app, row.conversationId).find((one) => one.messageId === messageId);
    if (message) return { row, message };
  }
  return undefined;
}

export const messageCommands = (peer: ConversationPeer) => [
  on(SendMessage, async ({ app, id, payload }) => {
    const taken = find(peer, app, payload.messageId);
    if (taken?.message.by === id) return reply({ outcome: "sent" as const, message: taken.message });
    if (taken) {
      const isHere = taken.row.conversationId === payload.conversationId;
      return reply({ outcome: "in-use" as const, message: isHere ? taken.message : null });
    }
    const row = rowOf(peer, app, payload.conversationId);
    const refusal = sendRefusal(row, payload);
    if (row === undefined || refusal) return refuse(refusal ?? new DomainError("not_found"));
    row.lastPosition += 1;
    const { conversationId, messageId, sender, notification } = payload;
    const message: MessageRow = {
      conversationId,
      messageId,
      sender,
      notification,
      position: row.lastPosition,
      sentAt: Date.now(),
      parts: payload.parts.map((part) => storedPart(part, null)),
      recipients: row.participants.map((userId) => ({
        userId,
        status: "userId" in sender && sender.userId === userId ? "read" : "sent",
      })),
      updatedAt: null,
      by: id,
      hiddenFor: [],
    };
    peer.messages.set(`${app}/${conversationId}`, [...listOf(peer, app, conversationId), message]);
    return reply({ outcome: "sent" as const, message });
  }),
  on(ScheduleMessages, async ({ app, id, payload }) => {
    const row = rowOf(peer, app, payload.conversationId);
    const refusal = payload.messages.map((draft) => sendRefusal(row, draft)).find((one) => one !== null);
    if (refusal) return refuse(refusal);
    const ids = new Set(payload.messages.map(({ messageId }) => messageId));
    const taken = peer.scheduled.find(({ messages }) => messages.some(({ messageId }) => ids.has(messageId)));
    if (taken) return reply({ outcome: taken.by === id ? ("scheduled" as const) : ("in-use" as const) });
    peer.scheduled.push({ ...payload, by: id });
    return reply({ outcome: "scheduled" as const });
  }),
  on(DeleteMessage, async ({ app, payload: { conversationId, messageId, actor } }) => {
    const refusal = refusalOf(rowOf(peer, app, conversationId), actor);
    if (refusal) return refuse(refusal);
    const messages = listOf(peer, app, conversationId);
    const rest = messages.filter((one) => one.messageId !== messageId);
    if (rest.length === messages.length) return refuse(new DomainError("not_found"));
    peer.messages.set(`${app}/${conversationId}`, rest);
    return ack;
  }),
  on(HideMessage, async ({ app, payload }) => {
    const found = find(peer, app, payload.messageId);
    if (!found) return refuse(new DomainError("not_found"));
    found.message.hiddenFor.push(payload.userId);
    return ack;
  }),
  on(ChangeParts, async ({ app, payload }) => {
    const row = rowOf(peer, app, payload.conversationId);
    const refusal = refusalOf(row, null);
    if (refusal) return refuse(refusal);
    const message = listOf(peer, app, payload.conversationId).find((one) => one.messageId === payload.messageId);
    if (!message) return refuse(new DomainError("not_found"));
    const { parts, changed } = changedParts(message.parts, payload);
    if (parts instanceof DomainError) return refuse(parts);
    peer.partChanges.push(payload);
    Object.assign(message, { parts, updatedAt: payload.at });
    return reply({ message, changed });
  }),
];

const storedPart = (
  part: Omit<Part, "partId" | "updatedAt"> & { partId: string | null },
  updatedAt: number | null,
) => ({
  ...part,
  partId: part.partId ?? randomUUID(),
  updatedAt,
});

type Change = Pick<PayloadOf<typeof ChangeParts>, "change" | "maxParts" | "at">;

function changedParts(parts: readonly Part[], change: Change): { parts: Part[] | DomainError; changed: string[] } {
  const next = applied(parts, change.change, change.at);
  if (next instanceof DomainError) return { parts: next, changed: [] };
  const ids = next.map(({ partId }) => partId);
  const refusal =
    next.length === 0
      ? new DomainError("invalid_operation")
      : new Set(ids).size < ids.length
        ? new DomainError("invalid_property", { property: "parts.id" })
        : next.length > change.maxParts
          ? new DomainError("invalid_property", { property: "parts" })
          : null;
  const changed = next.filter((part) => !parts.includes(part)).map(({ partId }) => partId);
  return { parts: refusal ?? next, changed };
}

function applied(parts: readonly Part[], change: PartsChange, at: number): Part[] | DomainError {
  if (change.kind === "append") return [...parts, storedPart(change.part, at)];
  if (change.kind === "replace-all") return change.parts.map((part) => storedPart(part, at));
  const index = indexOf(parts, change.ref);
  const old = parts[index];
  if (old === undefined) return new DomainError("not_found");
  if (change.kind === "remove") return parts.filter((part) => part !== old);
  return parts.map((part) => (part === old ? storedPart({ ...change.part, partId: old.partId }, at) : part));
}

const indexOf = (parts: readonly Part[], ref: PartRef): number =>
  "index" in ref ? ref.index : parts.findIndex(({ partId }) => partId === ref.partId);

export const messageQueries = (peer: ConversationPeer) => [
  on(ListMessages, async ({ app, payload: { conversationId, viewer, after, limit } }) => {
    const row = rowOf(peer, app, conversationId);
    const about = { state: stateOf(row), standing: standingOf(row, viewer) };
    if (row === undefined || row.isDeleted || about.standing === "stranger") {
      return reply({ ...about, messages: null, total: 0 });
    }
    const all = messagesOf(peer, row, viewer).toReversed();
    const start = after === null ? 0 : all.findIndex(({ messageId }) => messageId === after) + 1;
    const messages = after !== null && start === 0 ? null : all.slice(start, start + limit);
    return reply({ ...about, messages, total: all.length });
  }),
  on(GetMessage, async ({ app, payload: { messageId, conversationId, viewer } }) => {
    const found = find(peer, app, messageId);
    const named = conversationId === null ? found?.row : rowOf(peer, app, conversationId);
    const standing = standingOf(named, viewer);
    const isThere = found && found.row === named && !found.row.isDeleted;
    // Who has left sees nothing here: what she saw before is the service's to know.
    const isSeen = standing === "participant" && !(viewer !== null && found?.message.hiddenFor.includes(viewer));
    return reply({ message: isThere && isSeen ? asUserMessage(found.message, viewer) : null, standing });
  }),
];

const placeOf = ({ sentAt: at, position, messageId }: UserMessage) => ({ at, position, messageId });

export const messageSearch = (peer: ConversationPeer) =>
  on(SearchMessages, async ({ app, payload }) => {
    const { userId, after, limit } = payload;
    const behind = [...peer.conversations.values()]
      .filter((row) => row.app === app && row.participants.includes(userId))
      .flatMap((row) => messagesOf(peer, row, userId))
      .toSorted((a, b) => b.sentAt - a.sentAt || b.position - a.position || (a.messageId < b.messageId ? -1 : 1))
      .filter(({ sentAt, position, messageId }) => {
        if (after === null || sentAt < after.at) return true;
        if (sentAt > after.at || position > after.position) return false;
        return position < after.position || messageId > after.messageId;
      });
    return reply(lookThrough(behind, payload, peer.searchedAtOnce, limit, placeOf));
  });

export const messageReceipts = (peer: ConversationPeer): Consumer =>
  consumer({
    queue: "conversation.receipts",
    handlers: [
      on(RecordMessageReceipt, async ({ app, payload }) => {
        const found = find(peer, app, payload.messageId);
        const recipient = found?.message.recipients.find(({ userId }) => userId === payload.userId);
        if (!recipient) return refuse(new DomainError("not_found"));
        if (recipient.status !== "read") recipient.status = payload.kind;
        peer.receipts.push(payload);
        return ack;
      }),
    ],
  });
