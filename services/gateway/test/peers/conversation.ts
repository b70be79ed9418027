import {
  CancelConversationSchedule,
  ChangeConversation,
  ChangeConversationSchedule,
  ClearConversation,
  type Conversation,
  type ConversationChange,
  CreateConversation,
  DeleteConversation,
  GetConversation,
  GetUserConversation,
  ListUserConversations,
  MarkAllRead,
  type Metadata,
  type UserConversation,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import {
  type ConversationPeer,
  type ConversationRow,
  messagesOf,
  refusalOf,
  standingOf,
  stateOf,
} from "./conversation-rows.ts";
import { governanceCommands, governanceContracts, governanceQueries } from "./conversation-governance.ts";
import { lifecycleOf, scheduleCommands } from "./conversation-schedules.ts";
import { messageCommands, messageContracts, messageQueries, messageReceipts, messageSearch } from "./messages.ts";

export type { ConversationPeer } from "./conversation-rows.ts";

export const conversationContracts = [
  CreateConversation,
  ChangeConversation,
  ChangeConversationSchedule,
  CancelConversationSchedule,
  DeleteConversation,
  ClearConversation,
  MarkAllRead,
  GetConversation,
  GetUserConversation,
  ListUserConversations,
  ...governanceContracts,
  ...messageContracts,
] as const;

export function conversationPeer(): { peer: ConversationPeer; rows: readonly Consumer[] } {
  const peer: ConversationPeer = {
    conversations: new Map(),
    scheduleChanges: [],
    acts: [],
    changes: [],
    deleted: [],
    cleared: [],
    marked: [],
    messages: new Map(),
    scheduled: [],
    receipts: [],
    partChanges: [],
    searchedAtOnce: 1_000,
  };
  const rowOf = (app: string, conversationId: string) => peer.conversations.get(`${app}/${conversationId}`);
  const userConversation = (row: ConversationRow, userId: string): UserConversation => {
    const messages = messagesOf(peer, row, userId);
    return {
      ...row,
      participants: row.participants.includes(userId) ? row.participants : [],
      lastMessage: messages.at(-1) ?? null,
      unreadCount: messages.filter(({ isUnread }) => isUnread).length,
      messageCount: messages.length,
    };
  };

  const rows = [
    consumer({
      queue: "conversation.conversations",
      handlers: [
        on(CreateConversation, async ({ app, id, payload }) => {
          const { conversationId, participants, distinct, metadata, terms, roles } = payload;
          const taken = rowOf(app, conversationId);
          if (taken) return reply(outcome(taken.by === id ? "created" : "in-use", taken));
          const found = [...peer.conversations.values()].find(
            (row) =>
              row.app === app &&
              distinct &&
              row.distinct &&
              !row.isDeleted &&
              isSameSet(row.participants, participants),
          );
          if (found) {
            const isAgreed = metadata === null || JSON.stringify(metadata) === JSON.stringify(found.metadata);
            return reply(outcome(isAgreed ? "found" : "conflict", found));
          }
          const row: ConversationRow = {
            app,
            conversationId,
            participants,
            distinct,
            metadata: metadata ?? {},
            createdAt: Date.now(),
            version: 1,
            lastPosition: 0,
            by: id,
            left: [],
            isDeleted: false,
            ...(roles ? { roles } : {}),
            ...(terms ? { terms, lifecycle: lifecycleOf(terms), visibleHistory: terms.visibleHistory } : {}),
          };
          peer.conversations.set(`${app}/${conversationId}`, row);
          return reply(outcome("created", row));
        }),
        on(ChangeConversation, async ({ app, payload }) => {
          const row = rowOf(app, payload.conversationId);
          const refusal = refusalOf(row, payload.actor);
          if (row === undefined || refusal) return refuse(refusal ?? new DomainError("not_found"));
          const changed = payload.changes.reduce(applyChange, row);
          if (changed.participants.length > payload.limits.maxParticipants) {
            return refuse(new DomainError("invalid_property", { property: "participants" }));
          }
          peer.changes.push(payload);
          const left = [...row.left, ...row.participants].filter((one) => !changed.participants.includes(one));
          peer.conversations.set(`${app}/${payload.conversationId}`, { ...row, ...changed, left });
          return reply(changed);
        }),
        on(DeleteConversation, async ({ app, payload }) => {
          const row = rowOf(app, payload.conversationId);
          const refusal = refusalOf(row, payload.actor);
          if (row === undefined || (refusal && refusal.code !== "object_deleted")) {
            return refuse(refusal ?? new DomainError("not_found"));
          }
          row.isDeleted = true;
          peer.deleted.push(payload);
          return ack;
        }),
        on(ClearConversation, async ({ app, payload }) => {
          if (standingOf(rowOf(app, payload.conversationId), payload.userId) === "stranger") {
            return refuse(new DomainError("not_found"));
          }
          peer.cleared.push(payload);
          return ack;
        }),
        on(MarkAllRead, async ({ app, payload }) => {
          const row = rowOf(app, payload.conversationId);
          const refusal = refusalOf(row, payload.userId);
          if (row === undefined || refusal) return refuse(refusal ?? new DomainError("not_found"));
          peer.marked.push(payload);
          return reply({ position: payload.position ?? row.lastPosition });
        }),
        ...scheduleCommands(peer),
        ...governanceCommands(peer),
        ...messageCommands(peer),
      ],
    }),
    consumer({
      queue: "conversation.queries",
      handlers: [
        ...messageQueries(peer),
        messageSearch(peer),
        ...governanceQueries(peer),
        on(GetConversation, async ({ app, payload }) => {
          const row = rowOf(app, payload.conversationId);
          return reply({ state: stateOf(row), conversation: row && !row.isDeleted ? row : null });
        }),
        on(GetUserConversation, async ({ app, payload: { conversationId, userId } }) => {
          const row = rowOf(app, conversationId);
          const standing = standingOf(row, userId);
          const isShown = row && !row.isDeleted && standing !== "stranger";
          return reply({ state: stateOf(row), standing, conversation: isShown ? userConversation(row, userId) : null });
        }),
        on(ListUserConversations, async ({ app, payload: { userId, order, after, limit } }) => {
          const own = [...peer.conversations.values()]
            .filter((row) => row.app === app && !row.isDeleted && standingOf(row, userId) !== "stranger")
            .map((row) => userConversation(row, userId))
            .toReversed();
          if (order === "last_message") own.sort((a, b) => lastMoved(b) - lastMoved(a));
          const start = after === null ? 0 : own.findIndex((one) => one.conversationId === after) + 1;
          if (after !== null && start === 0) return reply({ conversations: null, total: own.length });
          return reply({ conversations: own.slice(start, start + limit), total: own.length });
        }),
      ],
    }),
  ];
  return { peer, rows: [...rows, messageReceipts(peer)] };
}

const outcome = (word: "created" | "found" | "conflict" | "in-use", row: ConversationRow) => ({
  outcome: word,
  conversation: row.isDeleted ? null : row,
});

const isSameSet = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify(a.toSorted()) === JSON.stringify(b.toSorted());

const lastMoved = ({ lastMessage, createdAt }: UserConversation): number => lastMessage?.sentAt ?? createdAt;

function applyChange(conversation: Conversation, change: ConversationChange): Conversation {
  const { participants, metadata } = conversation;
  switch (change.kind) {
    case "add-participant":
      return { ...conversation, participants: [...new Set([...participants, change.userId])] };
    case "remove-participant":
      return { ...conversation, participants: participants.filter((userId) => userId !== change.userId) };
    case "set-participants":
      return { ...conversation, participants: change.userIds };
    case "set-metadata":
      return { ...conversation, metadata: withMetadata(metadata, change.path, change.value) };
    default:
      return { ...conversation, metadata: change.path.length === 0 ? {} : without(metadata, change.path[0] ?? "") };
  }
}

function withMetadata(metadata: Metadata, [key, ...path]: readonly string[], value: string | Metadata): Metadata {
  if (key === undefined) return typeof value === "string" ? metadata : value;
  const child = metadata[key];
  const below = typeof child === "object" ? child : {};
  return { ...metadata, [key]: path.length === 0 ? value : withMetadata(below, path, value) };
}

const without = (metadata: Metadata, key: string): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key));
