import type { Delivery } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { isKnownAt, type UserRow } from "../domain/user.ts";
import type { IdentityStore, UserChange } from "../store/identity-store.ts";

/** What a command came to: the user after it, and whether there is a change of its own to tell of. */
interface Changed {
  readonly user: UserRow;
  readonly isChanged: boolean;
}

/**
 * Applies one command to one user who is known; `decide` answers the change, null for none, or why it may not happen. A
 * command that is delivered again finds itself on the row and changes nothing more, but has its change to tell of again.
 */
export async function changeUser(
  identities: IdentityStore,
  { id, app, sentAt, payload }: Delivery<{ readonly userId: string }>,
  decide: (user: UserRow) => UserChange | DomainError | null,
): Promise<Changed | DomainError> {
  const user = await identities.find(app, payload.userId);
  if (!user || !isKnownAt(user, sentAt)) return new DomainError("not_found");
  if (user.changedBy === id) return { user, isChanged: true };
  const change = decide(user);
  if (change instanceof DomainError) return change;
  if (!change) return { user, isChanged: false };
  return { user: await identities.change(user, change, id), isChanged: true };
}
