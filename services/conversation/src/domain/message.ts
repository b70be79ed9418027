import {
  HistoryEntry,
  type MessageCreated,
  Millis,
  Notification,
  Part,
  type PayloadOf,
  Position,
  RuleHit,
  Sender,
  type SendMessage,
} from "@strata/contracts";
import { identityUri } from "@strata/layer-protocol";
import { z } from "zod";
import { withPartIds } from "./parts.ts";
import { withInitialAnswers } from "./responses.ts";
import { searchTokensOf } from "./search-tokens.ts";

/** That a user got or read a message, and the command that said so. */
const ReceiptEntry = z.object({ user: z.string(), at: Millis, by: z.string() });

/** One change of parts, remembered so that a redelivered command finds what it did. */
export const RememberedChange = z.object({
  by: z.string(),
  at: Millis,
  version: z.number().int(),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
  /** Who made it; null: the backend. */
  actor: z.string().nullable().default(null),
  /** What the app's policy found in it. */
  hits: z.array(RuleHit).default([]),
});
export type RememberedChange = z.infer<typeof RememberedChange>;

/**
 * A message with everything that is true of it: who was in the conversation, who may not see it, who has not read it,
 * and who got and read it when. One document, so that all of it changes in one step, and a page of messages is one find.
 */
export const MessageRow = z.object({
  /** `<app>/<message id>` */
  _id: z.string(),
  app: z.string(),
  conversation: z.string(),
  messageId: z.string(),
  position: Position,
  sentAt: Millis,
  sender: Sender,
  parts: z.array(Part),
  /** By what it is found; messages older than the search have none. */
  tokens: z.array(z.string()).default([]),
  stems: z.array(z.string()).default([]),
  notification: Notification.nullable(),
  /** Participants when it was sent, the sender included. */
  recipients: z.array(z.string()),
  /** Who blocked the sender when it was sent, and who deleted it for herself since. */
  hiddenFor: z.array(z.string()),
  /** Of `hiddenFor`, those who deleted it for themselves. */
  hides: z.array(ReceiptEntry),
  /** Decisions of the app's moderation that hide it, also from who comes in later. */
  moderatedBy: z.array(z.string()).optional(),
  /** Recipients other than the sender who may see it and have not read it. Reading takes one out in the same step. */
  unread: z.array(z.string()),
  delivered: z.array(ReceiptEntry),
  read: z.array(ReceiptEntry),
  /** When a part was changed last. */
  updatedAt: Millis.nullable(),
  /** Goes up with every change of parts. */
  version: z.number().int(),
  /** The latest changes of parts, as many as may come again. */
  changes: z.array(RememberedChange),
  /** The command that sent it. */
  by: z.string(),
  /** What the app's policy found in it when it was placed. */
  hits: z.array(RuleHit).default([]),
  /** What happened to it since, the latest of it. */
  history: z.array(HistoryEntry).default([]),
  /** Deleted for everybody: a tombstone, which keeps its position and its id. */
  deletedAt: Millis.optional(),
  deletedBy: z.string().optional(),
});
export type MessageRow = z.infer<typeof MessageRow>;

/** What a view is made of: all but what only commands and pushes ask for. */
export const ViewedMessage = MessageRow.omit({
  notification: true,
  hides: true,
  changes: true,
  tokens: true,
  stems: true,
  hits: true,
  history: true,
});
export type ViewedMessage = z.infer<typeof ViewedMessage>;

/** What is read of a message for a page: nothing that says who sees it, since the page has only what its viewer sees. */
export const ListedMessage = MessageRow.pick({
  messageId: true,
  conversation: true,
  position: true,
  sentAt: true,
  sender: true,
  parts: true,
  recipients: true,
  unread: true,
  delivered: true,
  read: true,
  updatedAt: true,
});
export type ListedMessage = z.infer<typeof ListedMessage>;

export const messageKey = (app: string, messageId: string): string => `${app}/${messageId}`;

export const senderUser = (sender: Sender): string | null => ("userId" in sender ? sender.userId : null);

/** The row of a message that is being sent. */
export function newMessage(
  command: { readonly app: string; readonly id: string; readonly payload: PayloadOf<typeof SendMessage> },
  place: {
    readonly position: number;
    readonly sentAt: number;
    readonly participants: readonly string[];
    readonly blockers: readonly string[];
    readonly hits?: readonly RuleHit[];
  },
): MessageRow {
  const { app, id, payload } = command;
  const { messageId, conversationId, sender, parts, notification } = payload;
  const user = senderUser(sender);
  const recipients = [...place.participants];
  const hiddenFor = place.blockers.filter((blocker) => blocker !== user);
  const hidden = new Set(hiddenFor);
  const answered = withInitialAnswers(withPartIds(parts, id, null), {
    identityId: user === null ? null : identityUri(user),
    isTrusted: payload.authority === "backend",
    command: id,
  });
  return {
    _id: messageKey(app, messageId),
    app,
    conversation: conversationId,
    messageId,
    position: place.position,
    sentAt: place.sentAt,
    sender,
    parts: answered,
    ...searchTokensOf(parts),
    notification,
    recipients,
    hiddenFor,
    hides: [],
    unread: recipients.filter((recipient) => recipient !== user && !hidden.has(recipient)),
    delivered: [],
    read: [],
    updatedAt: null,
    version: 1,
    changes: [],
    by: id,
    hits: [...(place.hits ?? [])],
    history: [],
  };
}

/** What happened to a message, oldest first. */
export const historyOf = ({ sentAt, sender, hits, history }: MessageRow): HistoryEntry[] => [
  { kind: "placed", at: sentAt, by: sender, hits },
  ...history,
];

/** Who of the recipients saw it come: all but those who blocked the sender then. The same however late it is asked. */
export function audienceOf({ recipients, hiddenFor, hides }: MessageRow): readonly string[] {
  const blockers = new Set(hiddenFor);
  for (const { user } of hides) blockers.delete(user);
  return recipients.filter((recipient) => !blockers.has(recipient));
}

/** The event of a message, also when it is published again after others have read or hidden it. */
export function messageCreated(row: MessageRow): PayloadOf<typeof MessageCreated> {
  const user = senderUser(row.sender);
  return {
    conversationId: row.conversation,
    messageId: row.messageId,
    position: row.position,
    sentAt: row.sentAt,
    sender: row.sender,
    recipients: audienceOf(row).filter((recipient) => recipient !== user),
    hasNotification: row.notification !== null,
  };
}
