import {
  AuthenticateSession,
  CreateSession,
  createSessionToken,
  EndSession,
  FindIdentityKey,
  readSessionToken,
} from "@strata/contracts";
import {
  environmentInAppId,
  invalidIdentityToken,
  invalidProperty,
  parseAppId,
  requireJsonObject,
  requireProperties,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { type Answer, created, noContent, type Route, type StrangerCall } from "../http/route.ts";
import { authenticateSession, type SessionDeps } from "../http/session-authentication.ts";
import { forAnybody } from "../openapi/client-operation.ts";
import { operation } from "../openapi/operation.ts";
import {
  NonceView,
  RootLinks,
  SessionPath,
  SessionRequest,
  SessionView,
  WebSocketQuery,
} from "../openapi/session-schemas.ts";
import { verifyIdentityToken } from "../sessions/identity-token.ts";

/** An identity token with its claims is far shorter. */
const MAX_BODY_BYTES = 32_768;

/** How a user logs in and out (client API 3), and what clients ask before they do. */
export const sessionRoutes = (deps: SessionDeps): readonly Route[] => [
  {
    method: "post",
    path: "/nonces",
    access: "anybody",
    isLimited: true,
    operation: forAnybody(
      operation({
        id: "createNonce",
        tag: "Client API",
        summary: "A nonce, for one identity token",
        description: "Works for ten minutes, and for one session. A body and an `Authorization` are ignored.",
        answer: { status: 201, description: "The nonce", schema: NonceView },
      }),
    ),
    handle: async () => created({ nonce: deps.nonces.issue() }),
  },
  {
    method: "post",
    path: "/sessions",
    access: "anybody",
    isLimited: true,
    maxBodyBytes: MAX_BODY_BYTES,
    operation: forAnybody(
      operation({
        id: "createSession",
        tag: "Client API",
        summary: "Log in with an identity token of the app's backend",
        description:
          "A token that is refused is 422 with `data.property` `identity_token` and a `data.reason`. An `Authorization` is " +
          "ignored: clients still send the one that has ended. A user's first session creates or changes her identity.",
        body: SessionRequest,
        answer: { status: 201, description: "Logged in", schema: SessionView, headers: RootLinks },
        errors: [413, 422],
      }),
    ),
    handle: (call) => login(call, deps),
  },
  {
    method: "delete",
    path: "/sessions/:token",
    access: "anybody",
    isLimited: true,
    operation: forAnybody(
      operation({
        id: "deleteSession",
        tag: "Client API",
        summary: "Log out",
        description:
          "Ends the session of this token, which is all it takes. One that is over, or never was, is 204 as well.",
        path: SessionPath,
        answer: { status: 204, description: "There is no such session any more" },
      }),
    ),
    handle: (call) => logout(call, deps),
  },
  {
    method: "get",
    path: "/",
    access: "anybody",
    isLimited: false,
    operation: forAnybody(
      operation({
        id: "getRoot",
        tag: "Client API",
        summary: "Where everything is; and, with an `Authorization`, whether its session is valid",
        query: WebSocketQuery,
        answer: { status: 200, description: "Links; and the session, if one was named, is valid", headers: RootLinks },
      }),
    ),
    handle: (call) => root(call, deps),
  },
  {
    method: "get",
    path: "/ping",
    access: "open",
    operation: {
      operationId: "ping",
      tags: ["Client API"],
      summary: "Whether anybody answers",
      security: [],
      responses: { "200": { description: "Somebody does" } },
    },
    handle: () => ({ status: 200 }),
  },
];

async function login(call: StrangerCall, { nonces }: SessionDeps): Promise<Answer> {
  const fields = requireJsonObject(call.body);
  requireProperties(fields, ["identity_token", "app_id"]);
  const { identity_token: identityToken, app_id: namedApp } = fields;
  const namedAs = typeof namedApp === "string" ? namedApp : "";
  const appId = parseAppId(namedAs);
  if (appId === null) throw invalidProperty("app_id", "must be the id of an app");
  if (typeof identityToken !== "string") throw invalidProperty("identity_token", "must be a text");

  const calls = call.calls.inApp(appId);
  const findKey = async (keyId: string) => (await calls.ask(FindIdentityKey, { keyId })).key;
  const { userId, nonce, claims } = await verifyIdentityToken(identityToken, { nonces, findKey });
  const text = createSessionToken(appId);
  const token = readSessionToken(text);
  if (token === null) throw new Error("unreachable: a new session token can be read");
  const { id, expiresAt } = nonce;
  const session = { userId, hash: token.hash, nonce: id, nonceExpiresAt: expiresAt, claims, at: Date.now() };
  const environment = environmentInAppId(namedAs);
  await calls
    .request(CreateSession, { ...session, ...(environment === null ? {} : { environment }) })
    .catch((error: unknown) => {
      const isUsed = error instanceof DomainError && error.code === "conflict" && error.details["property"] === "nonce";
      throw isUsed ? invalidIdentityToken("nonce_used", "its nonce was used before") : error;
    });
  return { status: 201, json: { session_token: text }, headers: linksOf(call) };
}

/** Only what is a session becomes a command: anybody may name whatever text they like here. */
async function logout(call: StrangerCall, { sessions }: SessionDeps): Promise<Answer> {
  const token = readSessionToken(call.param("token"));
  if (token === null) return noContent;
  const { appId, hash } = token;
  const calls = call.calls.inApp(appId);
  const { session } = await calls.ask(AuthenticateSession, { hash });
  if (session !== null) await calls.request(EndSession, { hash, at: Date.now() });
  // The others hear of it; here it holds from now on.
  sessions.forget(hash);
  return noContent;
}

/** A client whose socket was refused asks here why: 401 tells it to log in again (client API 3.4). */
async function root(call: StrangerCall, deps: SessionDeps): Promise<Answer> {
  const header = call.header("Authorization");
  if (header !== undefined) await authenticateSession(header, deps, call.calls, call.door);
  return { status: 200, headers: linksOf(call) };
}

const linksOf = ({ wire }: StrangerCall) => ({
  Link: ["nonces", "sessions", "conversations", "content"]
    .map((rel) => `<${wire.baseUrl}/${rel}>; rel=${rel}`)
    .join(", "),
});
