import { UsersKnown } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";
import type { IdentityStore } from "../store/identity-store.ts";

interface Deps {
  readonly identities: Pick<IdentityStore, "makeKnown">;
  readonly publisher: Publisher;
}

/**
 * Makes known whoever of these users is not yet, and tells of it. Who is known since the command's own time was made known
 * by it, so a redelivery tells the same.
 */
export async function makeKnown(
  { identities, publisher }: Deps,
  cause: Delivery<unknown>,
  userIds: readonly string[],
  at: number,
): Promise<void> {
  if (userIds.length === 0) return;
  const known = await identities.makeKnown(cause.app, userIds, at);
  if (known.length === 0) return;
  await publisher.emit(UsersKnown, cause.app, { userIds: [...known], at }, { id: `${cause.id}.users-known`, cause });
}
