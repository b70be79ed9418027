import { AuthenticateSession, readSessionToken } from "@strata/contracts";
import { sessionRequired } from "@strata/layer-protocol";
import type { Nonces } from "../sessions/nonces.ts";
import type { Calls } from "./calls.ts";
import type { KnownSession, SessionCache } from "./session-cache.ts";

export interface SessionDeps {
  readonly sessions: SessionCache;
  readonly nonces: Nonces;
}

/** `Layer session-token="…"`, in double or single quotes (client API 1.3). */
const sessionTokenIn = (header: string | undefined): string | null =>
  /^layer +session-token=(["'])([^"']*)\1 *$/i.exec(header ?? "")?.[2] ?? null;

/** The session under this token, when it is one. A text that can be none is refused without asking anybody. */
async function findSession(text: string, sessions: SessionCache, calls: Calls): Promise<KnownSession | null> {
  const token = readSessionToken(text);
  if (token === null) return null;
  const { appId, hash } = token;
  const found = await sessions.get(hash, async () => {
    const { session } = await calls.inApp(appId).ask(AuthenticateSession, { hash });
    return session && { ...session, appId };
  });
  // Looked at each time, since a cached one may have run out meanwhile.
  return found !== null && found.expiresAt > Date.now() ? found : null;
}

/**
 * The session of the token in `Authorization`. `onStranger` is told of one that is none, which may throw.
 * @throws LayerError 401 `authentication_required` with a fresh nonce: clients log in again with it (client API 3.4)
 */
export async function authenticateSession(
  header: string | undefined,
  { sessions, nonces }: SessionDeps,
  calls: Calls,
  onStranger: () => void,
): Promise<KnownSession> {
  const text = sessionTokenIn(header);
  const session = text === null ? null : await findSession(text, sessions, calls);
  if (session !== null) return session;
  if (text !== null) onStranger();
  throw sessionRequired(nonces.issue());
}
