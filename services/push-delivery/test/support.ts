import { randomBytes, randomUUID } from "node:crypto";
import {
  type BatchStored,
  type DeviceFields,
  FindPersonalFacts,
  GetAnnouncementContent,
  GetMessageNotification,
  type MessageCreated,
  type Notification,
  partitionOf,
  type PayloadOf,
  type PersonalFacts,
  type PersonalTerms,
  type PushCredential,
} from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { aDelivery, recordingPublisher } from "@strata/messaging/testing";
import { type Dependency, DomainError, openMongo, seal } from "@strata/runtime";
import { openInfra, testLogger } from "@strata/testing";
import type { Phone } from "@strata/phone";
import { Registry } from "prom-client";
import { deviceRow } from "../src/domain/device.ts";
import { pushMetrics } from "../src/metrics.ts";
import { notificationsOver } from "../src/notifications.ts";
import { openPushProviders } from "../src/push-providers.ts";
import { mongoChunkStore } from "../src/store/chunk-store.ts";
import { mongoCredentialStore } from "../src/store/credential-store.ts";
import { mongoDeviceStore } from "../src/store/device-store.ts";
import { mongoNotificationStore } from "../src/store/notification-store.ts";
import { tokenOf } from "./provider-fixture.ts";

export { aDelivery, recordingPublisher };

