import {
  type Account,
  type LiftSandbox,
  type ListSandboxes,
  OPERATOR,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import type { AccountStore } from "../store/account-store.ts";
import type { AuditStore } from "../store/audit-store.ts";

interface Deps {
  readonly accounts: AccountStore;
  readonly audit: AuditStore;
}

/** Lifts a sandbox. It is in the log of both accounts: who of the operator's it was, and from where, in the operator's alone. */
export const liftSandbox =
  ({ accounts, audit }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof LiftSandbox>>): Promise<Outcome<Account>> => {
    const { id, payload, sentAt } = delivery;
    const { operatorId, accountId } = payload;
    if (operatorId !== OPERATOR) return refuse(forTheOperator());
    const lifted = await accounts.lift(accountId, sentAt.getTime(), id);
    if (!lifted) return refuse(new DomainError("not_found", { property: "account_id" }));
    // Who lifts what is lifted changes nothing.
    if (lifted.by === id) {
      const subject = { kind: "account", id: accountId };
      const change = { before: { sandbox: true }, after: { sandbox: false } };
      const act = { appId: null, action: "account.sandbox_lifted", subject, ...change };
      await audit.append(entryOf(delivery, { ...act, accountId: operatorId }));
      await audit.append({ ...entryOf(delivery, { ...act, accountId }), actor: null });
    }
    return reply(lifted.account);
  };

export const listSandboxes =
  ({ accounts }: Pick<Deps, "accounts">) =>
  async ({ payload }: Delivery<PayloadOf<typeof ListSandboxes>>): Promise<Outcome<ReplyOf<typeof ListSandboxes>>> => {
    if (payload.operatorId !== OPERATOR) return refuse(forTheOperator());
    return reply({ accounts: [...(await accounts.listSandboxes())] });
  };

const forTheOperator = (): DomainError =>
  new DomainError("access_denied", {}, { message: "Only the operator's account may see and lift sandboxes" });
