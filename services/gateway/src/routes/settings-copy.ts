import {
  ChangeAppSettings,
  GetAppSettings,
  GetMessagePolicy,
  GetModerationPolicy,
  GetPushPolicy,
  type ModerationPolicy,
  SetMessagePolicy,
  SetModerationPolicy,
  SetPushPolicy,
} from "@strata/contracts";
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
    description:
      "All settings, as they are at this moment, and nothing else: no data, no tokens, no credentials. With `policies` also " +
      "the push, message and moderation policies, but not whom webhooks of them call: a staging backend is not to be told " +
      "of production. `before_send` is left out, and a webhook of a threshold leaves the decision to people.",
    path: AppPath,
    body: CopyBody,
    answer: { status: 200, description: "All settings as they are now", schema: SettingsView },
    errors: [404, 413, 422],
  }),
  handle: (call) => copy(call, settings),
});

async function copy(call: Call, cache: SettingsCache): Promise<Answer> {
  const { from, policies } = parseCopy(call.body);
  const appId = await ownedApp(call);
  const source = await findOwnApp(call, from);
  if (source.deletedAt != null) throw invalidProperty("from", "is deleted");
  const { settings } = await call.calls.inApp(source.appId).ask(GetAppSettings, {});
  if (settings === null) throw invalidProperty("from", "is no app");
  const command = { appId, accountId: call.grant.accountId, settings, copiedFrom: source.appId, actor: actorOf(call) };
  const changed = await call.calls.inApp(appId).request(ChangeAppSettings, command);
  cache.forget(appId);
  if (policies === true) await copyPolicies(call, source.appId, appId);
  return ok(settingsView(changed));
}

/** One after the other: whoever repeats a copy that broke off finds nothing in its way. */
async function copyPolicies(call: Call, fromId: string, appId: string): Promise<void> {
  const [from, to] = [call.calls.inApp(fromId), call.calls.inApp(appId)];
  const [push, message, moderation] = await Promise.all([
    from.ask(GetPushPolicy, {}),
    from.ask(GetMessagePolicy, {}),
    from.ask(GetModerationPolicy, {}),
  ]);
  const set = { at: Date.now(), actor: actorOf(call) };
  await to.request(SetPushPolicy, { policy: push.policy, ...set });
  const { beforeSend: _, ...rules } = message.policy;
  await to.request(SetMessagePolicy, { policy: rules, ...set });
  await to.request(SetModerationPolicy, { policy: withoutUrls(moderation.policy), ...set });
}

const withoutUrls = (policy: ModerationPolicy): ModerationPolicy => ({
  ...policy,
  thresholds: policy.thresholds.map((threshold) => ({
    ...threshold,
    actions: threshold.actions.map((action) => (action.kind === "webhook" ? { kind: action.kind } : action)),
  })),
});
