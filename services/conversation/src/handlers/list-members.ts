import type { GetMember, ListMembers, Member, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { present } from "../domain/access.ts";
import type { ConversationRow } from "../domain/conversation.ts";
import { memberOf, membersOf } from "../domain/governance.ts";
import { refusedTo } from "../domain/membership.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

export interface MemberDeps {
  readonly conversations: Pick<ConversationStore, "find">;
  readonly memberships: Pick<MembershipStore, "find">;
  readonly now: () => number;
}

interface Asked {
  readonly conversationId: string;
  readonly viewer: string | null;
}

/** A page of who is in a conversation. An app allows a thousand at most, so they are gone through as the row has them. */
export const listMembers =
  (deps: MemberDeps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ListMembers>>): Promise<Outcome<ReplyOf<typeof ListMembers>>> => {
    const { after, limit } = payload;
    const row = await findShown(deps, app, payload);
    const members = membersOf(row, deps.now()).filter((member) => isWanted(member, payload));
    const start = after === null ? 0 : members.findIndex(({ userId }) => userId === after) + 1;
    const total = members.length;
    if (after !== null && start === 0) return reply({ members: null, total });
    return reply({ members: members.slice(start, start + limit), total });
  };

type Filter = Pick<PayloadOf<typeof ListMembers>, "role" | "isMuted">;

const isWanted = ({ role, mute }: Member, filter: Filter): boolean =>
  (filter.role ?? role) === role && (filter.isMuted ?? mute !== null) === (mute !== null);

export const getMember =
  (deps: MemberDeps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetMember>>): Promise<Outcome<ReplyOf<typeof GetMember>>> => {
    const row = await findShown(deps, app, payload);
    return reply({ member: memberOf(row, payload.userId, deps.now()) });
  };

/** @throws DomainError `not_found`; `object_deleted`; `access_denied`. To a stranger a deleted one never was. */
export async function findShown(deps: MemberDeps, app: string, { conversationId, viewer }: Asked) {
  const [found, membership] = await Promise.all([
    deps.conversations.find(app, conversationId),
    viewer === null ? null : deps.memberships.find(app, viewer, conversationId),
  ]);
  const refusal = found && viewer !== null ? refusedTo(found, viewer, membership) : null;
  if (refusal?.code === "not_found") throw refusal;
  const row: ConversationRow | DomainError = present(conversationId, found, viewer);
  if (row instanceof DomainError) throw row;
  if (refusal) throw refusal;
  return row;
}
