import { GetModerationPolicy, SetModerationPolicy, type StandingModerationPolicy } from "@strata/contracts";
import { formatOptionalTime } from "@strata/layer-protocol";
import { moderationPolicyView, parseModerationPolicy } from "../domain/moderation-policy.ts";
import { requireWebhook } from "../domain/webhook-url.ts";
import { noContent, ok, type Route } from "../http/route.ts";
import { ModerationPolicyRequest, ModerationPolicyView } from "../openapi/moderation-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";

interface Options {
  readonly maxBodyBytes: number;
  readonly areLocalWebhooksAllowed: boolean;
}

const path = "/apps/:app/moderation/policy";

/** What an app does about users whom others flag. */
export const moderationPolicyRoutes = (options: Options): readonly Route[] => [getting(), putting(options), deleting()];

const view = ({ policy, revision, updatedAt }: StandingModerationPolicy) => ({
  ...moderationPolicyView(policy),
  revision,
  updated_at: formatOptionalTime(updatedAt),
});

const getting = (): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getModerationPolicy",
    tag: "Moderation",
    summary: "An app's moderation policy",
    description: "Of an app that never set one: flags are taken, and nothing is done.",
    path: AppPath,
    answer: { status: 200, description: "The whole policy", schema: ModerationPolicyView },
  }),
  handle: async ({ calls }) => ok(view(await calls.ask(GetModerationPolicy, {}))),
});

const putting = ({ maxBodyBytes, areLocalWebhooksAllowed: isLocalAllowed }: Options): Route => ({
  method: "put",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "putModerationPolicy",
    tag: "Moderation",
    summary: "Set an app's moderation policy",
    description:
      "The whole of it: what the body leaves out is as if it had never been set. It judges a user with the next flag " +
      "against her; `…/simulate` says beforehand what it would have done. With the `url` of a webhook the token needs " +
      "`users:read`, too, since users are told to it.",
    path: AppPath,
    body: ModerationPolicyRequest,
    answer: { status: 200, description: "The whole policy as it is now", schema: ModerationPolicyView },
    errors: [413, 422],
  }),
  async handle(call) {
    const { calls, body } = call;
    const policy = parseModerationPolicy(body);
    for (const action of policy.thresholds.flatMap(({ actions }) => actions)) {
      if (action.kind !== "webhook" || !action.url) continue;
      const webhook = { url: action.url, property: "thresholds.actions.url", tells: "users:read" as const };
      requireWebhook(webhook, { scopes: call.grant.scopes, isLocalAllowed });
    }
    return ok(view(await calls.request(SetModerationPolicy, { policy, at: Date.now(), actor: actorOf(call) })));
  },
});

const deleting = (): Route => ({
  method: "delete",
  path,
  access: "users:write",
  operation: operation({
    id: "deleteModerationPolicy",
    tag: "Moderation",
    summary: "Do without a moderation policy",
    description: "Nothing is done any more; what was done stays done. Flags are kept.",
    path: AppPath,
    answer: { status: 204, description: "There is none now" },
  }),
  async handle(call) {
    await call.calls.request(SetModerationPolicy, { policy: null, at: Date.now(), actor: actorOf(call) });
    return noContent;
  },
});
