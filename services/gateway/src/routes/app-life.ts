import { type App, type AppChange, ChangeApp, ListApps } from "@strata/contracts";
import { requireJsonObject, requireProperties, parseBySchema } from "@strata/layer-protocol";
import { z } from "zod";
import { AppNameBody, parseSibling, SiblingBody } from "../domain/account-requests.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AppView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders } from "../openapi/parameters.ts";
import { makeApp } from "./account-apps.ts";
import { appView } from "./account-views.ts";
import { actorOf } from "./actor-of.ts";
import { findOwnApp, ownedApp } from "./owned-app.ts";

const path = "/accounts/apps/:app";

interface Options {
  readonly maxBodyBytes: number;
}

/** An app as a whole: its name, whether it lets anybody in, its end; and the app beside it for the other environment. */
export const appLifeRoutes = (options: Options): readonly Route[] => [
  {
    method: "get",
    path,
    access: "account:read",
    operation: operation({
      id: "getAccountApp",
      tag: "Accounts",
      summary: "One app of the account",
      path: AppPath,
      answer: { status: 200, description: "The app", schema: AppView },
      errors: [404],
    }),
    handle: async (call) => ok(appView(call.wire.baseUrl, await findOwnApp(call, call.param("app")))),
  },
  rename(options),
  ...[SUSPEND, RESUME, RESTORE].map(changeRoute),
  changeRoute(DELETE),
  listSiblings(),
  createSibling(options),
];

const rename = ({ maxBodyBytes }: Options): Route => ({
  method: "patch",
  path,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "renameApp",
    tag: "Accounts",
    summary: "Give an app another name",
    description: "A JSON object, no Layer-Patch.",
    path: AppPath,
    body: AppNameBody,
    answer: { status: 200, description: "The app as it is now", schema: AppView },
    errors: [404, 413, 422],
  }),
  async handle(call) {
    const fields = requireJsonObject(call.body);
    requireProperties(fields, ["name"]);
    return change(call, { kind: "rename", name: parseBySchema(AppNameBody, fields).name });
  },
});

interface Act {
  readonly method: "post" | "delete";
  readonly path: string;
  readonly id: string;
  readonly kind: Exclude<AppChange["kind"], "rename">;
  readonly summary: string;
  readonly description: string;
}

const SUSPEND: Act = {
  method: "post",
  path: `${path}/suspend`,
  id: "suspendApp",
  kind: "suspend",
  summary: "Let nobody into an app",
  description:
    "Within a second its tokens and its users' sessions answer 403 `app_suspended`, and its sockets are closed. Its data " +
    "stay, and so does what was accepted: announcements under way go on. Suspending it again changes nothing.",
};

const RESUME: Act = {
  method: "post",
  path: `${path}/resume`,
  id: "resumeApp",
  kind: "resume",
  summary: "Let everybody into an app again",
  description: "With the tokens and sessions that there were.",
};

const DELETE: Act = {
  method: "delete",
  path,
  id: "deleteApp",
  kind: "delete",
  summary: "Delete an app, after a grace",
  description:
    "It lets nobody in from now on, as a suspended one, and can be restored until `restorable_until`. Then its tokens and all " +
    "that is kept of it go, and it does not come back.",
};

const RESTORE: Act = {
  method: "post",
  path: `${path}/restore`,
  id: "restoreApp",
  kind: "restore",
  summary: "Bring a deleted app back",
  description: "As it was, also suspended, if it was. When its grace is over it is 422 `invalid_operation`, later 404.",
};

function changeRoute(act: Act): Route {
  return {
    method: act.method,
    path: act.path,
    access: "account:write",
    operation: operation({
      id: act.id,
      tag: "Accounts",
      summary: act.summary,
      description: act.description,
      path: AppPath,
      answer: { status: 200, description: "The app as it is now", schema: AppView },
      errors: [404, 422],
    }),
    handle: (call) => change(call, { kind: act.kind }),
  };
}

async function change(call: Call, wanted: AppChange): Promise<Answer> {
  const { appId, accountId } = await findOwnApp(call, call.param("app"));
  const command = { appId, accountId, change: wanted, actor: actorOf(call) };
  return ok(appView(call.wire.baseUrl, await call.calls.inApp(appId).request(ChangeApp, command)));
}

const listSiblings = (): Route => ({
  method: "get",
  path: `${path}/environments`,
  access: "account:read",
  operation: operation({
    id: "listEnvironments",
    tag: "Accounts",
    summary: "An app and those made beside it for other environments",
    path: AppPath,
    answer: { status: 200, description: "All of them, oldest first", schema: z.array(AppView) },
    errors: [404],
  }),
  async handle(call) {
    const root = rootOf(await findOwnApp(call, call.param("app")));
    const { apps } = await call.calls.ask(ListApps, { accountId: call.grant.accountId });
    return ok(apps.filter((app) => rootOf(app) === root).map((app) => appView(call.wire.baseUrl, app)));
  },
});

/** The app beside which all others were made. */
const rootOf = ({ appId, siblingOf }: App): string => siblingOf ?? appId;

const createSibling = ({ maxBodyBytes }: Options): Route => ({
  method: "post",
  path: `${path}/environments`,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "createEnvironment",
    tag: "Accounts",
    summary: "Make an app beside one, for another environment",
    description:
      "An app of its own: with its own id, data, tokens, identity providers and push credentials, and the settings that any " +
      "new app has until they are copied.",
    path: AppPath,
    headers: CreationHeaders,
    body: SiblingBody,
    answer: { status: 201, description: "The app", schema: AppView },
    errors: [404, 409, 413, 422],
  }),
  async handle(call) {
    const { environment, name } = parseSibling(call.body);
    await ownedApp(call);
    const beside = await findOwnApp(call, call.param("app"));
    return makeApp(call, { environment, name: name ?? beside.name, siblingOf: rootOf(beside) });
  },
});
