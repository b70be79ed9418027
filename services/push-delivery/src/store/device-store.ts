import { DeviceFields, Millis, partitionOf, UserId } from "@strata/contracts";
import { isDuplicateKey, readRows } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { Target } from "../domain/chunk.ts";
import {
  deviceKey,
  type DeviceRow,
  type EndedRegistration,
  type Registration,
  settleClaims,
  userKey,
} from "../domain/device.ts";
import { coalescing, withoutApp } from "./coalescing.ts";

const StoredDevice = DeviceFields.extend({
  _id: z.string(),
  app: z.string(),
  partition: z.number().int(),
  userId: UserId,
  deviceId: z.string(),
  registeredAt: Millis,
  by: z.string(),
});

/**
 * A device without a token: kept for a while, so that an old registration that comes again does not bring it back. Or a
 * user who was forgotten, with the time until which her registrations are void.
 */
const RemovedDevice = StoredDevice.pick({ _id: true, registeredAt: true, by: true }).extend({ removedAt: z.date() });

const StoredTargets = z.array(Target.extend({ app: z.string(), dueAt: Millis.default(0) }));

const Forgotten = StoredDevice.pick({ _id: true, userId: true, registeredAt: true });
type Forgotten = z.infer<typeof Forgotten>;

type StoredRow = Omit<DeviceRow, "token"> & { readonly token?: string; readonly removedAt?: Date };

/** A token that a provider called dead, as it was when it was sent to. */
export interface DeadToken {
  readonly target: Pick<Target, "userId" | "deviceId" | "token" | "registeredAt">;
  readonly key: string;
  /** Since when; null: the provider gave no time. */
  readonly deadSince: Date | null;
}

/** A device that its user does not want any more. */
interface Removal {
  readonly app: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly at: number;
  /** The command that removes it. */
  readonly by: string;
}

