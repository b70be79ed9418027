import type { App, Token } from "@strata/contracts";
import { appUri, formatOptionalTime, formatTime } from "@strata/layer-protocol";

/** `app_id` is what stands in paths; `id` is the same as the original API writes it. */
export const appView = (baseUrl: string, app: App) => ({
  id: appUri(app.appId),
  url: `${baseUrl}/accounts/apps/${app.appId}`,
  app_id: app.appId,
  name: app.name,
  created_at: formatTime(app.createdAt),
});

/** Never its text: that is shown once, beside this, when it is made. */
export const tokenView = (baseUrl: string, appId: string, token: Token) => ({
  id: token.tokenId,
  url: `${baseUrl}/accounts/apps/${appId}/tokens/${token.tokenId}`,
  app_id: appId,
  name: token.name,
  scopes: token.scopes,
  created_at: formatTime(token.createdAt),
  expires_at: formatOptionalTime(token.expiresAt),
  revoked_at: formatOptionalTime(token.revokedAt),
});
