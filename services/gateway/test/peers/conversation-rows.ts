import type {
  Ban,
  ChangeConversation,
  ChangeConversationSchedule,
  ChangeParts,
  ClearConversation,
  Conversation,
  ConversationState,
  ConversationTerms,
  DeleteConversation,
  GovernConversation,
  MarkAllRead,
  Message,
  Mute,
  Notification,
  PayloadOf,
  RecordMessageReceipt,
  ScheduleMessages,
  Standing,
  UserMessage,
} from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import type { z } from "zod";

export type ConversationRow = Conversation & {
  readonly app: string;
  readonly by: string;
  /** What it was asked to do by itself. */
  readonly terms?: ConversationTerms;
  readonly mutes?: ReadonlyMap<string, Mute>;
  readonly bans?: ReadonlyMap<string, Ban>;
  left: string[];
  isDeleted: boolean;
};

export type MessageRow = Message & {
  readonly by: string;
  /** What was sent with it. */
  readonly notification: Notification | null;
  /** Users who deleted it for themselves. */
  hiddenFor: string[];
};

/** What the gateway sees of the conversation service, kept in memory: the protocol is the real one, the rules are few. */
export interface ConversationPeer {
  /** By `<app>/<conversation>`. */
  readonly conversations: Map<string, ConversationRow>;
  /** Of their schedules. */
  readonly scheduleChanges: PayloadOf<typeof ChangeConversationSchedule>[];
  /** Of who governs, in the order in which they came. */
  readonly acts: PayloadOf<typeof GovernConversation>[];
  /** In the order in which they came. */
  readonly changes: PayloadOf<typeof ChangeConversation>[];
  readonly deleted: PayloadOf<typeof DeleteConversation>[];
  readonly cleared: PayloadOf<typeof ClearConversation>[];
  readonly marked: PayloadOf<typeof MarkAllRead>[];
  /** Oldest first, by `<app>/<conversation>`. */
  readonly messages: Map<string, MessageRow[]>;
  /** Messages for later, in the order in which they came, and which command brought them. */
  readonly scheduled: (PayloadOf<typeof ScheduleMessages> & { readonly by: string })[];
  readonly receipts: PayloadOf<typeof RecordMessageReceipt>[];
  /** How parts were changed, in the order in which they came. */
  readonly partChanges: PayloadOf<typeof ChangeParts>[];
  /** How many messages one answer of a search looks at. */
  searchedAtOnce: number;
}

type State = z.infer<typeof ConversationState>;

export const stateOf = (row: ConversationRow | undefined): State =>
  row === undefined ? "absent" : row.isDeleted ? "deleted" : "present";

export const standingOf = (row: ConversationRow | undefined, userId: string | null): Standing => {
  if (userId === null || row?.participants.includes(userId)) return "participant";
  return row?.left.includes(userId) ? "left" : "stranger";
};

/** The refusal of what an actor may not do, if she may not. */
export function refusalOf(row: ConversationRow | undefined, actor: string | null): DomainError | null {
  const standing = standingOf(row, actor);
  if (row === undefined || standing === "stranger") return new DomainError("not_found");
  if (row.isDeleted) return new DomainError("object_deleted");
  return standing === "left" ? new DomainError("access_denied") : null;
}

/** As `userId` has it: she has read it once `recipients` says so. */
export const asUserMessage = (message: Message, userId: string | null): UserMessage => ({
  ...message,
  isUnread: message.recipients.some((one) => one.userId === userId && one.status !== "read"),
  receivedAt: userId === null ? null : message.sentAt,
});

/** Of a conversation, oldest first, that `viewer` sees. */
export const messagesOf = (peer: ConversationPeer, row: ConversationRow, viewer: string | null): UserMessage[] =>
  (peer.messages.get(`${row.app}/${row.conversationId}`) ?? [])
    .filter(({ hiddenFor }) => viewer === null || !hiddenFor.includes(viewer))
    .map((message) => asUserMessage(message, viewer));
