import {
  DEFAULT_MESSAGE_POLICY,
  type GetMessagePolicy,
  type MessagePolicy,
  type PayloadOf,
  type PreviewMessagePolicy,
  type ReplyOf,
  type SetMessagePolicy,
} from "@strata/contracts";
import { type Handler, type Publisher, recordAct, reply } from "@strata/messaging";
import { judgeAsking } from "../domain/before-send.ts";
import { compilePolicy } from "../domain/message-policy.ts";
import type { MessagePolicies } from "../message-policies.ts";
import type { MessagePolicyStore } from "../store/message-policy-store.ts";

interface Deps {
  readonly policyStore: MessagePolicyStore;
  readonly messagePolicies: Pick<MessagePolicies, "forget">;
  readonly publisher: Pick<Publisher, "send">;
}

/** Sets an app's policy, which judges in every process within two seconds. Answers what holds then. */
export const setMessagePolicy =
  ({
    policyStore,
    messagePolicies,
    publisher,
  }: Deps): Handler<PayloadOf<typeof SetMessagePolicy>, ReplyOf<typeof SetMessagePolicy>> =>
  async (delivery) => {
    const { app, id: by, payload } = delivery;
    const { policy, at } = payload;
    if (policy) compilePolicy(policy);
    await policyStore.put(app, policy, { at, by });
    messagePolicies.forget(app);
    const row = await policyStore.find(app);
    if (row?.by === by) {
      await recordAct(publisher, delivery, {
        action: row.policy ? "message_policy.set" : "message_policy.removed",
        subject: { kind: "message_policy", id: app },
        before: factsOf(row.before?.policy ?? null),
        after: factsOf(row.policy),
      });
    }
    return reply({ policy: row?.policy ?? DEFAULT_MESSAGE_POLICY });
  };

/** Which rules there are, and who is asked: what each of them looks for is long, and the policy's own. */
const factsOf = (policy: MessagePolicy | null) =>
  policy && {
    rules: policy.rules.map(({ name, kind, action, state }) => ({ name, kind, action, state })),
    mask: policy.mask,
    keepRefusedText: policy.isRefusedTextKept,
    beforeSend: policy.beforeSend?.url ?? null,
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
