import { readFile } from "node:fs/promises";
import { openBroker, redisReplicas } from "@strata/messaging";
import { openMongo, type ServiceContext } from "@strata/runtime";
import { notificationsOver } from "./notifications.ts";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { startDuePushes, UNANSWERED_MS } from "./due-pushes.ts";
import { pushMetrics } from "./metrics.ts";
import { pausingClient } from "./pausing-client.ts";
import { pushDecisions } from "./push-decisions.ts";
import { pushPolicies } from "./push-policies.ts";
import { openPushProviders } from "./push-providers.ts";
import { LEASE_MS } from "./send-chunk.ts";
import { mongoCapStore } from "./store/cap-store.ts";
import { mongoChunkStore } from "./store/chunk-store.ts";
import { mongoCredentialStore } from "./store/credential-store.ts";
import { mongoDeviceStore } from "./store/device-store.ts";
import { mongoPolicyStore } from "./store/policy-store.ts";
import { mongoPreferenceStore } from "./store/preference-store.ts";

/** Composition root: what runs, in this order; it closes in reverse. */
export async function start({ config, log, closing, readiness, metrics: registry }: ServiceContext<Config>) {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  readiness.add("mongodb", () => mongo.dependency.answers());
  const devices = mongoDeviceStore(mongo.db);
  const credentials = mongoCredentialStore(mongo.db);
  const chunks = mongoChunkStore(mongo.db);
  const policies = mongoPolicyStore(mongo.db);
  const preferences = mongoPreferenceStore(mongo.db);
  const caps = mongoCapStore(mongo.db);
  await Promise.all([devices, credentials, chunks, preferences, caps].map((store) => store.ensureIndexes()));

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
  const deciding = { pushPolicies: pushPolicies(policies), preferences, caps };
  const deps = {
    ...deciding,
    decisions: pushDecisions({ ...deciding, client: broker }),
    devices,
    credentials,
    chunks,
    policies,
    providers,
    key,
    notifications: notificationsOver(broker),
    publisher: broker,
    client: broker,
    mongo: mongo.dependency,
    announcementFanout: broker.dependsOn("announcement-fanout"),
    conversation: broker.dependsOn("conversation"),
    directory: broker.dependsOn("directory"),
    receiptTracking: broker.dependsOn("receipt-tracking"),
    metrics: pushMetrics(registry, chunks),
    log,
    leaseMs: LEASE_MS,
    ttlMs: config.PUSH_TTL_SECONDS * 1_000,
    concurrency: config.PUSH_CONCURRENCY,
  };
  closing.add(await broker.consume(consumers(deps)), "consumers");
  const isDown = (service: string, error: unknown): boolean =>
    [deps.directory, deps.receiptTracking].some(({ name, isDown: says }) => name === service && says(error));
  const patient = pushDecisions({ ...deciding, client: pausingClient(broker, isDown, UNANSWERED_MS) });
  closing.add(startDuePushes({ ...deps, decisions: patient }, config.DUE_POLL_INTERVAL_MS), "due pushes");
}