/** The stores of this service in a database of the test's own, with their indexes. */
export async function openStores(name: string) {
  const infra = await openInfra(name);
  const mongo = await openMongo(infra.mongoUrl("push"), testLogger("push-delivery"));
  const stores = {
    devices: mongoDeviceStore(mongo.db),
    credentials: mongoCredentialStore(mongo.db),
    chunks: mongoChunkStore(mongo.db),
    pushNotifications: mongoNotificationStore(mongo.db),
  };
  await Promise.all(Object.values(stores).map((store) => store.ensureIndexes()));
  return {
    ...stores,
    db: mongo.db,
    mongo: mongo.dependency,
    async [Symbol.asyncDispose]() {
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}

export const KEY = randomBytes(32);

export const addressesOf = (phone: Phone) => ({
  fcmUrl: phone.fcmUrl,
  fcmTokenUrl: `${phone.fcmUrl}/token`,
  apnsUrl: phone.fcmUrl,
  ca: phone.caPem,
});

/** The credentials that this phone accepts. */
export function credentialsOf(phone: Phone): { readonly fcm: PushCredential; readonly apns: PushCredential } {
  const { service_account: serviceAccount, apns_key: key } = phone.credentialFiles();
  const { teamId, keyId, topic: bundleId } = key;
  return {
    fcm: { kind: "fcm", serviceAccount },
    apns: { kind: "apns", teamId, keyId, bundleId, privateKey: key.key, environment: "development" },
  };
}

/** What announcements and messages say, and what is known of whom they are for, as given by a test. */
export interface Said {
  /** By announcement or message. */
  readonly notifications: Map<string, Notification | null>;
  readonly terms: Map<string, PersonalTerms>;
  readonly facts: Map<string, PersonalFacts>;
  /** How many users' facts each question was for. */
  readonly asked: number[];
  isDirectoryAway: boolean;
}

/** The services that are asked what to push, with the answers of a test. */
const answering = (said: Said): Pick<Client, "ask"> => ({
  async ask(query, _app, payload) {
    if (query.type === FindPersonalFacts.type) {
      if (said.isDirectoryAway) throw new DomainError("service_unavailable", { dependency: "directory" });
      const { userIds } = FindPersonalFacts.payload.parse(payload);
      said.asked.push(userIds.length);
      return query.reply.parse({ facts: userIds.flatMap((userId) => said.facts.get(userId) ?? []) });
    }
    if (query.type === GetMessageNotification.type) {
      const notification = said.notifications.get(GetMessageNotification.payload.parse(payload).messageId) ?? null;
      return query.reply.parse({ notification, sender: notification && { name: "Ops" } });
    }
    const { announcementId } = GetAnnouncementContent.payload.parse(payload);
    const notification = said.notifications.get(announcementId) ?? null;
    const parts = [{ mimeType: "text/plain", body: "hello", encoding: null }];
    const content = { sender: { name: "Ops" }, parts, notification, ...said.terms.get(announcementId) };
    return query.reply.parse({ content: notification && content });
  },
});

const directory: Dependency = {
  name: "directory",
  isDown: (error) => error instanceof DomainError && error.details["dependency"] === "directory",
  answers: async () => true,
};

/** The stores and everything that sends, pushing to this phone. What announcements and messages say is given by the test. */
export async function openPusher(name: string, phone: Phone) {
  const stores = await openStores(name);
  const log = testLogger("push-delivery");
  const said: Said = {
    notifications: new Map(),
    terms: new Map(),
    facts: new Map(),
    asked: [],
    isDirectoryAway: false,
  };
  const providers = openPushProviders({ ...stores, key: KEY, addresses: addressesOf(phone), log });
  const deps = {
    ...stores,
    providers,
    key: KEY,
    log,
    ...recordingPublisher(),
    metrics: pushMetrics(new Registry(), stores.chunks),
    leaseMs: 2_000,
    ttlMs: 3_600_000,
    // Asked anew each time, so that a test may change what is said.
    notifications: notificationsOver(answering(said), stores.pushNotifications, {
      announcement: 0,
      message: 0,
      notification: 0,
    }),
    directory,
  };
  const putCredential = (app: string, credential: PushCredential, credentialId: string = randomUUID()) =>
    stores.credentials.put({
      app,
      credentialId,
      kind: credential.kind,
      sealed: seal(KEY, JSON.stringify(credential)),
      putAt: Date.now(),
      by: randomUUID(),
    });
  return {
    deps,
    said,
    notifications: said.notifications,
    putCredential,
    async putCredentials(app: string) {
      for (const credential of Object.values(credentialsOf(phone))) await putCredential(app, credential);
    },
    async register(app: string, userId: string, device: DeviceFields, at = Date.now() - 60_000) {
      await stores.devices.register([
        deviceRow(app, randomUUID(), { userId, deviceId: `phone-${device.token.slice(-8)}`, device, at }),
      ]);
    },
    async [Symbol.asyncDispose]() {
      await providers.close();
      await stores[Symbol.asyncDispose]();
    },
  };
}
export type Pusher = Awaited<ReturnType<typeof openPusher>>;

const aDevice = {
  environment: "development",
  appBundle: null,
  locale: null,
  timeZone: null,
  appVersion: null,
} as const;

export const anAndroid = (index: number, changes: Partial<DeviceFields> = {}): DeviceFields => ({
  ...aDevice,
  platform: "android",
  kind: "fcm_token",
  token: `fcm-${tokenOf(index)}`,
  ...changes,
});

export const anIphone = (index: number, changes: Partial<DeviceFields> = {}): DeviceFields => ({
  ...aDevice,
  platform: "ios",
  kind: "apns",
  token: tokenOf(index),
  ...changes,
});

/** `count` different users who all fall into one partition, as the recipients of a batch do. */
export function usersOfOnePartition(count: number, partition = 7): readonly string[] {
  const users: string[] = [];
  for (let n = 1; users.length < count; n += 1) if (partitionOf(`user-${n}`) === partition) users.push(`user-${n}`);
  return users;
}

export function aBatch(
  app: string,
  recipients: readonly string[],
  changes: Partial<PayloadOf<typeof BatchStored>> = {},
): PayloadOf<typeof BatchStored> {
  const { announcementId = randomUUID() } = changes;
  const partition = partitionOf(recipients[0] ?? "");
  const batchId = `${app}/${announcementId}/${String(partition).padStart(2, "0")}/0/000000`;
  const hasNotification = true;
  return {
    announcementId,
    batchId,
    partition,
    at: Date.now(),
    recipients: [...recipients],
    hasNotification,
    ...changes,
  };
}

export const aMessage = (
  recipients: readonly string[],
  changes: Partial<PayloadOf<typeof MessageCreated>> = {},
): PayloadOf<typeof MessageCreated> => ({
  conversationId: randomUUID(),
  messageId: randomUUID(),
  position: 1,
  sentAt: Date.now(),
  sender: { name: "Ann" },
  recipients: [...recipients],
  hasNotification: true,
  ...changes,
});
