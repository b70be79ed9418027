import { readFile } from "node:fs/promises";
import { openBroker, purgedApps, redisReplicas } from "@strata/messaging";
import { openMongo, openRedis, sealedPrefix, type ServiceContext, startAppPurges } from "@strata/runtime";
import { notificationsOver } from "./notifications.ts";
import { badgesOver } from "./badges.ts";
import type { Config } from "./config.ts";
import { consumers } from "./consumers.ts";
import { credentialCheck } from "./credential-check.ts";
import { startCredentialUpkeep } from "./credential-upkeep.ts";
import { startDuePushes, UNANSWERED_MS } from "./due-pushes.ts";
import { credentialMetrics, pushMetrics } from "./metrics.ts";
import { pausingClient } from "./pausing-client.ts";
import { pushDecisions } from "./push-decisions.ts";
import { pushPolicies } from "./push-policies.ts";
import { pacesFor } from "./providers/pace.ts";
import { openPushProviders } from "./push-providers.ts";
import type { CredentialKeys } from "./sealed-credential.ts";
import { LEASE_MS } from "./send-chunk.ts";
import { mongoCanaryStore } from "./store/canary-store.ts";
import { mongoCapStore } from "./store/cap-store.ts";
import { mongoChunkStore } from "./store/chunk-store.ts";
import { mongoCredentialStore } from "./store/credential-store.ts";
import { mongoDeviceStore } from "./store/device-store.ts";
import { mongoNotificationStore } from "./store/notification-store.ts";
import { mongoPolicyStore } from "./store/policy-store.ts";
import { mongoPreferenceStore } from "./store/preference-store.ts";

/** How soon after a rotation a credential is sealed anew, and an end that nears is told. */
const UPKEEP_INTERVAL_MS = 60_000;

/** Composition root: what runs, in this order; it closes in reverse. */
export async function start({ config, log, closing, readiness, metrics: registry }: ServiceContext<Config>) {
  const mongo = closing.add(await openMongo(config.MONGO_URL, log), "mongodb");
  readiness.add("mongodb", () => mongo.dependency.answers());
  const devices = mongoDeviceStore(mongo.db);
  const credentials = mongoCredentialStore(mongo.db);
  const chunks = mongoChunkStore(mongo.db);
  const policies = mongoPolicyStore(mongo.db);
  const preferences = mongoPreferenceStore(mongo.db);
  const canaries = mongoCanaryStore(mongo.db);
  const caps = mongoCapStore(mongo.db);
  const pushNotifications = mongoNotificationStore(mongo.db);
  const stores = [devices, credentials, chunks, preferences, canaries, caps, pushNotifications];
  await Promise.all(stores.map((store) => store.ensureIndexes()));

  const keys: CredentialKeys = [config.CREDENTIALS_KEY, ...config.CREDENTIALS_KEYS_FORMER];
  const addresses = {
    fcmUrl: config.FCM_URL ?? null,
    fcmTokenUrl: config.FCM_TOKEN_URL ?? null,
    apnsUrl: config.APNS_URL ?? null,
    webPushHosts: config.WEBPUSH_HOSTS,
    ca: config.PUSH_CA_FILE === undefined ? null : await readFile(config.PUSH_CA_FILE, "utf8"),
  };
  const redis =
    config.REDIS_URL === undefined
      ? null
      : await openRedis(config.REDIS_URL, log, { keyPrefix: config.REDIS_KEY_PREFIX, mayBeAway: true });
  if (redis) closing.add(redis, "redis");
  const paceOf = pacesFor(
    { fcm: config.FCM_PUSHES_PER_MINUTE, apns: config.APNS_PUSHES_PER_MINUTE },
    redis?.redis ?? null,
    log,
  );
  const onRecovered = (app: string, credentialId: string) => chunks.unpark(app, 0, credentialId);
  const providers = closing.add(
    openPushProviders({ credentials, keys, addresses, paceOf, log, onRecovered }),
    "push clients",
  );
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
  const [directory, receiptTracking] = [broker.dependsOn("directory"), broker.dependsOn("receipt-tracking")];
  const isDown = (service: string, error: unknown): boolean =>
    [directory, receiptTracking].some((other) => other.name === service && other.isDown(error));
  const patient = pausingClient(broker, isDown, UNANSWERED_MS);
  const deciding = { pushPolicies: pushPolicies(policies), preferences, caps };
  const deps = {
    ...deciding,
    decisions: pushDecisions({ ...deciding, client: broker }),
    devices,
    credentials,
    chunks,
    policies,
    canaries,
    pushNotifications,
    providers,
    badges: badgesOver(patient, log),
    keys,
    check: credentialCheck(addresses, log),
    notifications: notificationsOver(broker, pushNotifications),
    publisher: broker,
    client: broker,
    mongo: mongo.dependency,
    announcementFanout: broker.dependsOn("announcement-fanout"),
    conversation: broker.dependsOn("conversation"),
    directory,
    receiptTracking,
    metrics: pushMetrics(registry, chunks),
    log,
    leaseMs: LEASE_MS,
    ttlMs: config.PUSH_TTL_SECONDS * 1_000,
    concurrency: config.PUSH_CONCURRENCY,
  };
  credentialMetrics(registry, credentials, sealedPrefix(config.CREDENTIALS_KEY));
  closing.add(startCredentialUpkeep(deps, UPKEEP_INTERVAL_MS), "upkeep of credentials");
  const purges = closing.add(startAppPurges({ db: mongo.db, log }), "purges of apps");
  const rows = [...consumers(deps), purgedApps("push-delivery", purges, mongo.dependency)];
  closing.add(await broker.consume(rows), "consumers");
  const due = { ...deps, decisions: pushDecisions({ ...deciding, client: patient }) };
  closing.add(startDuePushes(due, config.DUE_POLL_INTERVAL_MS), "due pushes");
}
