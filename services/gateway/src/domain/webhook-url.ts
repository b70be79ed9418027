import { invalidProperty } from "@strata/layer-protocol";

/**
 * Holds a URL to what webhooks may be called by; whether its address is on the open internet is seen with each call.
 * @throws LayerError 422 `invalid_property`
 */
export function requireWebhookUrl(url: string, property: string, isLocalAllowed: boolean): void {
  const { protocol, username, password } = new URL(url);
  if (username !== "" || password !== "") throw invalidProperty(property, "must have no user and no password in it");
  if (protocol !== "https:" && !isLocalAllowed) throw invalidProperty(property, "must be an https URL");
}
