import { compareUserIds, partitionOf } from "@strata/contracts";
import { openMongo } from "@strata/runtime";
import { type Infra, testLogger } from "@strata/testing";
import type { Db } from "mongodb";
import { Registry } from "prom-client";
import { z } from "zod";
import { receiptMetrics } from "../src/metrics.ts";
import { openStores as openMongoStores } from "../src/store/open-stores.ts";
import type { Recipients } from "../src/recipients.ts";

export { aDelivery, recordingPublisher } from "@strata/messaging/testing";

/** This service's stores on a real database. */
export async function openStores(infra: Infra) {
  const mongo = await openMongo(infra.mongoUrl("receipts"), testLogger("receipt-tracking"));
  return {
    db: mongo.db,
    ...(await openMongoStores(mongo.db)),
    metrics: receiptMetrics(new Registry()),
    [Symbol.asyncDispose]: () => mongo.close(),
  };
}

/** One operation as MongoDB's profiler saw it. */
const Profiled = z.object({
  ns: z.string(),
  planSummary: z.string().optional(),
  docsExamined: z.number().default(0),
  keysExamined: z.number().default(0),
});

/** Every reading that the database did meanwhile, from its own profiler. */
export async function profiled(db: Db, work: () => Promise<unknown>) {
  await db.command({ profile: 2 });
  await work();
  await db.command({ profile: 0 });
  const seen = z.array(Profiled).parse(await db.collection("system.profile").find().toArray());
  await db.dropCollection("system.profile");
  return seen.filter(({ ns, planSummary }) => planSummary !== undefined && !ns.endsWith("system.profile"));
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
