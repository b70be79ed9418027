import { App, type AppEnvironment, CreateApp, ListApps } from "@strata/contracts";
import { digestOf, type Intent, intentOf } from "@strata/doors";
import { parseIdempotencyKey, parseIfNoneMatch } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { AppBody, parseApp } from "../domain/account-requests.ts";
import { type Answer, type Call, created, ok, type Route } from "../http/route.ts";
import { AppView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";
import { appView } from "./account-views.ts";

const path = "/accounts/apps";

export const createApp = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "createApp",
    tag: "Accounts",
    summary: "Make an app under the token's account",
    headers: CreationHeaders,
    body: AppBody,
    answer: { status: 201, description: "The app", schema: AppView },
    errors: [409, 413, 422],
  }),
  handle: create,
});

const create = (call: Call): Promise<Answer> => makeApp(call, parseApp(call.body));

interface WantedApp {
  readonly name: string;
  readonly environment?: AppEnvironment;
  readonly siblingOf?: string;
}

export async function makeApp(call: Call, wanted: WantedApp): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const { accountId } = call.grant;
  const intent = intentOf({ scope: `${accountId}/apps`, chosenId: ifNoneMatch, idempotencyKey });
  try {
    const app = await call.calls.inApp(intent.id).request(
      CreateApp,
      { ...wanted, appId: intent.id, accountId, actor: actorOf(call) },
      {
        id: intent.commandId(() => digestOf({ ...wanted })),
      },
    );
    return created(appView(call.wire.baseUrl, app));
  } catch (error) {
    throw errorOf(error, call, intent);
  }
}

/** The directory shows the app under a taken id to its owner, and to nobody else. */
function errorOf(error: unknown, { wire }: Call, intent: Intent): unknown {
  if (!(error instanceof DomainError) || error.code !== "id_in_use") return error;
  const existing = App.safeParse(error.details["app"]);
  return intent.inUse(existing.success ? appView(wire.baseUrl, existing.data) : null);
}

export const listApps = (): Route => ({
  method: "get",
  path,
  access: "account:read",
  operation: operation({
    id: "listApps",
    tag: "Accounts",
    summary: "The apps of the token's account, oldest first",
    answer: { status: 200, description: "All of them", schema: z.array(AppView) },
  }),
  handle: list,
});

async function list(call: Call): Promise<Answer> {
  const { apps } = await call.calls.ask(ListApps, { accountId: call.grant.accountId });
  return ok(apps.map((app) => appView(call.wire.baseUrl, app)));
}
