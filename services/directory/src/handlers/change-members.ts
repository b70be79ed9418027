import { DomainError } from "@strata/runtime";
import type { MemberAct } from "../domain/members.ts";
import type { Memberships, MembershipStore } from "../store/membership-store.ts";

/**
 * Does one act to an account's members, for each command once: one that comes again finds what it did. When somebody else
 * changed them meanwhile it is decided anew, so that of two who take each other's role away one is refused.
 */
export async function changeMembers(
  memberships: MembershipStore,
  { accountId, by }: { readonly accountId: string; readonly by: string },
  decide: (read: Memberships) => Promise<MemberAct | DomainError>,
): Promise<MemberAct | DomainError> {
  for (;;) {
    const read = await memberships.find(accountId);
    const own = read.acts.find((done) => done.by === by);
    if (own) return own.act;
    const act = await decide(read);
    if (act instanceof DomainError || act.before === act.after) return act;
    if (await memberships.apply(accountId, read, act, by)) return act;
  }
}
