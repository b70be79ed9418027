import {
  type Account,
  type AccountMember,
  type App,
  closedState,
  environmentOf,
  type IdentityKey,
  type IdentityProvider,
  type Token,
} from "@strata/contracts";
import { appUri, formatOptionalTime, formatTime, objectUri } from "@strata/layer-protocol";

/** `app_id` is what stands in paths; `id` is the same as the original API writes it. */
export const appView = (baseUrl: string, app: App) => ({
  id: appUri(app.appId, environmentOf(app)),
  url: `${baseUrl}/accounts/apps/${app.appId}`,
  app_id: app.appId,
  name: app.name,
  environment: environmentOf(app),
  sibling_of: app.siblingOf ?? null,
  state: closedState(app) ?? ("active" as const),
  created_at: formatTime(app.createdAt),
  suspended_at: formatOptionalTime(app.suspendedAt ?? null),
  deleted_at: formatOptionalTime(app.deletedAt ?? null),
  restorable_until: formatOptionalTime(app.purgeAt ?? null),
});

/** Never its text: that is shown once, beside this, when it is made. */
export const tokenView = (baseUrl: string, appId: string | null, token: Token) => ({
  id: token.tokenId,
  url: `${baseUrl}/accounts${appId === null ? "" : `/apps/${appId}`}/tokens/${token.tokenId}`,
  app_id: appId,
  member_id: token.memberId ?? null,
  name: token.name,
  scopes: token.scopes,
  created_at: formatTime(token.createdAt),
  expires_at: formatOptionalTime(token.expiresAt),
  revoked_at: formatOptionalTime(token.revokedAt),
  last_used_at: formatOptionalTime(token.lastUsedAt ?? null),
  replaced_by: token.replacedBy ?? null,
});

export const accountView = ({ accountId, name, email, isSandbox, createdAt, liftedAt }: Account) => ({
  id: accountId,
  name,
  email,
  sandbox: isSandbox,
  created_at: formatTime(createdAt),
  lifted_at: formatOptionalTime(liftedAt),
});

/** Never a code: that is shown once, beside this, when it is made. */
export const accountMemberView = (baseUrl: string, member: AccountMember) => ({
  id: member.memberId,
  url: `${baseUrl}/accounts/members/${member.memberId}`,
  email: member.email,
  name: member.name,
  role: member.role,
  state: member.state,
  invited_at: formatTime(member.invitedAt),
  joined_at: formatOptionalTime(member.joinedAt),
  changed_at: formatTime(member.changedAt),
  invitation_expires_at: formatOptionalTime(member.invitationExpiresAt),
});

const providerUrl = (baseUrl: string, appId: string, providerId: string): string =>
  `${baseUrl}/accounts/apps/${appId}/identity_providers/${providerId}`;

/** `id` is the `iss` of its identity tokens. */
export const identityProviderView = (baseUrl: string, provider: IdentityProvider) => ({
  id: objectUri("providers", provider.providerId),
  url: providerUrl(baseUrl, provider.appId, provider.providerId),
  app_id: provider.appId,
  name: provider.name,
  created_at: formatTime(provider.createdAt),
});

/** `id` is the `kid` of the identity tokens that it is for. */
export const identityKeyView = (baseUrl: string, appId: string, key: IdentityKey) => ({
  id: objectUri("keys", key.keyId),
  url: `${providerUrl(baseUrl, appId, key.providerId)}/keys/${key.keyId}`,
  provider_id: objectUri("providers", key.providerId),
  public_key: key.publicKey,
  enabled: key.state === "enabled",
  created_at: formatTime(key.createdAt),
});
