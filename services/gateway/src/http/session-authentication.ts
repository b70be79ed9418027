import { type AskAbout, type Calls, findSession, type KnownSession, type SessionCache } from "@strata/doors";
import { sessionRequired } from "@strata/layer-protocol";
import type { Nonces } from "../sessions/nonces.ts";

export interface SessionDeps {
  readonly sessions: SessionCache;
  readonly nonces: Nonces;
}

/** `Layer session-token="…"`, in double or single quotes (client API 1.3). */
const sessionTokenIn = (header: string | undefined): string | null =>
  /^layer +session-token=(["'])([^"']*)\1 *$/i.exec(header ?? "")?.[2] ?? null;

/** What becomes of tokens that nobody knows. */
export interface AtTheDoor {
  readonly askAbout: AskAbout;
  /** Told of a token that is none, which may throw. */
  readonly onStranger: () => void;
}

/**
 * The session of the token in `Authorization`.
 * @throws LayerError 401 `authentication_required` with a fresh nonce: clients log in again with it (client API 3.4)
 */
export async function authenticateSession(
  header: string | undefined,
  { sessions, nonces }: SessionDeps,
  calls: Calls,
  { askAbout, onStranger }: AtTheDoor,
): Promise<KnownSession> {
  const text = sessionTokenIn(header);
  const session = text === null ? null : await findSession(text, sessions, calls, askAbout);
  if (session !== null) return session;
  if (text !== null) onStranger();
  throw sessionRequired(nonces.issue());
}
