import { AccountMember, type InviteMember, type PayloadOf, type RenewInvitation } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { invited, memberEntry, renewed } from "../domain/members.ts";
import type { AccountStore } from "../store/account-store.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import { changeMembers } from "./change-members.ts";

interface Deps {
  readonly accounts: AccountStore;
  readonly memberships: MembershipStore;
  readonly audit: AuditStore;
}

/** Makes somebody a member of an account, with a code of which only the hash is known here. */
export const inviteMember =
  ({ accounts, memberships, audit }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof InviteMember>>): Promise<Outcome<AccountMember>> => {
    const { id, sentAt } = delivery;
    const { actor, ...wanted } = delivery.payload;
    const { accountId, memberId } = wanted;
    if (!(await accounts.exists(accountId))) return refuse(new DomainError("not_found", { property: "account_id" }));
    const act = await changeMembers(memberships, { accountId, by: id }, async ({ members, formerIds }) =>
      formerIds.includes(memberId) ? new DomainError("id_in_use") : invited(members, wanted, { actor, sentAt }),
    );
    if (act instanceof DomainError) return refuse(act);
    await audit.append(entryOf(delivery, memberEntry("member.invited", act)));
    return reply(AccountMember.parse(act.after));
  };

/** Gives a member another code. */
export const renewInvitation =
  ({ memberships, audit }: Omit<Deps, "accounts">) =>
  async (delivery: Delivery<PayloadOf<typeof RenewInvitation>>): Promise<Outcome<AccountMember>> => {
    const { id, sentAt, payload } = delivery;
    const { accountId, actor } = payload;
    const act = await changeMembers(memberships, { accountId, by: id }, async ({ members }) =>
      renewed(members, payload, { actor, sentAt }),
    );
    if (act instanceof DomainError) return refuse(act);
    await audit.append(entryOf(delivery, memberEntry("member.invitation_renewed", act)));
    return reply(AccountMember.parse(act.after));
  };
