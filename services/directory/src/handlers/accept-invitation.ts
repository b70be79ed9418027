import {
  type AcceptInvitation,
  AccountMember,
  MEMBER_TOKEN_TTL_MS,
  type PayloadOf,
  type ReplyOf,
  scopeOfRole,
  Token,
} from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { joined, type KnownMember, memberEntry, uselessCode } from "../domain/members.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";
import { changeMembers } from "./change-members.ts";

type Accept = Delivery<PayloadOf<typeof AcceptInvitation>>;

interface Deps {
  readonly memberships: MembershipStore;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
}

/**
 * Uses a code up and makes a token for its member. Whoever dies in between finds, when the command comes again, that it was
 * this command that used the code.
 */
export const acceptInvitation =
  ({ memberships, tokens, audit }: Deps) =>
  async (delivery: Accept): Promise<Outcome<ReplyOf<typeof AcceptInvitation>>> => {
    const { id, sentAt, payload } = delivery;
    const { codeHash, tokenId, origin } = payload;
    const accountId = await memberships.accountOfCode(codeHash);
    if (accountId === null) return refuse(uselessCode());
    const act = await changeMembers(memberships, { accountId, by: id }, async ({ members }) =>
      joined(members, codeHash, sentAt),
    );
    if (act instanceof DomainError) return refuse(act);
    if (act.after === null) throw new Error("unreachable: whoever joins is a member");

    const stored = await tokens.insertOrFind(tokenFor(act.after, delivery), id);
    if (!stored) return refuse(new DomainError("conflict", { property: "hash" }));
    if (stored.by !== id) return refuse(new DomainError("id_in_use"));
    const token = Token.parse(stored.token);
    const { scopes, expiresAt } = token;
    const actor = { kind: "member" as const, id: act.after.memberId, tokenId, ...origin, scopes, expiresAt };
    const entry = memberEntry("member.joined", act, { tokenId, tokenExpiresAt: expiresAt });
    await audit.append(entryOf({ ...delivery, payload: { actor } }, entry));
    return reply({ member: AccountMember.parse(act.after), token });
  };

function tokenFor({ accountId, memberId, email, role }: KnownMember, { payload, sentAt }: Accept) {
  const { tokenId, hash } = payload;
  const createdAt = sentAt.getTime();
  const times = { createdAt, expiresAt: createdAt + MEMBER_TOKEN_TTL_MS, revokedAt: null };
  const grant = { accountId, appId: null, memberId, scopes: [scopeOfRole(role)] };
  return { tokenId, name: email.slice(0, 128), ...grant, ...times, hash, version: 1 };
}
