import type { BeforeSend, PayloadOf, SendMessage } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { type Heard, missingContent, muteRefusal, present, senderRefusal, sendingUser } from "./access.ts";
import { conversationKey, type ConversationRow } from "./conversation.ts";
import { unanswered } from "./before-send.ts";
import { type Judgement, messageRefused } from "./message-policy.ts";
import { membershipKey, type MembershipRow } from "./membership.ts";
import { audienceOf, messageKey, type MessageRow, newMessage, senderUser } from "./message.ts";

/** A command as a group brings it. */
export interface Sending {
  readonly id: string;
  readonly app: string;
  readonly payload: PayloadOf<typeof SendMessage>;
}

/** What is known when a group is placed. */
export interface Known {
  readonly conversations: ReadonlyMap<string, ConversationRow>;
  /** Messages that have the ids of this group already. */
  readonly stored: ReadonlyMap<string, MessageRow>;
  /** By the key of a message, the command that is to send it for a schedule. */
  readonly scheduled: ReadonlyMap<string, string>;
  /** Positions that the index has taken, where a conversation's own `lastPosition` is not to be relied on. */
  readonly highest: ReadonlyMap<string, number>;
  /** Memberships of senders who are no participants, by key. */
  readonly formerMembers: ReadonlyMap<string, MembershipRow>;
  /** Commands that refer to content which is not there. */
  readonly lackingContent: ReadonlySet<string>;
  /** By `audienceKey`. */
  readonly heard: ReadonlyMap<string, Heard>;
  /** What its app's policy makes of a message, by its command; none: it has none to say. */
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly now: number;
}

export type Verdict =
  /** `judgement`: the app's policy refuses it, and nothing else does. */
  | { readonly kind: "refused"; readonly error: DomainError; readonly judgement?: Judgement }
  /** Another command has the id; null when its message is not this conversation's, or gone. */
  | { readonly kind: "in-use"; readonly row: MessageRow | null }
  /** It would be sent, but the app's backend is to be asked about it first. */
  | { readonly kind: "ask"; readonly beforeSend: BeforeSend }
  /** This command's own, found or to be inserted. */
  | { readonly kind: "sent"; readonly row: MessageRow; readonly isNew: boolean };

export const conversationOfSending = ({ app, payload }: Sending): string =>
  conversationKey(app, payload.conversationId);
export const messageOfSending = ({ app, payload }: Sending): string => messageKey(app, payload.messageId);

/** Who blocks a sender is asked once per conversation and sender. */
export const audienceKey = (sending: Sending): string =>
  `${conversationOfSending(sending)}/${senderUser(sending.payload.sender) ?? ""}`;

/**
 * Says of each command of a group, in order, what becomes of it, and gives new messages the next positions of their
 * conversations. A command whose message is there already is itself come again, whatever else has changed meanwhile.
 */
export function placeMessages(sendings: readonly Sending[], known: Known): readonly Verdict[] {
  const messages = new Map(known.stored);
  const ends = endsOf(known);
  return sendings.map((sending): Verdict => {
    const existing = messages.get(messageOfSending(sending));
    if (existing?.by === sending.id) return { kind: "sent", row: existing, isNew: false };
    const conversation = present(
      sending.payload.conversationId,
      known.conversations.get(conversationOfSending(sending)),
      sendingUser(sending.payload),
    );
    if (conversation instanceof DomainError) return { kind: "refused", error: conversation };
    const error = senderError(sending, conversation, known);
    if (error) return { kind: "refused", error };
    if (existing) return { kind: "in-use", row: shownInUse(existing, sending) };
    if (isForeign(known.scheduled.get(messageOfSending(sending)), sending)) return { kind: "in-use", row: null };
    if (known.lackingContent.has(sending.id)) return { kind: "refused", error: missingContent() };
    const judgement = known.judgements.get(sending.id);
    if (judgement && judgement.refusedBy !== null) {
      return { kind: "refused", error: messageRefused(judgement.refusedBy), judgement };
    }
    if (judgement?.isUnanswered === true) return { kind: "refused", error: unanswered() };
    if (judgement?.asks) return { kind: "ask", beforeSend: judgement.asks };

    const end = ends.get(conversation._id) ?? endOf(conversation);
    const row = newMessage(asJudged(sending, judgement), {
      position: end.position + 1,
      sentAt: Math.max(known.now, end.at),
      participants: conversation.participants,
      blockers: known.heard.get(audienceKey(sending))?.blockers ?? [],
      ...(judgement && { hits: judgement.hits }),
    });
    ends.set(conversation._id, { position: row.position, at: row.sentAt });
    messages.set(row._id, row);
    return { kind: "sent", row, isNew: true };
  });
}

