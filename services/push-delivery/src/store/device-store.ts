import { DeviceFields, Millis, partitionOf, UserId } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { Target } from "../domain/chunk.ts";
import { type DeviceRow, settleClaims } from "../domain/device.ts";

const StoredDevice = DeviceFields.extend({
  _id: z.string(),
  app: z.string(),
  partition: z.number().int(),
  userId: UserId,
  deviceId: z.string(),
  registeredAt: Millis,
  by: z.string(),
});

const StoredTargets = z.array(Target.extend({ dueAt: Millis.default(0) }));

/** A token that a provider called dead, as it was when it was sent to. */
export interface DeadToken {
  readonly target: Pick<Target, "userId" | "deviceId" | "token" | "registeredAt">;
  readonly key: string;
  /** Since when; null: the provider gave no time. */
  readonly deadSince: Date | null;
}

export interface DeviceStore {
  /** Makes these registrations hold, as far as no newer one stands against them. Bears being repeated. */
  register(registrations: readonly DeviceRow[]): Promise<void>;
  /** A user's devices, the one registered last first. */
  ofUser(app: string, userId: string): Promise<readonly DeviceRow[]>;
  /** All devices of up to 1,000 users of one partition, each due at once. */
  ofUsers(app: string, partition: number, userIds: readonly string[]): Promise<readonly Target[]>;
  /** Removes devices whose token is dead, unless they were registered again since. */
  removeDead(dead: readonly DeadToken[]): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** A bound on memory, far above what one person carries. */
const MAX_LISTED = 1_000;
/** Devices per answer of the database: most batches fit one. */
const READ_SIZE = 4_000;
/** Somebody registered one of these devices meanwhile with another token, so from another queue. */
const ATTEMPTS = 5;

const TARGET_FIELDS = {
  _id: 0,
  userId: 1,
  deviceId: 1,
  platform: 1,
  kind: 1,
  token: 1,
  environment: 1,
  appBundle: 1,
  registeredAt: 1,
} as const;

export function mongoDeviceStore(db: Db): DeviceStore {
  const devices = db.collection<DeviceRow>("devices");

  const claimsAgainst = async (registrations: readonly DeviceRow[]): Promise<readonly DeviceRow[]> => {
    const tokens = registrations.map(({ app, kind, token }) => ({ app, kind, token }));
    const rows = await devices
      .find({ $or: [{ _id: { $in: registrations.map(({ _id }) => _id) } }, ...tokens] })
      .toArray();
    return rows.map((row) => StoredDevice.parse(row));
  };

  return {
    async register(registrations) {
      for (let attempt = 1; ; attempt += 1) {
        const { removals, writes } = settleClaims(await claimsAgainst(registrations), registrations);
        if (removals.length > 0) {
          // Only the very registration that was looked at: a newer one may have come in its place.
          await devices.deleteMany({ $or: removals.map(({ _id, registeredAt, by }) => ({ _id, registeredAt, by })) });
        }
        if (writes.length === 0) return;
        try {
          await devices.bulkWrite(writes.map(upsertUnlessNewer), { ordered: false });
          return;
        } catch (error) {
          if (!isDuplicateKey(error) || attempt === ATTEMPTS) throw error;
        }
      }
    },
    async ofUser(app, userId) {
      const rows = await devices
        .find({ app, partition: partitionOf(userId), userId })
        .sort({ registeredAt: -1, _id: 1 })
        .limit(MAX_LISTED)
        .toArray();
      return rows.map((row) => StoredDevice.parse(row));
    },
    async ofUsers(app, partition, userIds) {
      const filter = { app, partition, userId: { $in: [...userIds] } };
      const rows = await devices.find(filter, { projection: TARGET_FIELDS, batchSize: READ_SIZE }).toArray();
      return StoredTargets.parse(rows);
    },
    async removeDead(dead) {
      if (dead.length === 0) return;
      const deletions = dead.map(({ key, target, deadSince }) => ({
        deleteOne: {
          filter: {
            _id: key,
            token: target.token,
            registeredAt: deadSince === null ? { $lte: target.registeredAt } : { $lt: deadSince.getTime() },
          },
        },
      }));
      await devices.bulkWrite(deletions, { ordered: false });
    },
    async ensureIndexes() {
      await devices.createIndex({ app: 1, partition: 1, userId: 1 });
      // One physical token has one owner.
      await devices.createIndex({ app: 1, kind: 1, token: 1 }, { unique: true });
    },
  };
}

const upsertUnlessNewer = ({ _id, ...row }: DeviceRow) => {
  const { registeredAt, by } = row;
  const isOlder = [{ registeredAt: { $lt: registeredAt } }, { registeredAt, by: { $lte: by } }];
  return { replaceOne: { filter: { _id, $or: isOlder }, replacement: row, upsert: true } };
};
