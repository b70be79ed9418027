import { openBroker, purgedApps } from "@strata/messaging";
import { openMongo, openRedis, repeat, type ServiceContext, startAppPurges } from "@strata/runtime";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { inboxesOver } from "./inbox.ts";
import { receiptMetrics } from "./metrics.ts";
import { recipientsOver } from "./recipients.ts";
import { startRecounter } from "./recounter.ts";
import { openStores } from "./store/open-stores.ts";
import { redisUnreadStore } from "./store/unread-store.ts";
import { unreadDrift } from "./unread-drift.ts";

export async function start({ config, log, closing, readiness, metrics: registry }: ServiceContext<Config>) {
  const metrics = receiptMetrics(registry);
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  const stores = await openStores(mongo.db);
  const { receipts } = stores;
  const keyPrefix = config.REDIS_KEY_PREFIX;
  const { redis, ...redisConnection } = await openRedis(config.REDIS_URL, log, { keyPrefix, mayBeAway: true });
  closing.add(redisConnection, "redis");
  const unread = redisUnreadStore(redis, keyPrefix);

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
  const inboxes = inboxesOver(broker);
  const rows = consumers({
    inboxes,
    unread,
    redis: redisConnection.dependency,
    ...stores,
    recipients: recipientsOver(broker),
    publisher: broker,
    metrics,
    mongo: mongo.dependency,
    announcementFanout: broker.dependsOn("announcement-fanout"),
  });
  const purges = closing.add(startAppPurges({ db: mongo.db, log }), "purges of apps");
  closing.add(await broker.consume([...rows, purgedApps("receipt-tracking", purges, mongo.dependency)]), "consumers");
  closing.add(startRecounter({ ...stores, metrics, log, intervalMs: config.RECOUNT_INTERVAL_MS }), "recounter");
  const watched = { receipts, inboxes, unread, redis: redisConnection.dependency, drift: metrics.unreadDrift };
  closing.add(repeat(config.UNREAD_DRIFT_INTERVAL_MS, unreadDrift(watched), log), "unread drift");
}
