import { ChangePushPreferences, GetPushPolicy, GetPushPreferences } from "@strata/contracts";
import { requireUserId } from "@strata/layer-protocol";
import { parsePreferenceChanges, pushPreferencesView } from "../domain/push-preferences.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { PushPreferencesRequest, PushPreferencesView } from "../openapi/push-policy-schemas.ts";
import type { KnownUsers } from "./known-users.ts";

interface Options {
  readonly users: KnownUsers;
  readonly maxBodyBytes: number;
}

const path = "/apps/:app/users/:user/push_preferences";

/** What a user wants of an app's pushes. */
export const pushPreferencesRoutes = ({ users, maxBodyBytes }: Options): readonly Route[] => [
  getting(users),
  patching(users, maxBodyBytes),
];

const getting = (users: KnownUsers): Route => ({
  method: "get",
  path,
  access: "pushes:read",
  operation: operation({
    id: "getPushPreferences",
    tag: "Pushes",
    summary: "What a user wants of pushes, and what it comes to",
    path: UserPath,
    answer: { status: 200, description: "All of it, also what she never said", schema: PushPreferencesView },
    errors: [404, 422],
  }),
  handle: (call) => get(call, users),
});

async function get(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  const [{ preferences }, { policy }] = await Promise.all([
    call.calls.ask(GetPushPreferences, { userId }),
    call.calls.ask(GetPushPolicy, {}),
  ]);
  return ok(pushPreferencesView(preferences, policy));
}

const patching = (users: KnownUsers, maxBodyBytes: number): Route => ({
  method: "patch",
  path,
  access: "pushes:write",
  maxBodyBytes,
  operation: operation({
    id: "changePushPreferences",
    tag: "Pushes",
    summary: "Set what a user wants of pushes",
    description:
      "A JSON object, no Layer-Patch: what it does not name stays as it is. A category may be one that the policy does not " +
      "name: announcements of it may come. Opting out of one whose `user_choice` is `none` is 422.",
    path: UserPath,
    body: PushPreferencesRequest,
    answer: { status: 200, description: "All of it as it is now", schema: PushPreferencesView },
    errors: [404, 413, 422],
  }),
  handle: (call) => change(call, users),
});

async function change(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const { policy } = await call.calls.ask(GetPushPolicy, {});
  const changes = parsePreferenceChanges(call.body, policy);
  await users.require(call, userId);
  const preferences = await call.calls.request(ChangePushPreferences, { userId, changes, at: Date.now() });
  return ok(pushPreferencesView(preferences, policy));
}
