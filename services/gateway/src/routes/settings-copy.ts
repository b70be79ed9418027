import { ChangeAppSettings, GetAppSettings } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import { invalidProperty } from "@strata/layer-protocol";
import { CopyBody, parseCopy } from "../domain/account-requests.ts";
import { settingsView } from "../domain/app-settings.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { SettingsView } from "../openapi/app-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";
import { findOwnApp, ownedApp } from "./owned-app.ts";

interface Options {
  readonly settings: SettingsCache;
  readonly maxBodyBytes: number;
}

export const copyAppSettings = ({ settings, maxBodyBytes }: Options): Route => ({
  method: "post",
  path: "/accounts/apps/:app/settings/copy",
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "copyAppSettings",
    tag: "Accounts",
    summary: "Set for an app what another of the account has",
    description: "All settings, as they are at this moment, and nothing else: no data, no tokens, no credentials.",
    path: AppPath,
    body: CopyBody,
    answer: { status: 200, description: "All settings as they are now", schema: SettingsView },
    errors: [404, 413, 422],
  }),
  handle: (call) => copy(call, settings),
});

async function copy(call: Call, cache: SettingsCache): Promise<Answer> {
  const { from } = parseCopy(call.body);
  const appId = await ownedApp(call);
  const source = await findOwnApp(call, from);
  if (source.deletedAt != null) throw invalidProperty("from", "is deleted");
  const { settings } = await call.calls.inApp(source.appId).ask(GetAppSettings, {});
  if (settings === null) throw invalidProperty("from", "is no app");
  const command = { appId, accountId: call.grant.accountId, settings, copiedFrom: source.appId, actor: actorOf(call) };
  const changed = await call.calls.inApp(appId).request(ChangeAppSettings, command);
  cache.forget(appId);
  return ok(settingsView(changed));
}
