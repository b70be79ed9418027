import { NO_APP } from "@strata/contracts";
import { type LayerVersion, negotiateVersion, NEWEST_VERSION, requireLayerPatchType } from "@strata/layer-protocol";
import type { Client, Publisher } from "@strata/messaging";
import type { Request, RequestHandler, Response } from "express";
import { authenticate, authorize } from "./authentication.ts";
import type { BodyBudget } from "./body-budget.ts";
import { callsOf } from "./calls.ts";
import type { GrantCache } from "./grant-cache.ts";
import type { InFlight } from "./in-flight.ts";
import { otherTypeOf, sendStream } from "./other-types.ts";
import type { RateLimit } from "./rate-limit.ts";
import { readJson } from "./read-json.ts";
import { isNdjson, readLines } from "./read-lines.ts";
import { contextOf } from "./request-context.ts";
import type { Answer, Call, GuardedRoute, Route } from "./route.ts";
import { sendAnswer } from "./send.ts";
import { isServedIn, notServed } from "./served-versions.ts";

export interface ServingDeps {
  readonly broker: Client & Pick<Publisher, "send">;
  readonly grants: GrantCache;
  readonly rates: RateLimit;
  readonly inFlight: InFlight;
  readonly bodies: BodyBudget;
  readonly publicUrl: string;
  readonly deadlineMs: number;
}

/**
 * Serves one route in the order that the contract gives to the checks (server API 3.3). `siblings` are all routes of its
 * path, itself included: what else there is in a version that does not have this one.
 */
export const serveRoute =
  (route: Route, siblings: readonly Route[], deps: ServingDeps): RequestHandler =>
  async (request, response) => {
    if (route.access === "open") return sendAnswer(response, route.handle());
    if (route.access === "signed") {
      return route.stream(request, response, requireParam(stringParams(request.params), "token"));
    }
    const otherType = otherTypeOf(request.headers.accept, route.otherTypes ?? []);
    const negotiate = (): LayerVersion => {
      const version = otherType === null ? negotiateVersion(request.headers.accept) : NEWEST_VERSION;
      if (!isServedIn(route, version)) throw notServed(siblings, version);
      if (isLayerPatch(route)) requireLayerPatchType(request.headers["content-type"]);
      return version;
    };
    await serveGuarded(route, { negotiate, otherType }, deps, request, response);
  };

async function serveGuarded(
  route: GuardedRoute,
  { negotiate, otherType }: { readonly negotiate: () => LayerVersion; readonly otherType: string | null },
  deps: ServingDeps,
  request: Request,
  response: Response,
): Promise<void> {
  const context = contextOf(response);
  const callsFor = (appId: string) =>
    callsOf({ broker: deps.broker, appId, cause: context.cause, deadlineMs: deps.deadlineMs });

  const grant = await authenticate(request.headers.authorization, deps.grants, callsFor(NO_APP));
  context.app = grant.appId;
  const params = stringParams(request.params);
  const appId = authorize(grant, route.access, params["app"]);
  deps.rates.take(grant.tokenId);
  const leave = deps.inFlight.enter(grant.appId ?? grant.accountId);
  const allowance = deps.bodies.open();
  try {
    const version = negotiate();
    const { maxBodyBytes, maxLineBytes } = route;
    const lines = maxLineBytes !== undefined && isNdjson(request) ? readLines(request, maxLineBytes) : null;
    const hasJson = maxBodyBytes !== undefined && lines === null;
    const body = hasJson ? await readJson(request, maxBodyBytes, allowance) : undefined;
    const call: Call = {
      grant,
      wire: { version, baseUrl: deps.publicUrl, appId },
      body,
      lines,
      allowance,
      otherType,
      query: request.query,
      // From here, so that a slow upload does not use up the other services' time.
      calls: callsFor(appId),
      header: (name) => request.get(name),
      param: (name) => requireParam(params, name),
    };
    await send(response, await route.handle(call));
  } finally {
    // What nobody has read of it is thrown away: a caller who is still sending does not see the answer else.
    if (!request.complete) request.resume();
    allowance.close();
    leave();
  }
}

/** A stream counts as under way until its last piece is sent. */
async function send(response: Response, answer: Answer): Promise<void> {
  if (answer.stream === undefined) return sendAnswer(response, answer);
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  await sendStream(response, answer.stream);
}

/** Every PATCH of the Layer Server API is one (section 5); extensions take plain JSON, and their operations say so. */
const isLayerPatch = ({ method, operation: { requestBody } }: GuardedRoute): boolean =>
  method === "patch" &&
  requestBody !== undefined &&
  "content" in requestBody &&
  "application/vnd.layer-patch+json" in requestBody.content;

/** Express types a parameter as a list too, for wildcards; our paths have none. */
const stringParams = (params: Readonly<Record<string, string | string[]>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(params).filter((entry): entry is [string, string] => typeof entry[1] === "string"));

function requireParam(params: Readonly<Record<string, string>>, name: string): string {
  const value = params[name];
  if (value === undefined) throw new Error(`this route's path has no :${name}`);
  return value;
}
