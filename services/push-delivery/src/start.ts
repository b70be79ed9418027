import { readFile } from "node:fs/promises";
import { openBroker, redisReplicas } from "@strata/messaging";
import { openMongo, type ServiceContext } from "@strata/runtime";
import { notificationsOver } from "./notifications.ts";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { startDuePushes } from "./due-pushes.ts";
import { pushMetrics } from "./metrics.ts";
import { openPushProviders } from "./push-providers.ts";
import { LEASE_MS } from "./send-chunk.ts";
import { mongoChunkStore } from "./store/chunk-store.ts";
import { mongoCredentialStore } from "./store/credential-store.ts";
import { mongoDeviceStore } from "./store/device-store.ts";
import { mongoNotificationStore } from "./store/notification-store.ts";

/** Composition root: what runs, in this order; it closes in reverse. */
export async function start({ config, log, closing, readiness, metrics: registry }: ServiceContext<Config>) {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  readiness.add("mongodb", () => mongo.dependency.answers());
  const devices = mongoDeviceStore(mongo.db);
  const credentials = mongoCredentialStore(mongo.db);
  const chunks = mongoChunkStore(mongo.db);
  const pushNotifications = mongoNotificationStore(mongo.db);
  await Promise.all([devices, credentials, chunks, pushNotifications].map((store) => store.ensureIndexes()));

  const key = config.CREDENTIALS_KEY;
  const addresses = {
    fcmUrl: config.FCM_URL ?? null,
    fcmTokenUrl: config.FCM_TOKEN_URL ?? null,
    apnsUrl: config.APNS_URL ?? null,
    ca: config.PUSH_CA_FILE === undefined ? null : await readFile(config.PUSH_CA_FILE, "utf8"),
  };
  const providers = closing.add(openPushProviders({ credentials, key, addresses, log }), "push clients");
  const replicas = closing.add(
    await redisReplicas({
      redisUrl: config.REDIS_URL,
      keyPrefix: config.REDIS_KEY_PREFIX,
      brokerUrl: config.AMQP_URL,
      service: "push-delivery",
      log,
    }),
    "replicas",
  );
  const broker = closing.add(
    await openBroker({
      url: config.AMQP_URL,
      service: "push-delivery",
      log,
      metrics: registry,
      readiness,
      orderedQueues: config.ORDERED_QUEUES,
      replicas,
    }),
    "broker",
  );
  const deps = {
    devices,
    credentials,
    chunks,
    pushNotifications,
    providers,
    key,
    notifications: notificationsOver(broker, pushNotifications),
    publisher: broker,
    mongo: mongo.dependency,
    announcementFanout: broker.dependsOn("announcement-fanout"),
    conversation: broker.dependsOn("conversation"),
    directory: broker.dependsOn("directory"),
    metrics: pushMetrics(registry, chunks),
    log,
    leaseMs: LEASE_MS,
    ttlMs: config.PUSH_TTL_SECONDS * 1_000,
    concurrency: config.PUSH_CONCURRENCY,
  };
  closing.add(await broker.consume(consumers(deps)), "consumers");
  closing.add(startDuePushes(deps, config.DUE_POLL_INTERVAL_MS), "due pushes");
}
