import { AccountMember, type ListAccountMembers, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { MembershipStore } from "../store/membership-store.ts";

/** Who is a member of the account; without the hashes of their codes. */
export const listAccountMembers =
  ({ memberships }: { readonly memberships: MembershipStore }) =>
  async ({
    payload,
  }: Delivery<PayloadOf<typeof ListAccountMembers>>): Promise<Outcome<ReplyOf<typeof ListAccountMembers>>> => {
    const { members } = await memberships.find(payload.accountId);
    return reply({ members: members.map((member) => AccountMember.parse(member)) });
  };