/** A message with what its app's policy leaves of it. */
const asJudged = (sending: Sending, judgement: Judgement | undefined): Sending =>
  judgement
    ? {
        ...sending,
        payload: { ...sending.payload, parts: [...judgement.parts], notification: judgement.notification },
      }
    : sending;

/** Whether a schedule means to send this message by another command than this one. */
const isForeign = (scheduled: string | undefined, { id }: Sending): boolean =>
  scheduled !== undefined && scheduled !== id;

interface End {
  readonly position: number;
  readonly at: number;
}

const endOf = ({ lastPosition, lastMessageAt }: ConversationRow): End => ({
  position: lastPosition,
  at: lastMessageAt ?? 0,
});

/** Where conversations end: a death may have come between a message and the mark that its conversation has it. */
function endsOf({ conversations, stored, highest }: Known): Map<string, End> {
  const ends = new Map([...conversations].map(([key, conversation]) => [key, endOf(conversation)]));
  const raise = (key: string, position: number, at: number): void => {
    const end = ends.get(key);
    if (end && position > end.position) ends.set(key, { position, at: Math.max(at, end.at) });
  };
  for (const { app, conversation, position, sentAt } of stored.values()) {
    raise(conversationKey(app, conversation), position, sentAt);
  }
  for (const [key, position] of highest) raise(key, position, 0);
  return ends;
}

function senderError(sending: Sending, conversation: ConversationRow, { formerMembers, heard, now }: Known) {
  const { app, payload } = sending;
  const key = membershipKey(app, senderUser(payload.sender) ?? "", conversation.conversationId);
  return (
    senderRefusal(payload, conversation, formerMembers.get(key) ?? null, now) ??
    muteRefusal(payload, heard.get(audienceKey(sending))?.mutedUntil ?? null, now)
  );
}

const shownInUse = (row: MessageRow, { payload }: Sending): MessageRow | null =>
  row.conversation === payload.conversationId && row.deletedAt === undefined ? row : null;

/** The newest message of each conversation of a group. */
export function newestOf(rows: readonly MessageRow[]): readonly MessageRow[] {
  const newest = new Map<string, MessageRow>();
  for (const row of rows) {
    const key = conversationKey(row.app, row.conversation);
    if ((newest.get(key)?.position ?? 0) < row.position) newest.set(key, row);
  }
  return [...newest.values()];
}

interface Seen {
  readonly app: string;
  readonly conversationId: string;
  readonly userIds: readonly string[];
  readonly position: number;
  readonly at: number;
}

/** Who saw which message last: one entry for each last message, mostly one for each conversation. */
export function lastSeen(rows: readonly MessageRow[]): readonly Seen[] {
  return [...Map.groupBy(rows, ({ app, conversation }) => conversationKey(app, conversation)).values()].flatMap(
    (some) => {
      const [first] = some;
      if (!first) return [];
      const newest = new Map<string, MessageRow>();
      for (const row of some.toSorted((a, b) => a.position - b.position)) {
        for (const user of audienceOf(row)) newest.set(user, row);
      }
      return [...Map.groupBy(newest, ([, row]) => row)].map(([{ position, sentAt }, users]) => ({
        app: first.app,
        conversationId: first.conversation,
        userIds: users.map(([user]) => user),
        position,
        at: sentAt,
      }));
    },
  );
}
