import type { UserConversation } from "@strata/contracts";
import type { ConversationRow } from "./conversation.ts";
import type { MembershipRow } from "./membership.ts";

/** A conversation with the row of the one user who looks at it. */
export interface ConversationView {
  readonly conversation: ConversationRow;
  readonly membership: MembershipRow;
}

/** What its messages add to her view of it. */
export type ConversationSummary = Pick<UserConversation, "lastMessage" | "unreadCount" | "messageCount">;

export interface ConversationSummaries {
  /** Of several views, in their order. */
  of(views: readonly ConversationView[]): Promise<readonly ConversationSummary[]>;
}
