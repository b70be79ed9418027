import { type PersonalFacts, type PushFacts, UserLocation } from "@strata/contracts";
import type { Db, Document } from "mongodb";
import { regionOf } from "../domain/region.ts";
import { type DeviceFacts, isKnownAt, type UserDocument, userKey, UserRow } from "../domain/user.ts";

/** What comes to be known of users by the way. Times only go up, so that what comes late or again changes nothing. */
export interface UserFactsStore {
  /** Where she is then: this, or where she was later. Null: nobody knows her, or she was deleted since `sentAt`. */
  locate(app: string, userId: string, location: UserLocation, sentAt: Date): Promise<UserLocation | null>;
  findLocation(app: string, userId: string): Promise<UserLocation | null>;
  /** False when nobody knows her. */
  forgetLocation(app: string, userId: string, sentAt: Date): Promise<boolean>;
  /** False when nobody knows her. */
  visit(app: string, userId: string, at: number, sentAt: Date): Promise<boolean>;
  /** Who of these is known, with what is known of her. */
  findPersonalFacts(app: string, userIds: readonly string[]): Promise<readonly PersonalFacts[]>;
  /** Likewise. */
  findPushFacts(app: string, userIds: readonly string[]): Promise<readonly PushFacts[]>;
  /** For whom of these the app counts something itself, and how much. */
  findExternalUnread(app: string, userIds: readonly string[]): Promise<readonly ExternalUnread[]>;
  /**
   * Changes her devices, if `change` answers others, and with them her locale and time zone. Nothing from before she was
   * deleted last does; `isSeen`: it is also a sign of her.
   */
  changeDevices(
    app: string,
    userId: string,
    cause: { readonly at: number; readonly isSeen: boolean },
    change: (devices: readonly DeviceFacts[]) => readonly DeviceFacts[] | null,
  ): Promise<void>;
}

interface ExternalUnread {
  readonly userId: string;
  readonly count: number;
}

/** Somebody else changed her row meanwhile: far more often than that happens in a row. */
const ATTEMPTS = 10;

/** Her row for what was sent then: deleted later, she is somebody else by now. */
const known = (app: string, userId: string, sentAt: Date) => ({
  _id: userKey(app, userId),
  userId: { $exists: true },
  forgottenAt: { $not: { $gte: sentAt.getTime() } },
});

export function mongoUserFactsStore(db: Db): UserFactsStore {
  const identities = db.collection<UserDocument>("identities");

  const findLocation = async (app: string, userId: string): Promise<UserLocation | null> => {
    const row = await identities.findOne({ _id: userKey(app, userId) }, { projection: { location: 1 } });
    return row?.location ? locationOf(row.location) : null;
  };

  const findKnown = (app: string, userIds: readonly string[], projection: Document) => {
    const filter = { _id: { $in: userIds.map((userId) => userKey(app, userId)) }, userId: { $exists: true } };
    return identities.find(filter, { projection, batchSize: userIds.length + 1 }).toArray();
  };

  return {
    findLocation,
    async locate(app, userId, { latitude, longitude, at }, sentAt) {
      const location = {
        point: { type: "Point" as const, coordinates: [longitude, latitude] as [number, number] },
        at,
      };
      const located = await identities.updateOne(
        { ...known(app, userId, sentAt), "location.at": { $not: { $gt: at } } },
        { $set: { location }, $max: { lastSeenAt: at } },
      );
      if (located.matchedCount === 1) return { latitude, longitude, at };
      const row = await identities.findOne({ _id: userKey(app, userId) });
      if (!row || !isKnownAt(UserRow.parse(row), sentAt)) return null;
      return row.location ? locationOf(row.location) : null;
    },
    async forgetLocation(app, userId, sentAt) {
      const changed = await identities.updateOne(known(app, userId, sentAt), { $unset: { location: "" as const } });
      return changed.matchedCount === 1;
    },
    async visit(app, userId, at, sentAt) {
      const update = { $max: { visitedAt: at, lastSeenAt: at } };
      return (await identities.updateOne(known(app, userId, sentAt), update)).matchedCount === 1;
    },
    async findPersonalFacts(app, userIds) {
      return (await findKnown(app, userIds, PERSONAL)).map((row) => personalFactsOf(row));
    },
    async findPushFacts(app, userIds) {
      return (await findKnown(app, userIds, OF_PUSHES)).map(({ userId = "", timeZone = null, lastSeenAt = null }) => ({
        userId,
        timeZone,
        lastSeenAt,
      }));
    },
    async findExternalUnread(app, userIds) {
      const rows = await findKnown(app, userIds, { _id: 0, userId: 1, externalUnread: 1 });
      return rows.flatMap(({ userId = "", externalUnread: count = 0 }) => (count > 0 ? [{ userId, count }] : []));
    },
    async changeDevices(app, userId, { at, isSeen }, change) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const found = await identities.findOne({ _id: userKey(app, userId), userId: { $exists: true } });
        if (!found) return;
        const { _id, version, metadata, devices: before = [], forgottenAt } = UserRow.parse(found);
        if (at <= forgottenAt) return;
        const devices = change(before);
        if (devices === null) return;
        const { locale, timeZone } = regionOf({ metadata, devices });
        const changes = {
          devices: [...devices],
          locale: locale ?? "$$REMOVE",
          timeZone: timeZone ?? "$$REMOVE",
        };
        const changed = await identities.updateOne({ _id, version }, [
          { $set: literalsOf(changes) },
          { $set: { lastSeenAt: isSeen ? { $max: ["$lastSeenAt", at] } : "$lastSeenAt", version: version + 1 } },
        ]);
        if (changed.matchedCount === 1) return;
      }
      throw new Error(`the user ${userKey(app, userId)} is changed by others all the time`);
    },
  };
}

const PERSONAL = {
  _id: 0,
  userId: 1,
  locale: 1,
  displayName: 1,
  firstName: 1,
  lastName: 1,
  emailAddress: 1,
  phoneNumber: 1,
  metadata: 1,
} as const;

const OF_PUSHES = { _id: 0, userId: 1, timeZone: 1, lastSeenAt: 1 } as const;

const personalFactsOf = (row: Partial<UserDocument>): PersonalFacts => ({
  userId: row.userId ?? "",
  locale: row.locale ?? null,
  displayName: row.displayName ?? null,
  firstName: row.firstName ?? null,
  lastName: row.lastName ?? null,
  emailAddress: row.emailAddress ?? null,
  phoneNumber: row.phoneNumber ?? null,
  metadata: row.metadata ?? {},
});

/** A text may begin with `$`, and would be a path in a pipeline. */
const literalsOf = (changes: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(changes).map(([name, value]) => [name, value === "$$REMOVE" ? value : { $literal: value }]),
  );

const locationOf = ({ point, at }: NonNullable<UserDocument["location"]>): UserLocation => {
  const [longitude, latitude] = point.coordinates;
  return UserLocation.parse({ latitude, longitude, at });
};
