import { GetApp } from "@strata/contracts";
import { notFound, parseAppId } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/**
 * The app in the path of an account route, when it belongs to the token's account; another's is not there.
 * @throws LayerError 404 `not_found`
 */
export async function ownedApp(call: Call): Promise<string> {
  const appId = parseAppId(call.param("app"));
  if (appId === null) throw notFound("There is no such app");
  const { app } = await call.calls.inApp(appId).ask(GetApp, { accountId: call.grant.accountId });
  if (app === null) throw notFound("There is no such app");
  return appId;
}
