import { AuthenticateSession, readSessionToken } from "@strata/contracts";
import { appClosed } from "@strata/layer-protocol";
import type { Calls } from "./calls.ts";
import type { KnownSession, SessionCache } from "./session-cache.ts";

/** How it is asked what is under the hash of a token; null: nothing. */
export type AskAbout = <T>(hash: string, ask: () => Promise<T | null>) => Promise<T | null>;

/**
 * The session under this token, when it is one. A text that can be none is refused without asking anybody.
 * @throws LayerError 403 `app_suspended`
 */
export async function findSession(
  text: string,
  sessions: SessionCache,
  calls: Calls,
  askAbout: AskAbout = (_hash, ask) => ask(),
): Promise<KnownSession | null> {
  const token = readSessionToken(text);
  if (token === null) return null;
  const { appId, hash } = token;
  const ask = async (): Promise<KnownSession | null> => {
    const { session, closed } = await calls.inApp(appId).ask(AuthenticateSession, { hash });
    if (closed !== undefined) return { userId: "", appId, expiresAt: Number.MAX_SAFE_INTEGER, closed };
    return session && { ...session, appId };
  };
  const found = await sessions.get(hash, () => askAbout(hash, ask));
  if (found?.closed !== undefined) throw appClosed(found.closed);
  // Looked at each time, since a cached one may have run out meanwhile.
  return found !== null && found.expiresAt > Date.now() ? found : null;
}
