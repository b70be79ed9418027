import {
  AccountMember,
  type ChangeMember,
  type EmptyReply,
  NO_APP,
  type PayloadOf,
  type RemoveMember,
  TokenChanged,
  TokenRevoked,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { changed, type MemberAct, memberEntry, removed, takesLastOwner } from "../domain/members.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { Memberships, MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";
import { changeMembers } from "./change-members.ts";

interface Deps {
  readonly memberships: MembershipStore;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

/** Changes a member's role or name, and tells whoever keeps what her tokens grant, each time: he only asks again. */
export const changeMember =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeMember>>): Promise<Outcome<AccountMember>> => {
    const { memberships, tokens, audit, publisher } = deps;
    const { id, sentAt, payload } = delivery;
    const { accountId, memberId, actor } = payload;
    const act = await changeMembers(memberships, { accountId, by: id }, async (read) =>
      unlessLast(deps, read, changed(read.members, payload, { actor, sentAt }), sentAt),
    );
    if (act instanceof DomainError) return refuse(act);
    if (act.before === act.after) return reply(AccountMember.parse(act.after));

    await audit.append(entryOf(delivery, memberEntry("member.changed", act)));
    const touched =
      act.before?.role === act.after?.role ? [] : await tokens.touchOfMember(accountId, memberId, sentAt.getTime());
    for (const { tokenId, hash, version } of touched) {
      const options = { id: `${id}.${tokenId}`, cause: delivery, subjectVersion: version };
      await publisher.emit(TokenChanged, NO_APP, { tokenId, hash }, options);
    }
    return reply(AccountMember.parse(act.after));
  };

/** Ends a membership. What it granted ends with it; her tokens are revoked besides, so that they look it. */
export const removeMember =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RemoveMember>>): Promise<Outcome<EmptyReply>> => {
    const { memberships, tokens, audit, publisher } = deps;
    const { id, sentAt, payload } = delivery;
    const { accountId, memberId, actor } = payload;
    const act = await changeMembers(memberships, { accountId, by: id }, async (read) =>
      unlessLast(deps, read, removed(read.members, memberId, { actor, sentAt }), sentAt),
    );
    if (act instanceof DomainError) return refuse(act);

    await audit.append(entryOf(delivery, memberEntry("member.removed", act)));
    for (const { tokenId } of await tokens.touchOfMember(accountId, memberId, sentAt.getTime())) {
      const revoked = await tokens.revoke(accountId, tokenId, sentAt.getTime(), id);
      if (!revoked) continue;
      const { hash, version } = revoked.token;
      const options = { id: `${id}.${tokenId}`, cause: delivery, subjectVersion: version };
      await publisher.emit(TokenRevoked, NO_APP, { tokenId, hash }, options);
    }
    return ack;
  };

/** The act, unless nobody would administer the account after it. A token that nobody's in particular is enough. */
async function unlessLast(
  { tokens }: Pick<Deps, "tokens">,
  { members, endingTokens }: Memberships,
  act: MemberAct | DomainError,
  sentAt: Date,
): Promise<MemberAct | DomainError> {
  if (act instanceof DomainError || !takesLastOwner(members, act)) return act;
  const accountId = (act.before ?? act.after).accountId;
  if (await tokens.hasAdmin(accountId, sentAt.getTime(), { memberIds: [], except: endingTokens })) return act;
  const message = "She is the last who administers the account: make somebody else an owner first";
  return new DomainError("invalid_operation", { property: "role" }, { message });
}
