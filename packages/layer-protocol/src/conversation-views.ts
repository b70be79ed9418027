import { freezeView, rolesView } from "./conversation-members.ts";
import type { FreezeFacts, RoleOfUser } from "./conversation-members.ts";
import type { ConversationMetadata } from "./conversation-metadata.ts";
import { basicIdentity } from "./identities.ts";
import { objectUri } from "./ids.ts";
import { conversationUrl, messageUserView, userConversationUrl } from "./message-views.ts";
import type { MessageLookups, UserMessageFacts } from "./message-views.ts";
import type { Profiles } from "./sender-views.ts";
import { formatTime } from "./timestamps.ts";
import type { WireContext } from "./urls.ts";
import { usesIdentityIds } from "./versions.ts";

/** What the views need of a stored conversation. */
export interface ConversationFacts {
  readonly conversationId: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** In the order in which they came, which every version keeps (server API 20). */
  readonly participants: readonly string[];
  readonly distinct: boolean;
  readonly metadata: ConversationMetadata;
  readonly freeze?: FreezeFacts | undefined;
}

/** What happens to a conversation by itself. */
export interface LifecycleFacts {
  readonly state: "scheduled" | "open" | "closed";
  readonly steps: readonly {
    readonly step: "open" | "warn" | "close" | "delete";
    readonly state: "pending" | "done" | "canceled";
    readonly at: number;
  }[];
}

/** What only its app's backend is shown of it. */
interface SystemFacts extends ConversationFacts {
  readonly lifecycle?: LifecycleFacts | undefined;
  readonly visibleHistory?: "all" | "from-joining" | undefined;
  readonly roles?: readonly RoleOfUser[] | undefined;
}

/** A conversation as one user has it; without participants once she has left. */
export interface UserConversationFacts extends ConversationFacts {
  readonly lastMessage: UserMessageFacts | null;
  readonly unreadCount: number;
  readonly messageCount: number;
}

/**
 * A conversation as its app's backend reads it (server API 4.3). What is an extension is there only where something was asked
 * for, so that all others look as they always did.
 */
export const conversationSystemView = (wire: WireContext, conversation: SystemFacts, profiles: Profiles) => ({
  ...conversationView(wire, conversationUrl(wire, conversation.conversationId), conversation, profiles),
  ...(conversation.lifecycle
    ? { schedule: scheduleView(wire, conversation.conversationId, conversation.lifecycle) }
    : {}),
  ...(conversation.visibleHistory === "from-joining" ? { visible_history: "from_joining" as const } : {}),
  ...(conversation.roles ? { roles: rolesView(wire, conversation.roles) } : {}),
});

/** What a conversation does by itself (an extension); one that does nothing is just open. */
export const scheduleView = (wire: WireContext, conversationId: string, lifecycle: LifecycleFacts | undefined) => ({
  url: `${conversationUrl(wire, conversationId)}/schedule`,
  state: lifecycle?.state ?? ("open" as const),
  steps: (lifecycle?.steps ?? []).map(({ step, state, at }) => ({ step, state, at: formatTime(at) })),
});

/** A conversation as one user reads it, with URLs of her own (server API 4.3, 11). */
export const conversationUserView = (
  wire: WireContext,
  userId: string,
  conversation: UserConversationFacts,
  lookups: MessageLookups,
) => ({
  ...conversationView(
    wire,
    userConversationUrl(wire, userId, conversation.conversationId),
    conversation,
    lookups.profiles,
  ),
  last_message:
    conversation.lastMessage === null ? null : messageUserView(wire, userId, conversation.lastMessage, lookups),
  unread_message_count: conversation.unreadCount,
  total_message_count: conversation.messageCount,
});

const conversationView = (
  wire: WireContext,
  url: string,
  { conversationId, createdAt, participants, distinct, metadata, freeze }: ConversationFacts,
  profiles: Profiles,
) => ({
  id: objectUri("conversations", conversationId),
  url,
  messages_url: `${url}/messages`,
  created_at: formatTime(createdAt),
  participants: usesIdentityIds(wire.version)
    ? participants.map((userId) => basicIdentity(wire, userId, profiles.get(userId) ?? null))
    : [...participants],
  distinct,
  metadata,
  // Also an extension: who has left sees nobody in it, and nothing of what it has come to.
  ...(freeze && participants.length > 0 ? { freeze: freezeView(wire, freeze) } : {}),
});
