import type { DomainError } from "@strata/runtime";
import { changingRefusal } from "./authority.ts";
import type { ConversationRow } from "./conversation.ts";
import { type MembershipRow, refusedTo } from "./membership.ts";

/**
 * Why somebody may not invite into a conversation, nor see whom others invited and by which codes; null: she may. It is as with
 * adding people: everybody who takes part, until there are roles.
 */
export function invitingRefusal(
  row: ConversationRow,
  actor: string | null,
  membership: MembershipRow | null,
): DomainError | null {
  if (actor === null) return null;
  const change = { added: [], removed: [], isMetadataChanged: false };
  return refusedTo(row, actor, membership) ?? changingRefusal(row, actor, change);
}
