import { type Grant, NO_APP } from "@strata/contracts";
import { type Calls, callsOf, type RateLimit } from "@strata/doors";
import {
  invalidHeader,
  type LayerVersion,
  negotiateVersion,
  NEWEST_VERSION,
  requireLayerPatchType,
  usesIdentityIds,
} from "@strata/layer-protocol";
import type { Client, Publisher } from "@strata/messaging";
import type { Request, RequestHandler, Response } from "express";
import { authenticate, authorize } from "./authentication.ts";
import type { BodyBudget, BodyOwner } from "./body-budget.ts";
import { callerAddress, originOf } from "./caller-address.ts";
import type { GrantCache } from "./grant-cache.ts";
import type { InFlight, OneOfMany } from "./in-flight.ts";
import { otherTypeOf, sendStream } from "./other-types.ts";
import type { Newcomers } from "./newcomers.ts";
import { readJson } from "./read-json.ts";
import { isNdjson, readLines } from "./read-lines.ts";
import { hurryReceiving } from "./receive-limit.ts";
import { contextOf } from "./request-context.ts";
import type { Answer, Call, GuardedRoute, Route, StrangerRoute } from "./route.ts";
import { sendAnswer } from "./send.ts";
import { isServedIn, notServed } from "./served-versions.ts";
import type { TokenUses } from "./token-uses.ts";
import { type AtTheDoor, authenticateSession, type SessionDeps } from "./session-authentication.ts";

export interface ServingDeps extends SessionDeps {
  readonly broker: Client & Pick<Publisher, "send">;
  readonly grants: GrantCache;
  readonly tokenUses: Pick<TokenUses, "note">;
  readonly rates: RateLimit;
  /** Of addresses, for what they do without having logged in. */
  readonly strangerRates: RateLimit;
  readonly newcomers: Newcomers;
  /** Proxies of our own between callers and this. */
  readonly proxyHops: number;
  readonly inFlight: InFlight;
  /** Of the places that an app's users have together, and of those of all who have not logged in. */
  readonly maxInFlight: { readonly perUser: number; readonly perAddress: number };
  readonly bodies: BodyBudget;
  /** How long the body of a stranger may take to come in. */
  readonly strangerReceiveTimeoutMs: number;
  readonly publicUrl: string;
  readonly deadlineMs: number;
}

