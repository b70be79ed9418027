import type { Standing } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { type ConversationRow, lastActivityOf } from "./conversation.ts";
import { isUnopened } from "./lifecycle.ts";

/** How far a command went: what it marked as read, or cleared. */
export interface Mark {
  readonly by: string;
  readonly position: number;
}

/** One user in one conversation. There is a row for whoever is or was in it; a stranger has none. */
export interface MembershipRow {
  readonly _id: string;
  readonly app: string;
  readonly user: string;
  readonly conversation: string;
  /** When the conversation was created. */
  readonly createdAt: number;
  /** When she came, the last time. */
  readonly addedAt: number;
  /** The time of the last message that she sees; before there is one, the conversation's creation. */
  readonly sortAt: number;
  /** The conversation's last position when she left; null while she is in it. */
  readonly leftAt: number | null;
  /** She cleared everything up to this position, or joined behind it where only what follows is to be seen. */
  readonly clearedThrough: number;
  /** The latest commands that cleared it, and how far. */
  readonly clearMarks: readonly Mark[];
  /** Everything up to this position counts as read by her; only marking all as read moves it. */
  readonly readThrough: number;
  /** The latest commands that moved it, and how far. */
  readonly readMarks: readonly Mark[];
  /** She cleared it, and no message has come since; or it is not open yet. */
  readonly isHidden: boolean;
  /** The conversation was deleted. */
  readonly isDeleted: boolean;
}

export const membershipKey = (app: string, userId: string, conversationId: string): string =>
  `${app}/${userId}/${conversationId}`;

/**
 * The position behind which a participant joined, where who joins later sees only what follows; 0: she sees all. Of the last
 * change only, until her own row says so.
 */
export const joinedBehind = (
  { visibleHistory, lastChange }: Pick<ConversationRow, "visibleHistory" | "lastChange">,
  userId: string,
): number => (visibleHistory === "from-joining" && lastChange?.added.includes(userId) ? lastChange.position : 0);

/** A participant's row when she comes. */
export const newMembership = (conversation: ConversationRow, userId: string, at: number): MembershipRow => ({
  _id: membershipKey(conversation.app, userId, conversation.conversationId),
  app: conversation.app,
  user: userId,
  conversation: conversation.conversationId,
  createdAt: conversation.createdAt,
  addedAt: at,
  sortAt: lastActivityOf(conversation),
  leftAt: null,
  clearedThrough: joinedBehind(conversation, userId),
  clearMarks: [],
  readThrough: 0,
  readMarks: [],
  isHidden: isUnopened(conversation),
  isDeleted: false,
});

/**
 * How a user stands to a conversation. The conversation's own list says who is in it, also between a change of it and
 * the change of the memberships that follows. In one that has not opened nobody is yet.
 */
export const standingOf = (
  conversation: Pick<ConversationRow, "participants" | "lifecycle">,
  userId: string,
  membership: MembershipRow | null,
): Standing => {
  if (isUnopened(conversation)) return "stranger";
  if (conversation.participants.includes(userId)) return "participant";
  return membership ? "left" : "stranger";
};

/** Why only a participant may do this; null for one. */
export const refusedTo = (
  conversation: Pick<ConversationRow, "participants" | "lifecycle">,
  userId: string,
  membership: MembershipRow | null,
): DomainError | null => {
  const standing = standingOf(conversation, userId, membership);
  if (standing === "participant") return null;
  return new DomainError(standing === "left" ? "access_denied" : "not_found");
};
