import type { ConversationRow } from "./conversation.ts";
import { isUnopened } from "./lifecycle.ts";
import { joinedBehind, type MembershipRow } from "./membership.ts";

/** The part of a conversation that somebody sees: positions above `after`, and up to `through` where that is a number. */
export interface View {
  readonly conversation: string;
  /** Messages that are hidden from her are not in it; null, the backend, sees all. */
  readonly viewer: string | null;
  readonly after: number;
  readonly through: number | null;
}

/**
 * A user's view: what she has not cleared, from where she joined if that counts, up to where she left. The conversation's list says whether she is in it, and
 * where she went with the last change, that says where she left until her own row does.
 */
export function userView(conversation: ConversationRow, { user, clearedThrough, leftAt }: MembershipRow): View {
  const { conversationId, participants, lastPosition, lastChange } = conversation;
  const leaving = lastChange?.removed.includes(user) ? lastChange.position : lastPosition;
  const through = participants.includes(user) ? null : (leftAt ?? leaving);
  const after = Math.max(clearedThrough, joinedBehind(conversation, user));
  return { conversation: conversationId, viewer: user, after, through };
}

/** What somebody sees: the backend (null) all of it, a stranger nothing (null). */
export function viewOf(
  conversation: ConversationRow,
  viewer: string | null,
  membership: MembershipRow | null,
): View | null {
  const whole = { conversation: conversation.conversationId, viewer, after: 0, through: null };
  if (viewer === null) return whole;
  if (isUnopened(conversation)) return null;
  if (membership) return userView(conversation, membership);
  // Named a moment ago, her own row is about to be written.
  return conversation.participants.includes(viewer) ? { ...whole, after: joinedBehind(conversation, viewer) } : null;
}

interface Placed {
  readonly position: number;
  readonly hiddenFor: readonly string[];
  readonly deletedAt?: number | undefined;
}

export const sees = ({ viewer, after, through }: Omit<View, "conversation">, message: Placed): boolean =>
  message.deletedAt === undefined &&
  message.position > after &&
  (through === null || message.position <= through) &&
  (viewer === null || !message.hiddenFor.includes(viewer));

/**
 * How many messages a view has: positions are dense, so it is their number without the deleted and the hidden ones among
 * them (which never overlap: what is deleted for everybody is hidden from nobody any more).
 */
export const totalOf = (
  { after, through }: View,
  counted: { readonly lastPosition: number; readonly deleted: number; readonly hidden: number },
): number => Math.max(0, (through ?? counted.lastPosition) - after - counted.deleted - counted.hidden);
