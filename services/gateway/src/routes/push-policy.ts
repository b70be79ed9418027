import { DEFAULT_PUSH_POLICY, GetPushPolicy, type PushPolicy, SetPushPolicy } from "@strata/contracts";
import { changedPushPolicy, pushPolicyView } from "../domain/push-policy.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { PushPolicyChange, PushPolicyRequest, PushPolicyView } from "../openapi/push-policy-schemas.ts";
import { actorOf } from "./actor-of.ts";

interface Options {
  readonly maxBodyBytes: number;
}

const path = "/apps/:app/push_policy";

/** What an app decides of its pushes: when they wait, whom they leave out, how many there are. */
export const pushPolicyRoutes = ({ maxBodyBytes }: Options): readonly Route[] => [
  getting(),
  putting(maxBodyBytes),
  patching(maxBodyBytes),
];

const getting = (): Route => ({
  method: "get",
  path,
  access: "pushes:read",
  operation: operation({
    id: "getPushPolicy",
    tag: "Pushes",
    summary: "An app's policy over its pushes",
    description: "Of an app that never set one: everything is pushed at once, to everybody who has a device.",
    path: AppPath,
    answer: { status: 200, description: "The whole policy", schema: PushPolicyView },
  }),
  handle: async (call) => ok(pushPolicyView(await policyOf(call))),
});

async function policyOf({ calls }: Call): Promise<PushPolicy> {
  return (await calls.ask(GetPushPolicy, {})).policy;
}

const putting = (maxBodyBytes: number): Route => ({
  method: "put",
  path,
  access: "pushes:write",
  maxBodyBytes,
  operation: operation({
    id: "putPushPolicy",
    tag: "Pushes",
    summary: "Set an app's policy over its pushes",
    description:
      "The whole of it: what the body leaves out is as if it had never been set. It decides of every push from a few " +
      "seconds later on, those that wait already included.",
    path: AppPath,
    body: PushPolicyRequest,
    answer: { status: 200, description: "The whole policy as it is now", schema: PushPolicyView },
    errors: [413, 422],
  }),
  handle: (call) => set(call, changedPushPolicy(DEFAULT_PUSH_POLICY, call.body)),
});

const patching = (maxBodyBytes: number): Route => ({
  method: "patch",
  path,
  access: "pushes:write",
  maxBodyBytes,
  operation: operation({
    id: "changePushPolicy",
    tag: "Pushes",
    summary: "Change an app's policy over its pushes",
    description:
      "A JSON object, no Layer-Patch: what it does not name stays as it is, rule by rule of each category that it names. " +
      "null takes away quiet hours, a cap, `only_if_unread_after_minutes`, or all that a category has of its own. Only a PUT " +
      "makes one rule of a category follow the defaults again.",
    path: AppPath,
    body: PushPolicyChange,
    answer: { status: 200, description: "The whole policy as it is now", schema: PushPolicyView },
    errors: [413, 422],
  }),
  handle: async (call) => set(call, changedPushPolicy(await policyOf(call), call.body)),
});

async function set(call: Call, policy: PushPolicy): Promise<Answer> {
  return ok(pushPolicyView(await call.calls.request(SetPushPolicy, { policy, at: Date.now(), actor: actorOf(call) })));
}
