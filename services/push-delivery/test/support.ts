import { randomBytes, randomUUID } from "node:crypto";
import {
  type Announcement,
  type BatchStored,
  type DeviceFields,
  FindAnnouncementReaders,
  FindBadges,
  FindBlockers,
  FindMessageReaders,
  FindPersonalFacts,
  FindOnlineUsers,
  FindPushFacts,
  GetAnnouncement,
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
import { badgesOver } from "../src/badges.ts";
import { deviceRow } from "../src/domain/device.ts";
import { credentialCheck } from "../src/credential-check.ts";
import { pushMetrics } from "../src/metrics.ts";
import { pushDecisions } from "../src/push-decisions.ts";
import { pushPolicies } from "../src/push-policies.ts";
import { notificationsOver } from "../src/notifications.ts";
import { openPushProviders } from "../src/push-providers.ts";
import { mongoCanaryStore } from "../src/store/canary-store.ts";
import { mongoCapStore } from "../src/store/cap-store.ts";
import { mongoChunkStore } from "../src/store/chunk-store.ts";
import { mongoCredentialStore } from "../src/store/credential-store.ts";
import { mongoDeviceStore } from "../src/store/device-store.ts";
import { mongoNotificationStore } from "../src/store/notification-store.ts";
import { mongoPolicyStore } from "../src/store/policy-store.ts";
import { mongoPreferenceStore } from "../src/store/preference-store.ts";
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
    preferences: mongoPreferenceStore(mongo.db),
    canaries: mongoCanaryStore(mongo.db),
    caps: mongoCapStore(mongo.db),
    pushNotifications: mongoNotificationStore(mongo.db),
  };
  await Promise.all(Object.values(stores).map((store) => store.ensureIndexes()));
  return {
    ...stores,
    policies: mongoPolicyStore(mongo.db),
    db: mongo.db,
    mongo: mongo.dependency,
    async [Symbol.asyncDispose]() {
      await mongo.close();
      await infra[Symbol.asyncDispose]();
    },
  };
}

export const KEY = randomBytes(32);
export const KEYS = [KEY] as const;

