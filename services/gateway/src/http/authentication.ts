import {
  AuthenticateToken,
  environmentOf,
  type Grant,
  isAppScope,
  isGranted,
  isWellFormedToken,
  NO_APP,
  type Scope,
  tokenHash,
} from "@strata/contracts";
import type { Calls } from "@strata/doors";
import {
  accessDenied,
  appClosed,
  authenticationRequired,
  environmentInAppId,
  invalidAppId,
  parseAppId,
} from "@strata/layer-protocol";
import type { GrantCache } from "./grant-cache.ts";
import type { AtTheDoor } from "./session-authentication.ts";
import type { TokenUses } from "./token-uses.ts";

/**
 * The grant of the token in `Authorization`. A text that cannot be a token is refused without asking anybody. Expiry is
 * looked at each time, since a cached grant may have run out meanwhile.
 * @throws LayerError 401 `authentication_required`; what the door throws
 */
export async function authenticate(
  header: string | undefined,
  { grants, tokenUses }: { readonly grants: GrantCache; readonly tokenUses: Pick<TokenUses, "note"> },
  calls: Calls,
  { askAbout, onStranger }: AtTheDoor,
): Promise<Grant> {
  const text = bearerToken(header);
  if (text === null || !isWellFormedToken(text)) throw authenticationRequired();
  const hash = tokenHash(text);
  const ask = async (): Promise<Grant | null> => {
    const reply = await calls.ask(AuthenticateToken, { hash });
    // Once a minute, as long as it is used: no request does more for it than any other.
    if (reply.grant !== null) tokenUses.note(reply.grant);
    return reply.grant;
  };
  const grant = await grants.get(hash, () => askAbout(hash, ask));
  if (grant === null) onStranger();
  if (grant === null || isExpired(grant)) throw authenticationRequired();
  return grant;
}

/** The scheme is compared without regard to case (server API 2.2). */
const bearerToken = (header: string | undefined): string | null => /^bearer +(\S+) *$/i.exec(header ?? "")?.[1] ?? null;

const isExpired = ({ expiresAt }: Grant): boolean => expiresAt !== null && expiresAt <= Date.now();

/**
 * The app a request is about, once its token allows it. A token of an account is no token of its apps: what it
 * administers it does not read.
 * @throws LayerError 403 `invalid_app_id` for another app, or in another environment; 403 `app_suspended`; 403 `access_denied` without the scope
 */
export function authorize(grant: Grant, scope: Scope, appInPath: string | undefined): string {
  if (!isAppScope(scope)) {
    requireScope(grant, scope);
    return NO_APP;
  }
  const appId = parseAppId(appInPath ?? "");
  if (appId === null || grant.appId !== appId) throw invalidAppId();
  const environment = environmentInAppId(appInPath ?? "");
  if (environment !== null && environment !== environmentOf(grant)) throw invalidAppId();
  if (grant.closed !== undefined) throw appClosed(grant.closed);
  requireScope(grant, scope);
  return appId;
}

/**
 * For a request that does, or shows, more than its route says.
 * @throws LayerError 403 `access_denied`
 */
export function requireScope({ scopes }: Pick<Grant, "scopes">, scope: Scope, why = ""): void {
  if (!isGranted(scopes, scope)) throw accessDenied(`The token lacks the scope ${scope}${why}`);
}
