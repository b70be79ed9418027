import type { IncomingMessage } from "node:http";
import { AuthenticateSession, readSessionToken } from "@strata/contracts";
import { findSession, type KnownSession, type SessionCache, type SettingsCache } from "@strata/doors";
import type { LayerVersion } from "@strata/layer-protocol";
import { type CallDeps, callIn } from "../views/call.ts";
import type { Connection } from "./connection.ts";

/** Whom an upgrade lets in. */
export interface Admitted {
  readonly session: KnownSession;
  /** Of the session's token. */
  readonly hash: string;
  readonly version: LayerVersion;
  readonly protocol: string;
}

/** Why it does not: an HTTP status, which browsers do not show to pages (client API 3.4). */
export class UpgradeRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Deps {
  readonly sessions: SessionCache;
  readonly settings: Pick<SettingsCache, "of">;
  readonly calls: CallDeps;
}

const PROTOCOLS: ReadonlyMap<string, LayerVersion> = new Map([
  ["layer-3.0", "3.0"],
  ["layer-2.0", "2.0"],
]);

/**
 * Looks at an upgrade before it is one (client API 6.1): the subprotocol, the token of the query or of `Authorization`, and
 * the page's origin.
 * @throws UpgradeRefusal 400, 401 or 403; whatever a service that does not answer throws
 */
export async function admit(request: IncomingMessage, { sessions, settings, calls }: Deps): Promise<Admitted> {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
  const protocol = offered.find((one) => PROTOCOLS.has(one));
  const version = protocol === undefined ? undefined : PROTOCOLS.get(protocol);
  if (protocol === undefined || version === undefined) {
    throw new UpgradeRefusal(400, `the subprotocol must be one of ${[...PROTOCOLS.keys()].join(", ")}`);
  }
  const text = tokenOf(request);
  const token = readSessionToken(text);
  if (token === null) throw new UpgradeRefusal(401, "a session token is required");
  const call = callIn(calls, { appId: token.appId, version });
  const session = await findSession(text, sessions, call.calls);
  if (session === null) throw new UpgradeRefusal(401, "the session has ended");
  const { allowedOrigins = [] } = await settings.of(call);
  const { origin } = request.headers;
  // Whoever sends no origin is no browser, and can say what she likes.
  if (origin !== undefined && allowedOrigins.length > 0 && !allowedOrigins.includes(origin)) {
    throw new UpgradeRefusal(403, "this origin may not open sockets of this app");
  }
  return { session, hash: token.hash, version, protocol };
}

/**
 * Whether the session of a socket still lives, asked once it is registered: one that ended while its upgrade was under way
 * was not to be found among the sockets then. Costs nothing where nothing has ended.
 */
export async function livesOn(
  { hash, session: { appId }, version }: Pick<Connection, "hash" | "session" | "version">,
  { sessions, calls }: Omit<Deps, "settings">,
): Promise<boolean> {
  const found = await sessions.get(hash, async () => {
    const { session } = await callIn(calls, { appId, version }).calls.ask(AuthenticateSession, { hash });
    return session && { ...session, appId };
  });
  return found !== null && found.closed === undefined;
}

function tokenOf({ url = "/", headers: { authorization } }: IncomingMessage): string {
  const query = new URLSearchParams(url.split("?")[1] ?? "").get("session_token");
  return query ?? /^layer +session-token=(["'])([^"']*)\1 *$/i.exec(authorization ?? "")?.[2] ?? "";
}
