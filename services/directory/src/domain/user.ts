import { Identity, IdentityFields, Millis, Partition, partitionOf, type User, UserId } from "@strata/contracts";
import { z } from "zod";
import { OWN, type Reasons } from "./reasons.ts";

/** What is known of one device of a user: nothing, once it is hers no more. */
const DeviceFacts = z.object({
  deviceId: z.string(),
  platform: z.string().nullable(),
  appVersion: z.string().nullable(),
  /** `versionKey` of `appVersion`. */
  versionKey: z.string().nullable(),
  locale: z.string().nullable(),
  timeZone: z.string().nullable(),
  registeredAt: Millis,
});

export type DeviceFacts = z.infer<typeof DeviceFacts>;

/** Where a user was last known to be; GeoJSON has the longitude first. */
const Location = z.object({
  point: z.object({ type: z.literal("Point"), coordinates: z.tuple([z.number(), z.number()]) }),
  at: Millis,
});

/**
 * All that is stored of one user. With the fields of an identity she has one; without, she is known by name only. Once she
 * was deleted as a user the row stays as a tombstone without `userId` and `partition`, so that the index of who is known
 * does not hold her, and her version goes on from there should she come back.
 */
export const UserRow = IdentityFields.partial().extend({
  _id: z.string(),
  app: z.string(),
  userId: UserId.optional(),
  partition: Partition.optional(),
  /** Since when she is known. */
  createdAt: Millis.optional(),
  /** Goes up with every change of this row, and never back. */
  version: z.number().int(),
  /** The command that made her identity, by which a redelivery knows its own row. */
  by: z.string().optional(),
  /** The last command that changed her. All that change a user come in order, so a redelivered one finds itself here. */
  changedBy: z.string().optional(),
  isSuspended: z.boolean().default(false),
  /** Why she is (`Reasons`); nothing, as in rows of before reasons were kept: because of her backend. */
  suspendedBy: z.array(z.string()).default([]),
  /** A session is valid if it began later than this and she is not suspended. */
  sessionsEndedAt: Millis.default(0),
  /** When she first logged in. */
  firstSessionAt: Millis.optional(),
  externalUnread: z.number().int().default(0),
  /** When an identity of hers was deleted last: a creation from before does nothing any more. */
  identityDeletedAt: Millis.default(0),
  /** When she was deleted last; kept when she comes back. Nothing from before makes her known, or makes friends for her. */
  forgottenAt: Millis.default(0),
  location: Location.optional(),
  /** When she last was there, by whatever sign. */
  lastSeenAt: Millis.optional(),
  visitedAt: Millis.optional(),
  devices: z.array(DeviceFacts).optional(),
  /** What her app speaks, and where her clock is: as her backend says in her metadata, else as her newest device has it. */
  locale: z.string().optional(),
  timeZone: z.string().optional(),
});
export type UserRow = z.infer<typeof UserRow>;

/** As it is written: what has a default may be absent. */
export type UserDocument = z.input<typeof UserRow>;

/** The key of a user: `<app>/<user id>`. */
export const userKey = (app: string, userId: string): string => `${app}/${userId}`;

export const identityFieldNames = IdentityFields.keyof().options;

/** Why she is suspended; nothing where she is not. */
export const suspensionOf = ({ isSuspended, suspendedBy }: UserRow): Reasons => {
  if (!isSuspended) return [];
  return suspendedBy.length === 0 ? [OWN] : suspendedBy;
};

/** Whether a command that was sent at this time is about the user as she is now, and not about one who was deleted. */
export const isKnownAt = ({ userId, forgottenAt }: UserRow, sentAt: Date): boolean =>
  userId !== undefined && sentAt.getTime() > forgottenAt;

export const identityOf = (row: UserRow): Identity | null =>
  row.userId === undefined || row.displayName === undefined ? null : Identity.parse(row);

export const userOf = (row: UserRow): User | null =>
  row.userId === undefined
    ? null
    : {
        userId: row.userId,
        identity: identityOf(row),
        isSuspended: row.isSuspended,
        externalUnread: row.externalUnread,
        ...(row.createdAt === undefined ? {} : { createdAt: row.createdAt }),
        ...(row.lastSeenAt === undefined ? {} : { lastSeenAt: row.lastSeenAt }),
        ...(row.visitedAt === undefined ? {} : { visitedAt: row.visitedAt }),
      };

/** A user who was named, and of whom nothing else is known. */
export const namedUser = (app: string, userId: string, at: number): UserDocument => ({
  _id: userKey(app, userId),
  app,
  userId,
  partition: partitionOf(userId),
  createdAt: at,
  version: 1,
});
