import { type AppScope, isGranted, type Scope } from "@strata/contracts";
import { accessDenied, invalidProperty } from "@strata/layer-protocol";

/** A webhook as somebody sets it. */
interface Webhook {
  readonly url: string;
  readonly property: string;
  /** What it tells, as a scope: who may not read that may not have it told to a URL. */
  readonly tells: AppScope;
}

/**
 * Holds a URL to what webhooks may be called by; whether its address is on the open internet is seen with each call.
 * @throws LayerError 403 `access_denied`; 422 `invalid_property`
 */
export function requireWebhook(
  { url, property, tells }: Webhook,
  { scopes, isLocalAllowed }: { readonly scopes: readonly Scope[]; readonly isLocalAllowed: boolean },
): void {
  const { protocol, username, password } = new URL(url);
  if (username !== "" || password !== "") throw invalidProperty(property, "must have no user and no password in it");
  if (protocol !== "https:" && !isLocalAllowed) throw invalidProperty(property, "must be an https URL");
  if (!isGranted(scopes, tells))
    throw accessDenied(`The token lacks the scope ${tells}, which a webhook gives to its URL`);
}