export interface DeviceStore {
  /**
   * Makes these registrations hold, as far as no newer one stands against them. `ending` is called with those that this
   * ends, before it does: who repeats it after it was done does not find them any more. Bears being repeated.
   */
  register(registrations: readonly DeviceRow[], ending?: (ended: readonly DeviceRow[]) => Promise<void>): Promise<void>;
  /**
   * Removes a device with what was registered of it until `at`, and keeps that from coming back; a newer registration
   * stays. `ending` as above. Bears being repeated.
   */
  remove(removal: Removal, ending: (ended: EndedRegistration) => Promise<void>): Promise<void>;
  /** A user's device; null without a token, and then whether it had one lately. */
  one(app: string, userId: string, deviceId: string): Promise<{ device: DeviceRow | null; wasThere: boolean }>;
  /** Where each of up to 1,000 devices is reached as of now, in order; null: nowhere. */
  asRegistered(app: string, targets: readonly Target[]): Promise<readonly (Target | null)[]>;
  /** A user's devices, the one registered last first. */
  ofUser(app: string, userId: string): Promise<readonly DeviceRow[]>;
  /** All devices of up to 1,000 users of one partition, each due at once. */
  ofUsers(app: string, partition: number, userIds: readonly string[]): Promise<readonly Target[]>;
  /** Removes devices whose token is dead, unless they were registered again since. */
  removeDead(dead: readonly DeadToken[]): Promise<void>;
  /** Removes what a user has registered until `at`, and keeps it from coming back. Bears being repeated. */
  forget(app: string, userId: string, at: number): Promise<void>;
  /** Who of up to 1,000 users was forgotten, and until when her registrations are void. */
  forgottenAmong(app: string, userIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one person carries. */
const MAX_LISTED = 1_000;
/** Devices per answer of the database: most batches fit one. */
const READ_SIZE = 4_000;
/** Somebody registered one of these devices meanwhile with another token, so from another queue. */
const ATTEMPTS = 5;

/** Sorts behind every command's id: who removes a device voids what was registered of it in the same millisecond, too. */
const LATEST_OF_ITS_TIME = "~";

const HAS_TOKEN = { token: { $exists: true } } as const;
/** Far longer than anybody waits before sending a dead-lettered command again. */
const REMOVED_KEPT_SECONDS = 90 * 86_400;

const TARGET_FIELDS = {
  _id: 0,
  app: 1,
  userId: 1,
  deviceId: 1,
  platform: 1,
  kind: 1,
  token: 1,
  environment: 1,
  appBundle: 1,
  webPushKeys: 1,
  registeredAt: 1,
} as const;

/** What of a device without a token is not kept: it is of no use, and as secret as the token. */
const ADDRESS = { token: "", webPushKeys: "" } as const;

export function mongoDeviceStore(db: Db): DeviceStore {
  const devices = db.collection<StoredRow>("devices");

  const rowsAbout = async (registrations: readonly DeviceRow[]) => {
    const tokens = registrations.map(({ app, kind, token }) => ({ app, kind, token }));
    const ids = registrations.flatMap(({ _id, app, userId }) => [_id, userKey(app, userId)]);
    const rows = await devices.find({ $or: [{ _id: { $in: ids } }, ...tokens] }).toArray();
    const [stored, removed]: [DeviceRow[], Registration[]] = [[], []];
    for (const row of rows) {
      if ("removedAt" in row) removed.push(RemovedDevice.parse(row));
      else stored.push(StoredDevice.parse(row));
    }
    return { stored, removed };
  };

  const findForgotten = async (keys: readonly string[]): Promise<readonly Forgotten[]> =>
    (await devices.find({ _id: { $in: [...keys] } }).toArray()).map((row) => Forgotten.parse(row));

  const sweep = async (forgotten: readonly Pick<Forgotten, "_id" | "registeredAt">[]): Promise<void> => {
    for (const { _id: key, registeredAt } of forgotten) {
      await devices.deleteMany({ _id: devicesBelow(key), registeredAt: { $lte: registeredAt } });
    }
  };

  return {
    async register(registrations, ending = async () => undefined) {
      for (let attempt = 1, isDone = false; !isDone; attempt += 1) {
        const { stored, removed } = await rowsAbout(registrations);
        const { removals, writes } = settleClaims(stored, removed, registrations);
        await ending(removals);
        try {
          if (removals.length > 0) await devices.bulkWrite(removals.map(removalOf), { ordered: false });
          if (writes.length > 0) await devices.bulkWrite(writes.map(writeOf), { ordered: false });
          isDone = true;
        } catch (error) {
          if (!isDuplicateKey(error) || attempt === ATTEMPTS) throw error;
        }
      }
      // Who was forgotten between our look and our write has left a note before her devices were removed.
      await sweep(await findForgotten(registrations.map(({ app, userId }) => userKey(app, userId))));
    },
    async remove({ app, userId, deviceId, at, by }, ending) {
      const _id = deviceKey(app, userId, deviceId);
      const removed = {
        app,
        partition: partitionOf(userId),
        userId,
        deviceId,
        registeredAt: at,
        by: `${LATEST_OF_ITS_TIME}${by}`,
      };
      for (let attempt = 1; ; attempt += 1) {
        const row = await devices.findOne({ _id }, { projection: { registeredAt: 1 } });
        if (row !== null && row.registeredAt > at) return;
        await ending({ userId, deviceId, registeredAt: at });
        try {
          const update = { $set: { ...removed, removedAt: new Date() }, $unset: ADDRESS };
          await devices.updateOne({ _id, registeredAt: { $lte: at } }, update, { upsert: true });
          return;
        } catch (error) {
          // A registration has come meanwhile, newer or older: the upsert tried to make a second row.
          if (!isDuplicateKey(error) || attempt === ATTEMPTS) throw error;
        }
      }
    },
    async one(app, userId, deviceId) {
      const row = await devices.findOne({ _id: deviceKey(app, userId, deviceId) });
      const hasToken = row !== null && !("removedAt" in row);
      return { device: hasToken ? StoredDevice.parse(row) : null, wasThere: row !== null };
    },
    async asRegistered(app, targets) {
      if (targets.length === 0) return [];
      const keyOf = ({ userId, deviceId }: Target): string => deviceKey(app, userId, deviceId);
      const rows = await devices
        .find({ _id: { $in: targets.map(keyOf) }, ...HAS_TOKEN }, { projection: TARGET_FIELDS })
        .toArray();
      const found = new Map(StoredTargets.parse(rows).map((target) => [keyOf(target), target]));
      return targets.map((target) => {
        const registered = found.get(keyOf(target));
        return registered === undefined ? null : { ...withoutApp(registered), dueAt: target.dueAt };
      });
    },
    async ofUser(app, userId) {
      const rows = await devices
        .find({ app, partition: partitionOf(userId), userId, ...HAS_TOKEN })
        .sort({ registeredAt: -1, _id: 1 })
        .limit(MAX_LISTED)
        .toArray();
      return rows.map((row) => StoredDevice.parse(row));
    },
    ofUsers: coalescing(async (questions) => {
      const rows = await readRows(db, {
        find: devices.collectionName,
        filter: {
          $or: questions.map(({ app, partition, userIds }) => ({
            app,
            partition,
            userId: { $in: [...userIds] },
            ...HAS_TOKEN,
          })),
        },
        projection: TARGET_FIELDS,
        batchSize: READ_SIZE,
      });
      return StoredTargets.parse(rows);
    }),
    async removeDead(dead) {
      if (dead.length === 0) return;
      const updates = dead.map(({ key, target, deadSince }) => ({
        updateOne: {
          filter: {
            _id: key,
            token: target.token,
            registeredAt: deadSince === null ? { $lte: target.registeredAt } : { $lt: deadSince.getTime() },
          },
          update: { $set: { removedAt: new Date() }, $unset: ADDRESS },
        },
      }));
      await devices.bulkWrite(updates, { ordered: false });
    },
    async forget(app, userId, at) {
      const _id = userKey(app, userId);
      const note = { app, partition: partitionOf(userId), userId, by: "", removedAt: new Date() };
      await devices.updateOne({ _id }, { $max: { registeredAt: at }, $set: note }, { upsert: true });
      await sweep([{ _id, registeredAt: at }]);
    },
    async forgottenAmong(app, userIds) {
      const rows = await findForgotten(userIds.map((userId) => userKey(app, userId)));
      return new Map(rows.map(({ userId, registeredAt }) => [userId, registeredAt]));
    },
    async ensureIndexes() {
      const partialFilterExpression = HAS_TOKEN;
      await devices.createIndex({ app: 1, partition: 1, userId: 1 }, { partialFilterExpression });
      // One physical token has one owner.
      await devices.createIndex({ app: 1, kind: 1, token: 1 }, { unique: true, partialFilterExpression });
      await devices.createIndex({ removedAt: 1 }, { expireAfterSeconds: REMOVED_KEPT_SECONDS });
    },
  };
}

/** All devices of the user with this key: the byte after "/" is "0". */
const devicesBelow = (key: string) => ({ $gt: key, $lt: `${key.slice(0, -1)}0` });

/** Refused as a duplicate where a newer registration has come meanwhile; the caller looks again then. */
const removalOf = ({ _id, app, partition, userId, deviceId, registeredAt, by }: DeviceRow) => ({
  updateOne: {
    filter: { _id, $or: [{ registeredAt: { $lt: registeredAt } }, { registeredAt, by: { $lte: by } }] },
    update: {
      $set: { app, partition, userId, deviceId, registeredAt, by, removedAt: new Date() },
      $unset: ADDRESS,
    },
    upsert: true,
  },
});

/** Likewise. */
const writeOf = ({ _id, ...row }: DeviceRow) => ({
  replaceOne: {
    filter: {
      _id,
      $or: [{ registeredAt: { $lt: row.registeredAt } }, { registeredAt: row.registeredAt, by: { $lt: row.by } }],
    },
    replacement: row,
    upsert: true,
  },
});