export const addressesOf = (phone: Phone) => ({
  fcmUrl: phone.fcmUrl,
  fcmTokenUrl: `${phone.fcmUrl}/token`,
  apnsUrl: phone.fcmUrl,
  webPushHosts: [new URL(phone.fcmUrl).host],
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
  /** What policies ask of others, by user; a user who is not in it is not known. */
  readonly whereabouts: Map<string, { readonly timeZone: string | null; readonly lastSeenAt: number | null }>;
  /** Who has a socket open. */
  readonly connected: Set<string>;
  isRealtimeAway: boolean;
  /** `<announcement or message>/<user>`, of who has read it. */
  readonly read: Set<string>;
  /** `<user>/<sender>`, of who blocks whom. */
  readonly blocks: Set<string>;
  /** Announcements as their own service has them, for explanations. */
  readonly announcements: Map<string, Announcement>;
  /** The users who send messages, by message; what is not in it is from nobody who has an account. */
  readonly senders: Map<string, string>;
  /** By user. */
  readonly badges: Map<string, number>;
  /** What was asked about badges. */
  readonly askedBadges: PayloadOf<typeof FindBadges>[];
  isReceiptTrackingAway: boolean;
  /** The types of all that was asked. */
  readonly questions: string[];
}

/** What policies ask; null: this is another question. */
function answerForPolicies(said: Said, type: string, payload: unknown): unknown {
  if (said.isDirectoryAway && [FindPushFacts.type, FindBlockers.type].includes(type))
    throw new DomainError("service_unavailable", { dependency: "directory" });
  switch (type) {
    case FindPushFacts.type: {
      const { userIds } = FindPushFacts.payload.parse(payload);
      return { facts: userIds.flatMap((userId) => ofKnown(userId, said.whereabouts.get(userId))) };
    }
    case FindOnlineUsers.type: {
      const { userIds } = FindOnlineUsers.payload.parse(payload);
      if (said.isRealtimeAway) throw new DomainError("service_unavailable", { dependency: "realtime" });
      return { online: userIds.filter((userId) => said.connected.has(userId)) };
    }
    case FindBlockers.type: {
      const { checks } = FindBlockers.payload.parse(payload);
      return {
        blockers: checks.map(({ senderId, userIds }) => userIds.filter((one) => said.blocks.has(`${one}/${senderId}`))),
      };
    }
    case FindAnnouncementReaders.type: {
      const { announcementId, userIds } = FindAnnouncementReaders.payload.parse(payload);
      return { userIds: userIds.filter((userId) => said.read.has(`${announcementId}/${userId}`)) };
    }
    case FindMessageReaders.type: {
      const { messageId, userIds } = FindMessageReaders.payload.parse(payload);
      return { userIds: userIds.filter((userId) => said.read.has(`${messageId}/${userId}`)) };
    }
    default:
      return null;
  }
}

const badgeOf = (userId: string, badge: number | undefined) => (badge === undefined ? [] : [{ userId, badge }]);

const ofKnown = <Known extends object>(userId: string, known: Known | undefined) =>
  known === undefined ? [] : [{ userId, ...known }];

/** The services that are asked what to push, with the answers of a test. */
const answering = (said: Said): Pick<Client, "ask"> => ({
  async ask(query, _app, payload) {
    said.questions.push(query.type);
    const policed = answerForPolicies(said, query.type, payload);
    if (policed !== null) return query.reply.parse(policed);
    if (query.type === FindBadges.type) {
      if (said.isReceiptTrackingAway) throw new DomainError("service_unavailable", { dependency: "receipt-tracking" });
      const asked = FindBadges.payload.parse(payload);
      said.askedBadges.push(asked);
      const { userIds } = asked;
      return query.reply.parse({ badges: userIds.flatMap((userId) => badgeOf(userId, said.badges.get(userId))) });
    }
    if (query.type === FindPersonalFacts.type) {
      if (said.isDirectoryAway) throw new DomainError("service_unavailable", { dependency: "directory" });
      const { userIds } = FindPersonalFacts.payload.parse(payload);
      said.asked.push(userIds.length);
      return query.reply.parse({ facts: userIds.flatMap((userId) => said.facts.get(userId) ?? []) });
    }
    if (query.type === GetAnnouncement.type) {
      const announcement = said.announcements.get(GetAnnouncement.payload.parse(payload).announcementId);
      const counts = { recipients: 0, unknown: 0, sent: 0 };
      return query.reply.parse({ progress: announcement ? { announcement, counts } : null });
    }
    if (query.type === GetMessageNotification.type) {
      const { messageId } = GetMessageNotification.payload.parse(payload);
      const [notification, userId] = [said.notifications.get(messageId) ?? null, said.senders.get(messageId)];
      const sender = userId === undefined ? { name: "Ops" } : { userId };
      return query.reply.parse({ notification, sender: notification && sender });
    }
    const { announcementId } = GetAnnouncementContent.payload.parse(payload);
    const notification = said.notifications.get(announcementId) ?? null;
    const parts = [{ mimeType: "text/plain", body: "hello", encoding: null }];
    const content = { sender: { name: "Ops" }, parts, notification, ...said.terms.get(announcementId) };
    return query.reply.parse({ content: notification && content });
  },
});

const dependency = (name: string): Dependency => ({
  name,
  isDown: (error) => error instanceof DomainError && error.details["dependency"] === name,
  answers: async () => true,
});

/** The stores and everything that sends, pushing to this phone. What announcements and messages say is given by the test. */
export async function openPusher(
  name: string,
  phone: Phone,
  options: Pick<Parameters<typeof openPushProviders>[0], "refusedForMs" | "paceOf"> = {},
) {
  const stores = await openStores(name);
  const log = testLogger("push-delivery");
  const said: Said = {
    notifications: new Map(),
    terms: new Map(),
    facts: new Map(),
    asked: [],
    isDirectoryAway: false,
    whereabouts: new Map(),
    connected: new Set(),
    isRealtimeAway: false,
    read: new Set(),
    blocks: new Set(),
    announcements: new Map(),
    senders: new Map(),
    badges: new Map(),
    askedBadges: [],
    isReceiptTrackingAway: false,
    questions: [],
  };
  const client = answering(said);
  // Read anew each time, so that a test may change a policy.
  const policed = { ...stores, pushPolicies: pushPolicies(stores.policies, 0) };
  const addresses = addressesOf(phone);
  const onRecovered = (app: string, credentialId: string) => stores.chunks.unpark(app, 0, credentialId);
  const providers = openPushProviders({ ...stores, ...options, keys: KEYS, addresses, log, onRecovered });
  const deps = {
    ...stores,
    providers,
    badges: badgesOver(client, log),
    key: KEY,
    keys: KEYS,
    check: credentialCheck(addresses, log),
    log,
    ...recordingPublisher(),
    metrics: pushMetrics(new Registry(), stores.chunks),
    leaseMs: 2_000,
    ttlMs: 3_600_000,
    // Asked anew each time, so that a test may change what is said.
    notifications: notificationsOver(client, stores.pushNotifications, {
      announcement: 0,
      message: 0,
      notification: 0,
    }),
    directory: dependency("directory"),
    receiptTracking: dependency("receipt-tracking"),
    pushPolicies: policed.pushPolicies,
    decisions: pushDecisions({ ...policed, client }),
    client,
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
    async registerAll(
      app: string,
      all: readonly { readonly userId: string; readonly device: DeviceFields }[],
      at = Date.now() - 60_000,
    ) {
      await stores.devices.register(
        all.map(({ userId, device }, index) =>
          deviceRow(app, randomUUID(), { userId, deviceId: `phone-${index}`, device, at }),
        ),
      );
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
