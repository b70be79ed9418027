import { type ConversationRecord, type ConversationRecordKind, RefusedMessage } from "@strata/contracts";
import { z } from "zod";
import type { ConversationRow } from "./conversation.ts";
import { imposedBy, muteOf, roleOf } from "./governance.ts";
import { InviteRow } from "./invite.ts";
import { MessageRow, senderUser } from "./message.ts";
import { ScheduleRow } from "./schedule.ts";

export const RecordedMembership = z.object({
  user: z.string(),
  conversation: z.string(),
  addedAt: z.number(),
  leftAt: z.number().nullable(),
  isHidden: z.boolean(),
  isDeleted: z.boolean(),
});

const RecordedBan = z.object({
  conversation: z.string(),
  userId: z.string(),
  reason: z.string().nullable(),
  at: z.number(),
  expiresAt: z.number().nullable(),
});
const RecordedRule = z.object({ ruleId: z.string(), conversationId: z.string().nullable(), at: z.number() });

/** Her time in a conversation, and what she may do there. */
export const membershipRecord = (
  row: z.infer<typeof RecordedMembership>,
  conversation: ConversationRow | null,
  now: number,
): ConversationRecord => ({
  type: "membership",
  conversationId: row.conversation,
  addedAt: row.addedAt,
  hasLeft: row.leftAt !== null,
  isHidden: row.isHidden,
  isDeleted: row.isDeleted,
  role: conversation && roleOf(conversation, row.user),
  isMuted: conversation !== null && muteOf(conversation, row.user, now) !== null,
});

/** What she has imposed on others there. */
export function imposedRecords(userId: string, conversation: ConversationRow | null): ConversationRecord[] {
  if (!conversation) return [];
  const { conversationId } = conversation;
  return imposedBy(conversation.governance, userId).map(({ reason, at, ...imposed }) =>
    "userId" in imposed
      ? { type: "mute_imposed", conversationId, userId: imposed.userId, reason, at, until: imposed.until }
      : { type: "freeze_imposed", conversationId, reason, at },
  );
}

/** A stored row as her export has it: without what others wrote, such as why she was banned. */
export function recordsOf(
  kind: Exclude<ConversationRecordKind, "membership">,
  row: unknown,
  userId: string,
): ConversationRecord[] {
  if (kind === "message_scheduled") return scheduledOf(row, userId);
  return [recordOf(kind, row)];
}

function recordOf(
  kind: Exclude<ConversationRecordKind, "membership" | "message_scheduled">,
  row: unknown,
): ConversationRecord {
  if (kind === "message_sent") {
    const { messageId, conversation, sentAt, parts } = MessageRow.parse(row);
    return { type: kind, messageId, conversationId: conversation, sentAt, parts };
  }
  if (kind === "ban") {
    const { conversation, at, expiresAt } = RecordedBan.parse(row);
    return { type: kind, conversationId: conversation, at, expiresAt };
  }
  if (kind === "ban_imposed") {
    const { conversation, userId, reason, at, expiresAt } = RecordedBan.parse(row);
    return { type: kind, conversationId: conversation, userId, reason, at, expiresAt };
  }
  if (kind === "membership_rule") return { type: kind, ...RecordedRule.parse(row) };
  if (kind === "refused_message") {
    const { refusalId, conversationId, messageId, rule, text, at } = RefusedMessage.parse(row);
    return { type: kind, refusalId, conversationId, messageId, rule, text, at };
  }
  const { inviteId, conversation, user, inviter, metadata, createdAt, expiresAt, state } = InviteRow.parse(row);
  const invite = { inviteId, conversationId: conversation, metadata, createdAt, expiresAt, state };
  return kind === "invite" ? { type: kind, ...invite, inviter } : { type: kind, ...invite, userId: user };
}

/** What of a schedule is hers, and still to come. */
function scheduledOf(row: unknown, userId: string): ConversationRecord[] {
  const { conversation, messages, next } = ScheduleRow.parse(row);
  return messages
    .slice(next)
    .filter(({ sender }) => senderUser(sender) === userId)
    .map(({ messageId, parts }) => ({ type: "message_scheduled", messageId, conversationId: conversation, parts }));
}
