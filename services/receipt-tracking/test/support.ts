import { compareUserIds, partitionOf, type Event } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";
import { openMongo } from "@strata/runtime";
import { type Infra, testLogger } from "@strata/testing";
import { Registry } from "prom-client";
import { receiptMetrics } from "../src/metrics.ts";
import type { Recipients } from "../src/recipients.ts";
import { mongoCountStore } from "../src/store/count-store.ts";
import { mongoReceiptStore } from "../src/store/receipt-store.ts";

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

interface Emitted {
  readonly type: string;
  readonly app: string;
  readonly payload: unknown;
}

/** Takes events like the broker does, contract and all, and keeps them; fails the next ones where told to. */
export function recordingPublisher() {
  const emitted: Emitted[] = [];
  const failures: Error[] = [];
  const publisher: Pick<Publisher, "emit"> = {
    async emit<Payload>({ type, payload: schema }: Event<Payload>, app: string, payload: Payload) {
      const failure = failures.shift();
      if (failure) throw failure;
      emitted.push({ type, app, payload: schema.parse(payload) });
    },
  };
  return { publisher, emitted, failNext: (error: Error) => failures.push(error) };
}

/** Written out again rather than taken from the code under test: the order in which announcement-fanout lists. */
const behind = (a: string, b: string): number => partitionOf(a) - partitionOf(b) || compareUserIds(a, b);

/** A delivery as a handler gets it. */
export const aDelivery = <Payload>(
  app: string,
  payload: Payload,
  { id = "command-1", isRedelivered = false }: { readonly id?: string; readonly isRedelivered?: boolean } = {},
): Delivery<Payload> => ({
  id,
  app,
  payload,
  isRedelivered,
  type: "test",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  sentAt: new Date(),
  attempt: 0,
});
