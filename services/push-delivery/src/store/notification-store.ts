import { Millis, Notification } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** A push without a message, kept for as long as one of its pushes may still ask what it says. */
const StoredNotification = z.object({
  /** `<app>/<notification>` */
  _id: z.string(),
  app: z.string(),
  notification: Notification,
  recipientCount: z.number().int(),
  /** How many groups its recipients came in, and which of them are planned. */
  groups: z.number().int(),
  planned: z.array(z.number().int()),
  category: z.string().nullable(),
  isUrgent: z.boolean(),
  at: Millis,
  expiresAt: Millis,
  /** What it means, and which command made it: tells a repeat from something else under the same id. */
  digest: z.string(),
  by: z.string(),
  purgeAt: z.date(),
});
export type StoredNotification = z.infer<typeof StoredNotification>;

export interface NotificationStore {
  /** Stores one, unless there is one under its id: answers what is there then. */
  accept(row: Omit<StoredNotification, "purgeAt" | "planned">): Promise<StoredNotification>;
  find(app: string, notificationId: string): Promise<StoredNotification | null>;
  /** A group of its recipients is planned. */
  markPlanned(app: string, notificationId: string, group: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** For so long at least an id is known to be taken, and what became of its pushes can be asked. */
const KEPT_MS = 7 * 86_400_000;
/** Behind the last moment of a push that is under way. */
const AFTER_EXPIRY_MS = 3_600_000;

const keyOf = (app: string, notificationId: string): string => `${app}/${notificationId}`;

export function mongoNotificationStore(db: Db): NotificationStore {
  const notifications = db.collection<StoredNotification>("push_notifications");
  const findByKey = async (_id: string): Promise<StoredNotification | null> => {
    const row = await notifications.findOne({ _id });
    return row && StoredNotification.parse(row);
  };
  return {
    async accept(row) {
      const purgeAt = new Date(Math.max(row.expiresAt + AFTER_EXPIRY_MS, row.at + KEPT_MS));
      const stored = { ...row, planned: [], purgeAt };
      try {
        await notifications.insertOne(stored);
        return stored;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const existing = await findByKey(row._id);
        if (existing === null) throw new Error(`${row._id} was there and is not any more`, { cause: error });
        return existing;
      }
    },
    find: (app, notificationId) => findByKey(keyOf(app, notificationId)),
    async markPlanned(app, notificationId, group) {
      await notifications.updateOne({ _id: keyOf(app, notificationId) }, { $addToSet: { planned: group } });
    },
    async ensureIndexes() {
      await notifications.createIndex({ purgeAt: 1 }, { expireAfterSeconds: 0 });
    },
  };
}