/** How much of all bodies held at once may be whose, so that nobody can send so much that the others are not heard. */
const BODY_SHARES = { strangers: 1 / 16, app: 1 / 4, users: 1 / 8, user: 1 / 32 };

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
    if (route.access === "anybody") return serveStranger(route, deps, request, response);
    const otherType = otherTypeOf(request.headers.accept, route.otherTypes ?? []);
    const negotiate = (): LayerVersion => {
      const negotiated = route.access === "session" ? clientVersion : negotiateVersion;
      const version = otherType === null ? negotiated(request.headers.accept) : NEWEST_VERSION;
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
  const callsFor = (appId: string) => callsIn(appId, deps, response);
  const admitted = route.access === "session" ? admitUser : admitToken;
  const { grant, appId, params, inFlightOf, inFlightOne, bodiesOf } = await admitted(route, deps, request, response);
  deps.rates.take(grant.tokenId);
  const leave = deps.inFlight.enter(inFlightOf, inFlightOne);
  const { maxBodyBytes, maxLineBytes } = route;
  const allowance = deps.bodies.open(bodiesOf, maxBodyBytes);
  try {
    const version = negotiate();
    const lines = maxLineBytes !== undefined && isNdjson(request) ? readLines(request, maxLineBytes) : null;
    const hasJson = maxBodyBytes !== undefined && lines === null;
    const body = hasJson ? await readJson(request, maxBodyBytes, allowance) : undefined;
    const call: Call = {
      grant,
      wire: { version, baseUrl: deps.publicUrl, appId, ...(route.access === "session" ? { isClientApi: true } : {}) },
      body,
      lines,
      allowance,
      otherType,
      query: request.query,
      origin: () => originOf(request, deps.proxyHops),
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

const callsIn = (appId: string, { broker, deadlineMs }: ServingDeps, response: Response): Calls =>
  callsOf({ broker, appId, cause: contextOf(response).cause, deadlineMs });

/** Who calls, and what the route may know of the path. */
interface Admitted {
  readonly grant: Grant;
  readonly appId: string;
  readonly params: Readonly<Record<string, string>>;
  /** Whose requests under way are counted together. */
  readonly inFlightOf: string;
  readonly inFlightOne?: OneOfMany;
  readonly bodiesOf: readonly BodyOwner[];
}

type Admitting = (route: GuardedRoute, deps: ServingDeps, request: Request, response: Response) => Promise<Admitted>;

/** A token that nobody knows counts against its address. */
function doorOf(request: Request, { newcomers, strangerRates, proxyHops }: ServingDeps): AtTheDoor {
  const address = callerAddress(request, proxyHops);
  return { askAbout: newcomers.from(address), onStranger: () => strangerRates.take(address) };
}

const admitToken: Admitting = async ({ access }, deps, request, response) => {
  const calls = callsIn(NO_APP, deps, response);
  const grant = await authenticate(request.headers.authorization, deps, calls, doorOf(request, deps));
  contextOf(response).app = grant.appId;
  const params = stringParams(request.params);
  // A session is no scope that a token could have.
  const appId = access === "session" ? NO_APP : authorize(grant, access, params["app"]);
  const owner = grant.appId ?? grant.accountId;
  return { grant, appId, params, inFlightOf: owner, bodiesOf: [{ key: owner, share: BODY_SHARES.app }] };
};

/** What she may do is what the route does with her own id, which no path of hers can name another for. */
const admitUser: Admitting = async (_route, deps, request, response) => {
  const calls = callsIn(NO_APP, deps, response);
  const session = await authenticateSession(request.headers.authorization, deps, calls, doorOf(request, deps));
  const { appId, userId, expiresAt } = session;
  contextOf(response).app = appId;
  const params = { ...stringParams(request.params), app: appId, user: userId };
  const grant: Grant = { tokenId: `${appId}/${userId}`, accountId: "", appId, scopes: [], expiresAt };
  // Apart from the backend's, so that an app's users cannot keep its backend out.
  const inFlightOf = `users of ${appId}`;
  const bodiesOf = [
    { key: appId, share: BODY_SHARES.app },
    { key: inFlightOf, share: BODY_SHARES.users },
    { key: grant.tokenId, share: BODY_SHARES.user },
  ];
  const inFlightOne = { key: `user ${grant.tokenId}`, max: deps.maxInFlight.perUser };
  return { grant, appId, params, inFlightOf, inFlightOne, bodiesOf };
};

/** The Client API begins with 2.0: older clients are refused before they misread identities for user ids. */
function clientVersion(accept: string | undefined): LayerVersion {
  const version = negotiateVersion(accept);
  if (usesIdentityIds(version)) return version;
  throw invalidHeader("Accept", "must be application/vnd.layer+json; version=X, X one of 2.0, 3.0");
}

async function serveStranger(
  route: StrangerRoute,
  deps: ServingDeps,
  request: Request,
  response: Response,
): Promise<void> {
  const address = callerAddress(request, deps.proxyHops);
  // Before it takes a place, which it keeps for as long as its body takes to come.
  if (route.isLimited) deps.strangerRates.take(address);
  const leave = deps.inFlight.enter("strangers", { key: `address ${address}`, max: deps.maxInFlight.perAddress });
  const { maxBodyBytes } = route;
  const allowance = deps.bodies.open([{ key: "strangers", share: BODY_SHARES.strangers }], maxBodyBytes);
  hurryReceiving(request, deps.strangerReceiveTimeoutMs);
  try {
    const version = clientVersion(request.headers.accept);
    const params = stringParams(request.params);
    const body = maxBodyBytes === undefined ? undefined : await readJson(request, maxBodyBytes, allowance);
    const call = {
      wire: { version, baseUrl: deps.publicUrl, appId: NO_APP, isClientApi: true },
      body,
      allowance,
      query: request.query,
      origin: () => originOf(request, deps.proxyHops),
      calls: callsIn(NO_APP, deps, response),
      header: (name: string) => request.get(name),
      param: (name: string) => requireParam(params, name),
      door: doorOf(request, deps),
    };
    sendAnswer(response, await route.handle(call));
  } finally {
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
