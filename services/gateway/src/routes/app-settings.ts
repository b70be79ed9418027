import { ChangeAppSettings, GetAppSettings } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import { notFound } from "@strata/layer-protocol";
import { parseSettings, settingsView } from "../domain/app-settings.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { SettingsRequest, SettingsView } from "../openapi/app-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";
import { ownedApp } from "./owned-app.ts";

const path = "/accounts/apps/:app/settings";

export const getAppSettings = (): Route => ({
  method: "get",
  path,
  access: "account:read",
  operation: operation({
    id: "getAppSettings",
    tag: "Accounts",
    summary: "What is set for an app",
    path: AppPath,
    answer: { status: 200, description: "All settings, those never set as they are by default", schema: SettingsView },
    errors: [404],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const appId = await ownedApp(call);
  const { settings } = await call.calls.inApp(appId).ask(GetAppSettings, {});
  if (settings === null) throw notFound("There is no such app");
  return ok(settingsView(settings));
}

interface Options {
  readonly settings: SettingsCache;
  readonly maxBodyBytes: number;
}

export const changeAppSettings = ({ settings, maxBodyBytes }: Options): Route => ({
  method: "patch",
  path,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "changeAppSettings",
    tag: "Accounts",
    summary: "Set something for an app",
    description: "A JSON object, no Layer-Patch: what it does not name stays as it is.",
    path: AppPath,
    body: SettingsRequest,
    answer: { status: 200, description: "All settings as they are now", schema: SettingsView },
    errors: [404, 413, 422],
  }),
  handle: (call) => change(call, settings),
});

async function change(call: Call, cache: SettingsCache): Promise<Answer> {
  const changes = parseSettings(call.body);
  const appId = await ownedApp(call);
  const { accountId } = call.grant;
  const command = { appId, accountId, settings: changes, actor: actorOf(call) };
  const changed = await call.calls.inApp(appId).request(ChangeAppSettings, command);
  // The others hear of it; here it holds from now on.
  cache.forget(appId);
  return ok(settingsView(changed));
}
