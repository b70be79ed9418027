import { basicIdentity, identityView } from "./identities.ts";
import type { IdentityFields } from "./identities.ts";
import type { WireContext } from "./urls.ts";
import { usesIdentityIds } from "./versions.ts";

/** What an app lets its users see of each other. */
export interface IdentityVisibility {
  readonly showsPhoneNumbers: boolean;
  readonly showsEmailAddresses: boolean;
  readonly showsMetadata: boolean;
}

/**
 * A user's identity as another user, or she herself, may see it; a backend sees it as it is. What is hidden is unset, so
 * that nobody can tell whether there is something to hide.
 */
export function identitySeenBy(
  viewerId: string,
  userId: string,
  identity: IdentityFields,
  { showsPhoneNumbers, showsEmailAddresses, showsMetadata }: IdentityVisibility,
): IdentityFields {
  if (viewerId === userId) return identity;
  return {
    ...identity,
    phoneNumber: showsPhoneNumbers ? identity.phoneNumber : null,
    emailAddress: showsEmailAddresses ? identity.emailAddress : null,
    metadata: showsMetadata ? identity.metadata : {},
  };
}

/** `GET /users/:user` (server API 10.4). A user who is known by name only has no identity. */
export const userView = (
  wire: WireContext,
  { userId, identity, isSuspended }: { userId: string; identity: IdentityFields | null; isSuspended: boolean },
) => ({
  id: userId,
  identity: identity === null ? null : identityView(wire, userId, identity),
  suspended: isSuspended,
});

/** Whom a user blocks (server API 10.3): bare ids in objects in 1.x, identities from 2.0. */
export const blocksView = (
  wire: WireContext,
  blocked: readonly string[],
  identities: ReadonlyMap<string, Pick<IdentityFields, "displayName" | "avatarUrl">>,
) =>
  usesIdentityIds(wire.version)
    ? blocked.map((userId) => basicIdentity(wire, userId, identities.get(userId) ?? null))
    : blocked.map((userId) => ({ user_id: userId }));
