import { DEFAULT_PUSH_POLICY, type GetPushPolicy, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { PolicyStore } from "../store/policy-store.ts";

/** An app's policy as it is stored; that of all who never set one otherwise. */
export const getPushPolicy =
  ({
    policies,
  }: {
    readonly policies: Pick<PolicyStore, "find">;
  }): Handler<PayloadOf<typeof GetPushPolicy>, ReplyOf<typeof GetPushPolicy>> =>
  async ({ app }) =>
    reply({ policy: (await policies.find(app)) ?? DEFAULT_PUSH_POLICY });
