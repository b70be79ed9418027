import type { Authority, Sender } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { sendingRefusal } from "./authority.ts";
import type { ConversationRow } from "./conversation.ts";
import { isUnopened, takesMessages } from "./lifecycle.ts";
import { type MembershipRow, refusedTo } from "./membership.ts";
import { senderUser } from "./message.ts";

/**
 * A conversation in which somebody can do something, or why she cannot: the backend (null) or a user. To a user one that has
 * not opened is not there, nor was it ever if it is deleted before.
 */
export function present(
  conversationId: string,
  conversation: ConversationRow | null | undefined,
  user: string | null,
): ConversationRow | DomainError {
  if (!conversation || (user !== null && isUnopened(conversation))) {
    return new DomainError("not_found", { conversationId });
  }
  return conversation.deletedAt === undefined ? conversation : new DomainError("object_deleted", { conversationId });
}

interface Draft {
  readonly sender: Sender;
  readonly authority: Authority;
}

/** Why nobody may write into a conversation; null: it takes messages. */
export function writingRefusal(conversation: ConversationRow, now: number): DomainError | null {
  if (takesMessages(conversation, now)) return null;
  const { conversationId } = conversation;
  const message = isUnopened(conversation) ? "the conversation has not opened yet" : "the conversation has closed";
  return new DomainError("conversation_closed", { conversationId }, { message });
}

/** The user in whose name something is sent through her own doors; null: her backend sends it, whoever is named. */
export const sendingUser = ({ sender, authority }: Draft): string | null =>
  authority === "user" ? senderUser(sender) : null;

/** Whether an answer to `senderRefusal` needs to know if the sender ever was in the conversation. */
export const needsStanding = (draft: Draft, { participants }: ConversationRow): boolean => {
  const user = sendingUser(draft);
  return user !== null && !participants.includes(user);
};

/** Why a message may not be sent by its sender; null: it may. The membership matters only where `needsStanding` says so. */
export const senderRefusal = (
  draft: Draft,
  conversation: ConversationRow,
  membership: MembershipRow | null,
  now: number,
): DomainError | null =>
  standingRefusal(draft, conversation, membership) ??
  writingRefusal(conversation, now) ??
  ownRefusal(draft, conversation, now);

/** Of what a user says herself: what a backend says in her name is the backend's. */
function ownRefusal({ sender, authority }: Draft, conversation: ConversationRow, now: number): DomainError | null {
  const user = senderUser(sender);
  return authority === "user" && user !== null ? sendingRefusal(conversation, user, now) : null;
}

/** What keeps a sender from being heard. */
export interface Heard {
  readonly blockers: readonly string[];
  /** By the app's moderation; null: she is not. */
  readonly mutedUntil: number | null;
}

/** Why who is muted by the app's moderation may not send now; a backend may, in whosever name. */
export function muteRefusal({ authority }: Draft, mutedUntil: number | null, now: number): DomainError | null {
  if (authority !== "user" || mutedUntil === null || mutedUntil <= now) return null;
  const until = new Date(mutedUntil).toISOString();
  return new DomainError("user_muted", { mutedUntil }, { message: `the user cannot send messages until ${until}` });
}

function standingRefusal(
  { sender, authority }: Draft,
  conversation: ConversationRow,
  membership: MembershipRow | null,
): DomainError | null {
  const user = senderUser(sender);
  if (authority === "backend" || user === null) return null;
  if (authority === "user") return refusedTo(conversation, user, membership);
  if (conversation.participants.includes(user)) return null;
  return new DomainError("invalid_property", { property: "sender" }, { message: "the sender is no participant" });
}

export const missingContent = (): DomainError =>
  new DomainError("invalid_property", { property: "parts.content" }, { message: "content is unknown or not uploaded" });
