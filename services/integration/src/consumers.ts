import {
  AskBeforeSend,
  GetSigningSecret,
  ListWebhookCalls,
  ModerationDecisionRequested,
  RotateSigningSecret,
  UserDeleted,
} from "@strata/contracts";
import { type Consumer, consumer, on, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import type { Circuits } from "./circuits.ts";
import { askBeforeSend } from "./handlers/ask-before-send.ts";
import { followDecision, forgetUser } from "./handlers/follow-decisions.ts";
import { listWebhookCalls } from "./handlers/list-webhook-calls.ts";
import { getSigningSecret, rotateSigningSecret } from "./handlers/signing-secret.ts";
import type { CallMetrics } from "./metrics.ts";
import type { CallBackend } from "./signed-call.ts";
import type { Signing } from "./signing.ts";
import type { CallStore } from "./store/call-store.ts";
import type { ForgottenUserStore } from "./store/forgotten-user-store.ts";
import type { SecretStore } from "./store/secret-store.ts";
import type { UnderWay } from "./under-way.ts";

interface Dependencies {
  readonly calls: CallStore;
  readonly forgottenUsers: ForgottenUserStore;
  readonly secrets: SecretStore;
  readonly signing: Signing;
  readonly call: CallBackend;
  readonly underWay: UnderWay;
  readonly circuits: Circuits;
  readonly metrics: CallMetrics;
  readonly publisher: Publisher;
  readonly mongo: Dependency;
}

/** Everything this service listens to. */
export const consumers = (deps: Dependencies): readonly Consumer[] => [
  consumer({
    queue: "integration.queries",
    // They wait for backends, so there are many of them: several apps' worth of what one may have under way.
    prefetch: 500,
    handlers: [
      on(AskBeforeSend, askBeforeSend(deps)),
      on(GetSigningSecret, getSigningSecret(deps)),
      on(ListWebhookCalls, listWebhookCalls(deps)),
    ],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "integration.signing-secrets",
    handlers: [on(RotateSigningSecret, rotateSigningSecret(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "integration.decisions",
    handlers: [on(ModerationDecisionRequested, followDecision(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "integration.deleted-users",
    handlers: [on(UserDeleted, forgetUser(deps))],
    dependencies: [deps.mongo],
  }),
];
