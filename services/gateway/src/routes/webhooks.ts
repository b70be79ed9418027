import { GetSigningSecret, ListWebhookCalls, RotateSigningSecret, type WebhookCall } from "@strata/contracts";
import {
  formatOptionalTime,
  formatTime,
  isAbsent,
  OBJECT_PAGES,
  parseBySchema,
  parsePaging,
  requireJsonObject,
} from "@strata/layer-protocol";
import { z } from "zod";
import { onePage, rowsOfPage } from "../http/page.ts";
import { ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, LayerCount, pagingOf } from "../openapi/parameters.ts";
import {
  NewSigningSecretView,
  SigningSecretBody,
  SigningSecretView,
  WebhookCallView,
} from "../openapi/webhook-schemas.ts";
import { actorOf } from "./actor-of.ts";

const path = "/apps/:app/signing_secret";
const tag = "Apps";
const CALL_ID = /^[\w.-]{1,256}$/;

/** With what an app's backend knows that it is Strata that calls it, and what became of calls that are repeated. */
export const webhookRoutes = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): readonly Route[] => [
  gettingSecret(),
  rotating(maxBodyBytes),
  listingCalls(),
];

interface SecretFacts {
  readonly generation: number;
  readonly rotatedAt: number | null;
  readonly previousUntil: number | null;
}

const secretView = ({ generation, rotatedAt, previousUntil }: SecretFacts) => ({
  generation,
  rotated_at: formatOptionalTime(rotatedAt),
  previous_until: formatOptionalTime(previousUntil),
});

const gettingSecret = (): Route => ({
  method: "get",
  path,
  access: "app:read",
  operation: operation({
    id: "getSigningSecret",
    tag,
    summary: "What is known of the secret that an app's webhooks are signed with",
    description: "The secret itself is shown once, when it is made.",
    path: AppPath,
    answer: { status: 200, description: "Without the secret", schema: SigningSecretView },
  }),
  handle: async ({ calls }) => ok(secretView(await calls.ask(GetSigningSecret, {}))),
});

const rotating = (maxBodyBytes: number): Route => ({
  method: "post",
  path,
  access: "app:write",
  maxBodyBytes,
  operation: operation({
    id: "rotateSigningSecret",
    tag,
    summary: "Make a new signing secret for an app's webhooks",
    description:
      "Shown by this answer alone. For `overlap_seconds` calls carry two signatures, one by the secret before: a day " +
      "unless it is said, and up to a week.",
    path: AppPath,
    body: SigningSecretBody,
    isBodyOptional: true,
    answer: { status: 200, description: "The secret, as Standard Webhooks has it", schema: NewSigningSecretView },
    errors: [413, 422],
  }),
  async handle(call) {
    const { calls, body } = call;
    const fields = isAbsent(body) ? {} : requireJsonObject(body);
    const { overlap_seconds: overlapSeconds } = parseBySchema(SigningSecretBody, fields);
    const made = await calls.request(RotateSigningSecret, { overlapSeconds, at: Date.now(), actor: actorOf(call) });
    return ok({ ...secretView(made), secret: made.secret });
  },
});

const listingCalls = (): Route => ({
  method: "get",
  path: "/apps/:app/webhook_calls",
  access: "app:read",
  operation: operation({
    id: "listWebhookCalls",
    tag,
    summary: "Calls of webhooks that are repeated until they are answered, newest first",
    description:
      "Of the last 30 days. A call is tried six times within half an hour. Questions before a message is sent are not " +
      "among them: what came of those is in the message's history.",
    path: AppPath,
    query: pagingOf(OBJECT_PAGES, "Id of a call of this list"),
    answer: { status: 200, description: "One page", schema: z.array(WebhookCallView), headers: LayerCount },
    errors: [404, 422],
  }),
  async handle({ calls: asking, query }) {
    const { pageSize, fromId } = parsePaging(query, OBJECT_PAGES, (text) => (CALL_ID.test(text) ? text : null));
    const { calls, total } = await asking.ask(ListWebhookCalls, { after: fromId, limit: pageSize });
    return onePage(rowsOfPage(calls).map(callView), total);
  },
});

const callView = (call: WebhookCall) => ({
  id: call.callId,
  type: call.kind,
  url: call.url,
  state: call.state,
  attempts: call.attempts,
  status: call.status,
  error: call.error,
  created_at: formatTime(call.createdAt),
  next_attempt_at: formatOptionalTime(call.nextAttemptAt),
  ended_at: formatOptionalTime(call.endedAt),
});
