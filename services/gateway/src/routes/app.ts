import { ChangeAppSettings, environmentOf, GetAppSettings } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import { appUri, invalidAppId, parseAppPatch } from "@strata/layer-protocol";
import { accepted, type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AppPatchBody, AppSummary } from "../openapi/app-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";

const path = "/apps/:app";

export const getApp = (): Route => ({
  method: "get",
  path,
  access: "app:read",
  operation: operation({
    id: "getApp",
    tag: "Apps",
    summary: "The app, and how long its users' sessions last",
    path: AppPath,
    answer: { status: 200, description: "The app", schema: AppSummary },
  }),
  handle: get,
});

/** Asked anew each time: whoever has just set something wants to see that. */
async function get({ calls, grant, wire }: Call): Promise<Answer> {
  const { settings } = await calls.ask(GetAppSettings, {});
  if (settings === null) throw invalidAppId();
  return ok({ id: appUri(wire.appId, environmentOf(grant)), session_ttl_in_seconds: settings.sessionTtlSeconds });
}

interface Options {
  readonly settings: SettingsCache;
  readonly maxBodyBytes: number;
}

export const patchApp = ({ settings, maxBodyBytes }: Options): Route => ({
  method: "patch",
  path,
  access: "app:write",
  maxBodyBytes,
  operation: operation({
    id: "patchApp",
    tag: "Apps",
    summary: "Set how long sessions last: from 30 seconds to a year",
    path: AppPath,
    body: AppPatchBody,
    bodyType: "application/vnd.layer-patch+json",
    answer: { status: 202, description: "Set" },
    errors: [404, 413, 422],
  }),
  handle: (call) => patch(call, settings),
});

async function patch(call: Call, cache: SettingsCache): Promise<Answer> {
  const { appId } = call.wire;
  const sessionTtlSeconds = parseAppPatch(call.body);
  if (sessionTtlSeconds === null) return accepted();
  const command = { appId, accountId: null, settings: { sessionTtlSeconds }, actor: actorOf(call) };
  await call.calls.request(ChangeAppSettings, command);
  cache.forget(appId);
  return accepted();
}
