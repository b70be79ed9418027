import { type App, environmentOf, GetApp } from "@strata/contracts";
import { environmentInAppId, notFound, parseAppId } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/**
 * The app in the path of an account route, when it belongs to the token's account; another's is not there.
 * @throws LayerError 404 `not_found`
 */
export async function ownedApp(call: Call): Promise<string> {
  const app = await findOwnApp(call, call.param("app"));
  // Nothing is set up any more of what is deleted; who wants to restores it first.
  if (app.deletedAt != null) throw notFound("The app is deleted");
  return app.appId;
}

/**
 * The same, deleted or not, named as in paths. One of another environment than the name says is not there.
 * @throws LayerError 404 `not_found`
 */
export async function findOwnApp({ calls, grant }: Pick<Call, "calls" | "grant">, name: string): Promise<App> {
  const appId = parseAppId(name);
  if (appId === null) throw noApp();
  const { app } = await calls.inApp(appId).ask(GetApp, { accountId: grant.accountId });
  const environment = environmentInAppId(name);
  if (app === null || (environment !== null && environment !== environmentOf(app))) throw noApp();
  return app;
}

const noApp = () => notFound("There is no such app");
