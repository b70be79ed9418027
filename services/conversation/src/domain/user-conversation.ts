import { type Standing, UserConversation } from "@strata/contracts";
import type { ConversationSummary } from "./conversation-summaries.ts";
import type { ConversationRow } from "./conversation.ts";
import { governanceView } from "./governance.ts";
import { type MembershipRow, standingOf } from "./membership.ts";

/** A conversation as one user sees it: who has left sees nobody in it, and nothing of what came after. */
export const userConversationOf = (
  row: ConversationRow,
  membership: MembershipRow,
  summary: ConversationSummary,
): UserConversation => {
  const standing: Standing = standingOf(row, membership.user, membership);
  const participants = standing === "participant" ? row.participants : [];
  const lastPosition = Math.min(row.lastPosition, membership.leftAt ?? row.lastPosition);
  return UserConversation.parse({ ...row, ...governanceView(row), participants, lastPosition, ...summary });
};
