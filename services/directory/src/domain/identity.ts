import { type CreateIdentity, type Identity, partitionOf, type PayloadOf } from "@strata/contracts";

/** An identity under its key, with the command that made it. */
export interface IdentityRow extends Identity {
  readonly _id: string;
  readonly app: string;
  readonly by: string;
}

/** The key of a user's identity: `<app>/<user id>`. */
export const identityKey = (app: string, userId: string): string => `${app}/${userId}`;

interface Creation {
  readonly id: string;
  readonly app: string;
  readonly payload: PayloadOf<typeof CreateIdentity>;
}

/**
 * The rows that a group of commands asks for, one for each user: the first command about her decides, as it would if
 * they came one by one.
 */
export function rowsOf(creations: readonly Creation[], createdAt: number): ReadonlyMap<string, IdentityRow> {
  const rows = new Map<string, IdentityRow>();
  for (const { id, app, payload } of creations) {
    const { userId, fields } = payload;
    const _id = identityKey(app, userId);
    if (rows.has(_id)) continue;
    rows.set(_id, { _id, app, by: id, userId, partition: partitionOf(userId), version: 1, createdAt, ...fields });
  }
  return rows;
}

/** The one partition that all of these users are in; null when they are in several. */
export function commonPartitionOf(userIds: readonly string[]): number | null {
  const [first] = userIds;
  if (first === undefined) return null;
  const partition = partitionOf(first);
  return userIds.every((userId) => partitionOf(userId) === partition) ? partition : null;
}
