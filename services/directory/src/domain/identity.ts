import { type CreateIdentity, type IdentityFields, partitionOf, type PayloadOf } from "@strata/contracts";
import { identityOf, type UserRow, userKey } from "./user.ts";

/** An identity that a command wants, under the key of its user. */
export interface NewIdentity {
  readonly _id: string;
  readonly app: string;
  readonly by: string;
  readonly userId: string;
  readonly partition: number;
  readonly fields: IdentityFields;
  readonly createdAt: number;
  readonly sentAt: Date;
}

/** An identity for a row that has none. */
export interface Filling {
  readonly row: UserRow;
  readonly identity: NewIdentity;
}

interface Creation {
  readonly id: string;
  readonly app: string;
  readonly sentAt: Date;
  readonly payload: PayloadOf<typeof CreateIdentity>;
}

/**
 * The identities that a group of commands asks for, one for each user: the first command about her decides, as it would if
 * they came one by one.
 */
export function identitiesOf(creations: readonly Creation[], createdAt: number): ReadonlyMap<string, NewIdentity> {
  const identities = new Map<string, NewIdentity>();
  for (const { id, app, sentAt, payload } of creations) {
    const { userId, fields } = payload;
    const _id = userKey(app, userId);
    if (identities.has(_id)) continue;
    identities.set(_id, { _id, app, by: id, userId, partition: partitionOf(userId), fields, createdAt, sentAt });
  }
  return identities;
}

/** A creation from before the deletion of her identity: what it made is gone, and stays gone. */
export const isFromBeforeDeletion = ({ identityDeletedAt }: UserRow, sentAt: Date): boolean =>
  sentAt.getTime() <= identityDeletedAt;

/** Of the rows that were there, those that get the identity that was wanted for them. */
export const fillingsOf = (
  stored: ReadonlyMap<string, UserRow>,
  wanted: ReadonlyMap<string, NewIdentity>,
): readonly Filling[] =>
  [...wanted.values()].flatMap((identity) => {
    const row = stored.get(identity._id);
    return row && !identityOf(row) && !isFromBeforeDeletion(row, identity.sentAt) ? [{ row, identity }] : [];
  });

/** The one partition that all of these users are in; null when they are in several. */
export function commonPartitionOf(userIds: readonly string[]): number | null {
  const [first] = userIds;
  if (first === undefined) return null;
  const partition = partitionOf(first);
  return userIds.every((userId) => partitionOf(userId) === partition) ? partition : null;
}
