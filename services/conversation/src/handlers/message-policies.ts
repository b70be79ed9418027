import {
  DEFAULT_MESSAGE_POLICY,
  type GetMessagePolicy,
  type PayloadOf,
  type PreviewMessagePolicy,
  type ReplyOf,
  type SetMessagePolicy,
} from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { judgeAsking } from "../domain/before-send.ts";
import { compilePolicy } from "../domain/message-policy.ts";
import type { MessagePolicies } from "../message-policies.ts";
import type { MessagePolicyStore } from "../store/message-policy-store.ts";

interface Deps {
  readonly policyStore: MessagePolicyStore;
  readonly messagePolicies: Pick<MessagePolicies, "forget">;
}

/** Sets an app's policy, which judges in every process within two seconds. Answers what holds then. */
export const setMessagePolicy =
  ({
    policyStore,
    messagePolicies,
  }: Deps): Handler<PayloadOf<typeof SetMessagePolicy>, ReplyOf<typeof SetMessagePolicy>> =>
  async ({ app, id: by, payload: { policy, at } }) => {
    if (policy) compilePolicy(policy);
    await policyStore.put(app, policy, { at, by });
    messagePolicies.forget(app);
    return reply({ policy: await policyOf(policyStore, app) });
  };

async function policyOf(policyStore: MessagePolicyStore, app: string) {
  return (await policyStore.find(app))?.policy ?? DEFAULT_MESSAGE_POLICY;
}

/** An app's policy as it is stored; that of all who never set one otherwise. */
export const getMessagePolicy =
  ({
    policyStore,
  }: Pick<Deps, "policyStore">): Handler<PayloadOf<typeof GetMessagePolicy>, ReplyOf<typeof GetMessagePolicy>> =>
  async ({ app }) =>
    reply({ policy: await policyOf(policyStore, app) });

/** By the very function that judges what is sent; nothing is counted, stored or told. */
export const previewMessagePolicy =
  ({
    policyStore,
  }: Pick<Deps, "policyStore">): Handler<
    PayloadOf<typeof PreviewMessagePolicy>,
    ReplyOf<typeof PreviewMessagePolicy>
  > =>
  async ({ app, payload: { policy, message, verdict } }) => {
    const compiled = compilePolicy(policy ?? (await policyOf(policyStore, app)));
    const judgement = judgeAsking(compiled, { ...message, verdict });
    const { refusedBy, hits, parts, notification, rates, asks = null } = judgement;
    const askedRates = rates.map(({ name }) => name);
    return reply({ refusedBy, hits: [...hits], parts: [...parts], notification, askedRates, asks });
  };
