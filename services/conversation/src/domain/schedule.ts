import {
  Authority,
  Millis,
  NewPart,
  Notification,
  type PayloadOf,
  type ScheduleMessages,
  Sender,
} from "@strata/contracts";
import type { SendMessage } from "@strata/contracts";
import { z } from "zod";
import type { ConversationRow } from "./conversation.ts";
import { type MessageRow, senderUser } from "./message.ts";

const ScheduledMessage = z.object({
  messageId: z.string(),
  sender: Sender,
  authority: Authority,
  parts: z.array(NewPart),
  notification: Notification.nullable(),
  delayMs: z.number().int(),
  typingMs: z.number().int(),
});

/**
 * Messages that are to be sent one after the other. The row is the truth: whoever finds it due may take it on, and it
 * moves on only when what was due has happened.
 */
export const ScheduleRow = z.object({
  /** `<app>/<command id>` */
  _id: z.string(),
  app: z.string(),
  conversation: z.string(),
  /** The command that made it; the commands it sends are named after it, so that none of them happens twice. */
  by: z.string(),
  /** When it was asked for; rows of an older version do not say. */
  at: Millis.optional(),
  messages: z.array(ScheduledMessage),
  /** Their ids, which stay when it is done with: no other schedule may have one of them. */
  messageIds: z.array(z.string()),
  /** Which of them is next. */
  next: z.number().int(),
  /** When that one is to be sent. */
  sendAt: Millis,
  /** Its sender is still to be shown typing. */
  isTypingDue: z.boolean(),
  /** When something is to be done, and while somebody is doing it, the end of the lease; null: nothing ever again. */
  dueAt: Millis.nullable(),
  /** Who may move it on: the one who claimed it last. */
  holder: z.string(),
  /** When it was done with; it goes some time after that. */
  endedAt: z.date().nullable(),
});
export type ScheduleRow = z.infer<typeof ScheduleRow>;

/** The fields that one step changes. */
export type ScheduleProgress = Pick<ScheduleRow, "next" | "sendAt" | "isTypingDue" | "dueAt">;

/** Lateness that is put right with the next message; what comes later than that moves all that follow. */
const SLACK_MS = 1_000;

type Draft = PayloadOf<typeof ScheduleMessages>["messages"][number];

/**
 * A sender who is in the conversation now must still be in it when his message is due, in whoever's name it was
 * scheduled.
 */
const bound = (draft: Draft, { participants }: ConversationRow): Draft => {
  const user = senderUser(draft.sender);
  const isParticipant = user !== null && participants.includes(user);
  return draft.authority === "backend" && isParticipant ? { ...draft, authority: "participant" } : draft;
};

export const scheduleKey = (app: string, command: string): string => `${app}/${command}`;

/** The id of the command that sends the nth message of a schedule. */
export const sendingId = (command: string, index: number): string => `${command}.${index}`;

/** Whether a message of one of its ids is this schedule's own. */
export const isOfSchedule = ({ by, messages }: ScheduleRow, message: Pick<MessageRow, "by">): boolean =>
  messages.some((_, index) => message.by === sendingId(by, index));

export function newSchedule(
  {
    app,
    id,
    payload,
  }: { readonly app: string; readonly id: string; readonly payload: PayloadOf<typeof ScheduleMessages> },
  conversation: ConversationRow,
): ScheduleRow {
  const messages = payload.messages.map((draft) => bound(draft, conversation));
  return {
    _id: scheduleKey(app, id),
    app,
    conversation: payload.conversationId,
    by: id,
    at: payload.at,
    messages,
    messageIds: messages.map(({ messageId }) => messageId),
    ...waitFor(messages, 0, payload.at),
    holder: "",
    endedAt: null,
  };
}

/** What waiting for the nth message means, the one before having been sent at `from`. */
function waitFor(messages: ScheduleRow["messages"], next: number, from: number): ScheduleProgress {
  const message = messages[next];
  if (!message) return { next, sendAt: from, isTypingDue: false, dueAt: null };
  const sendAt = from + message.delayMs;
  const typingMs = Math.min(message.typingMs, message.delayMs);
  return { next, sendAt, isTypingDue: typingMs > 0, dueAt: sendAt - typingMs };
}

/** After its sender was shown typing. */
export const afterTyping = ({ next, sendAt }: ScheduleRow): ScheduleProgress => ({
  next,
  sendAt,
  isTypingDue: false,
  dueAt: sendAt,
});

/** After the next message was sent, or dropped, at `now`. */
export const afterMessage = ({ messages, next, sendAt }: ScheduleRow, now: number): ScheduleProgress =>
  waitFor(messages, next + 1, Math.max(sendAt, now - SLACK_MS));

/** With nothing to come any more. */
export const ended = ({ messages, sendAt }: ScheduleRow): ScheduleProgress =>
  waitFor(messages, messages.length, sendAt);

/** The command that sends the next message; the same each time it is made. */
export function nextSending({ by, conversation, messages, next }: ScheduleRow) {
  const message = messages[next];
  if (!message) return null;
  const { messageId, sender, authority, parts, notification, typingMs } = message;
  const payload: PayloadOf<typeof SendMessage> = {
    conversationId: conversation,
    messageId,
    sender,
    authority,
    parts,
    notification,
  };
  return { id: sendingId(by, next), payload, typingMs };
}
