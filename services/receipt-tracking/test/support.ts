import { compareUserIds, partitionOf } from "@strata/contracts";
import { openMongo } from "@strata/runtime";
import { type Infra, testLogger } from "@strata/testing";
import { Registry } from "prom-client";
import { receiptMetrics } from "../src/metrics.ts";
import type { Recipients } from "../src/recipients.ts";
import { mongoCountStore } from "../src/store/count-store.ts";
import { mongoReceiptStore } from "../src/store/receipt-store.ts";

export { aDelivery, recordingPublisher } from "@strata/messaging/testing";

/** This service's stores on a real database. */
export async function openStores(infra: Infra) {
  const mongo = await openMongo(infra.mongoUrl("receipts"), testLogger("receipt-tracking"));
  const counts = mongoCountStore(mongo.db);
  await counts.ensureIndexes();
  return {
    db: mongo.db,
    receipts: mongoReceiptStore(mongo.db),
    counts,
    metrics: receiptMetrics(new Registry()),
    [Symbol.asyncDispose]: () => mongo.close(),
  };
}

/** Announcement-fanout's answers about the announcements given here. */
export function recipientsOf(sent: Readonly<Record<string, readonly string[]>>) {
  /** How many users each question was about. */
  const asked: number[] = [];
  const recipients: Recipients = {
    async find(_app, checks) {
      asked.push(checks.reduce((sum, { userIds }) => sum + userIds.length, 0));
      return checks.map(({ announcementId, userIds }) => {
        const members = new Set(sent[announcementId]);
        return { announcementId, userIds: userIds.filter((userId) => members.has(userId)) };
      });
    },
    async list(_app, announcementId, after, limit) {
      const all = sent[announcementId]?.toSorted(behind);
      return all?.filter((userId) => after === null || behind(userId, after) > 0).slice(0, limit) ?? null;
    },
  };
  return { recipients, asked };
}

/** Written out again rather than taken from the code under test: the order in which announcement-fanout lists. */
const behind = (a: string, b: string): number => partitionOf(a) - partitionOf(b) || compareUserIds(a, b);
