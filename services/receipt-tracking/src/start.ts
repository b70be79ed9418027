import { openBroker } from "@strata/messaging";
import { openMongo, type ServiceContext } from "@strata/runtime";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { receiptMetrics } from "./metrics.ts";
import { recipientsOver } from "./recipients.ts";
import { startRecounter } from "./recounter.ts";
import { mongoCountStore } from "./store/count-store.ts";
import { mongoReceiptStore } from "./store/receipt-store.ts";
import { mongoTimelineStore } from "./store/timeline-store.ts";

export async function start({ config, log, closing, readiness, metrics: registry }: ServiceContext<Config>) {
  const metrics = receiptMetrics(registry);
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  const receipts = mongoReceiptStore(mongo.db);
  const counts = mongoCountStore(mongo.db);
  await counts.ensureIndexes();
  const timelines = mongoTimelineStore(mongo.db);
  await timelines.ensureIndexes();

  const broker = closing.add(
    await openBroker({
      url: config.AMQP_URL,
      service: "receipt-tracking",
      log,
      metrics: registry,
      readiness,
      orderedQueues: config.ORDERED_QUEUES,
    }),
    "broker",
  );
  const rows = consumers({
    receipts,
    counts,
    timelines,
    recipients: recipientsOver(broker),
    publisher: broker,
    metrics,
    mongo: mongo.dependency,
    announcementFanout: broker.dependsOn("announcement-fanout"),
  });
  closing.add(await broker.consume(rows), "consumers");
  closing.add(
    startRecounter({ receipts, counts, timelines, metrics, log, intervalMs: config.RECOUNT_INTERVAL_MS }),
    "recounter",
  );
}
