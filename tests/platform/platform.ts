import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StrataClient, strataClient } from "@strata/cli";
import { createToken, partitionOf } from "@strata/contracts";
import { type Phone, startPhone } from "@strata/phone";
import { type Infra, openInfra, type SpawnedService, spawnService } from "@strata/testing";
import { type Db, MongoClient } from "mongodb";
import { z } from "zod";
import { addIdentityProvider, type Backend } from "./backend.ts";
import {
  type CredentialFiles,
  devicesFor,
  insertDevices,
  putCredentials,
  registerDevices,
  type TestDevice,
} from "./phones.ts";

export { addIdentityProvider, type Backend, devicesFor, type CredentialFiles, type TestDevice };

export const serviceNames = [
  "directory",
  "announcement-fanout",
  "receipt-tracking",
  "push-delivery",
  "gateway",
  "conversation",
  "realtime",
  "integration",
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** An app with its token, ready to be used. */
export interface TestApp {
  readonly appId: string;
  readonly token: string;
  readonly client: StrataClient;
}

/** The whole of Strata as processes of their own, on a vhost and databases of this test, beside a local phone. */
export interface Platform extends AsyncDisposable {
  readonly infra: Infra;
  readonly phone: Phone;
  readonly baseUrl: string;
  /** Where clients open their sockets. */
  readonly websocketUrl: string;
  readonly account: StrataClient;
  /** The operator's token, as `account` uses it. */
  readonly accountToken: string;
  service(name: ServiceName): SpawnedService;
  /** Starts one more process of a service, or one in place of a killed one. */
  start(name: ServiceName): Promise<SpawnedService>;
  /** Kills without warning and starts again. */
  killAndRestart(name: ServiceName): Promise<void>;
  createApp(): Promise<TestApp>;
  /** Users straight into the directory's collection: for tests in which making them is not what is tested. */
  insertUsers(appId: string, userIds: readonly string[]): Promise<void>;
  /** A phone for each of these users, half of them iPhones, and the app's credentials for both. */
  addPhones(app: TestApp, userIds: readonly string[]): Promise<void>;
  /** These devices straight into push-delivery's collection, and the app's credentials for them: this phone's, or another's. */
  insertPhones(app: TestApp, devices: readonly TestDevice[], files?: CredentialFiles): Promise<void>;
  /** A service's database. */
  db(name: Exclude<ServiceName, "gateway">): Db;
}

export interface PlatformOptions {
  /** Added to, or in place of, a service's environment. */
  readonly env?: Partial<Record<ServiceName, Readonly<Record<string, string>>>>;
  /** In place of a service's own main.ts: how a test runs a build with a planted fault. */
  readonly main?: Partial<Record<ServiceName, URL>>;
}

const USERS_PER_INSERT = 10_000;
const CreatedApp = z.object({ app_id: z.string() });
const CreatedToken = z.object({ token: z.string() });

/** Starts everything and waits until all of it is ready. */
export async function startPlatform(name: string, options: PlatformOptions = {}): Promise<Platform> {
  const infra = await openInfra(name);
  const dataDir = await mkdtemp(join(tmpdir(), "strata-phone-"));
  const phone = await startPhone({ dataDir });
  const accountToken = createToken();
  const mongo = await new MongoClient(infra.mongoUrl("unused")).connect();
  const contentPort = await freePort();
  const running = new Map<ServiceName, SpawnedService>();
  const started = new Set<SpawnedService>();
  const environment = environments({ infra, phone, accountToken, contentPort }, options);

  const start = async (service: ServiceName): Promise<SpawnedService> => {
    const main = options.main?.[service];
    const spawned = await spawnService({
      name: service,
      env: environment(service),
      readyDeadlineMs: 60_000,
      ...(main ? { main } : {}),
    });
    running.set(service, spawned);
    started.add(spawned);
    return spawned;
  };
  // All at once: publishers wait by themselves until the queues of their consumers exist. The first failure is the one to
  // show: the others only wait for that service.
  const failures: unknown[] = [];
  await Promise.all(serviceNames.map((service) => start(service).catch((error: unknown) => void failures.push(error))));
  if (failures.length > 0) {
    await Promise.all([...running.values()].map((spawned) => spawned.kill("SIGKILL")));
    throw failures[0];
  }

  const runningService = (service: ServiceName): SpawnedService => {
    const spawned = running.get(service);
    if (!spawned) throw new Error(`${service} is not running`);
    return spawned;
  };
  const listening = await runningService("gateway").logged("listening");
  const baseUrl = `http://127.0.0.1:${String(listening["port"])}`;
  const sockets = await runningService("realtime").logged("listening");
  const account = strataClient(baseUrl, accountToken);

  return {
    infra,
    phone,
    baseUrl,
    websocketUrl: `ws://127.0.0.1:${String(sockets["port"])}`,
    account,
    accountToken,
    service: runningService,
    start,
    async killAndRestart(service) {
      await runningService(service).kill("SIGKILL");
      await start(service);
    },
    async createApp() {
      const { body } = await account.request("POST", "/accounts/apps", { body: { name } });
      const appId = CreatedApp.parse(body).app_id;
      const answer = await account.request("POST", `/accounts/apps/${appId}/tokens`, {
        body: { name: "test", scopes: ["app:read", "app:write"] },
      });
      const { token } = CreatedToken.parse(answer.body);
      return { appId, token, client: strataClient(baseUrl, token) };
    },
    async addPhones({ appId, client }, userIds) {
      const files = phone.credentialFiles();
      await putCredentials(account, appId, files);
      await registerDevices(client, appId, devicesFor(userIds), files.apns_key.topic);
    },
    async insertPhones({ appId }, devices, files = phone.credentialFiles()) {
      await putCredentials(account, appId, files);
      await insertDevices(mongo.db(databaseOf(infra, "push-delivery")), appId, devices, files.apns_key.topic);
    },
    insertUsers: (appId, userIds) => insertUsers(mongo.db(databaseOf(infra, "directory")), appId, userIds),
    db: (service) => mongo.db(databaseOf(infra, service)),
    async [Symbol.asyncDispose]() {
      await Promise.all([...started].map((spawned) => spawned[Symbol.asyncDispose]()));
      await mongo.close();
      await phone.close();
      await rm(dataDir, { recursive: true, force: true });
      await infra[Symbol.asyncDispose]();
    },
  };
}

const databaseOf = (infra: Infra, service: ServiceName): string =>
  new URL(infra.mongoUrl(service.replaceAll("-", "_"))).pathname.slice(1);

/** A port for a listener that others must know before it listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

interface Surroundings {
  readonly infra: Infra;
  readonly phone: Phone;
  readonly accountToken: string;
  readonly contentPort: number;
}

function environments({ infra, phone, accountToken, contentPort }: Surroundings, { env = {} }: PlatformOptions) {
  const credentialsKey = randomBytes(32).toString("base64");
  const contentKey = randomBytes(32).toString("base64");
  const push = {
    CREDENTIALS_KEY: credentialsKey,
    FCM_URL: phone.fcmUrl,
    APNS_URL: phone.fcmUrl,
    FCM_TOKEN_URL: `${phone.fcmUrl}/token`,
    WEBPUSH_HOSTS: new URL(phone.fcmUrl).host,
    PUSH_CA_FILE: phone.caFile,
  };
  const own: Record<ServiceName, Readonly<Record<string, string>>> = {
    directory: { BOOTSTRAP_ACCOUNT_TOKEN: accountToken },
    "announcement-fanout": {},
    "receipt-tracking": {},
    "push-delivery": push,
    realtime: { SOCKET_PORT: "0", PUBLIC_URL: "http://localhost", CONTENT_KEY: contentKey, DRAIN_MS: "0" },
    integration: { SIGNING_KEY: randomBytes(32).toString("base64"), ALLOW_LOCAL_WEBHOOKS: "true" },
    conversation: { CONTENT_PORT: String(contentPort), CONTENT_KEY: contentKey },
    gateway: {
      HTTP_PORT: "0",
      PUBLIC_URL: "http://localhost",
      CREDENTIALS_KEY: credentialsKey,
      CONTENT_KEY: contentKey,
      NONCE_KEY: randomBytes(32).toString("base64"),
      ALLOW_LOCAL_WEBHOOKS: "true",
      CONTENT_URL: `http://127.0.0.1:${contentPort}`,
      WEBPUSH_HOSTS: push.WEBPUSH_HOSTS,
    },
  };
  const redis = { REDIS_URL: infra.redisUrl, REDIS_KEY_PREFIX: infra.redisPrefix };
  const stores = (service: ServiceName) => ({ ...redis, MONGO_URL: infra.mongoUrl(service.replaceAll("-", "_")) });
  return (service: ServiceName): Readonly<Record<string, string>> => ({
    AMQP_URL: infra.amqpUrl,
    ORDERED_QUEUES: "2",
    ...(service === "gateway" ? redis : stores(service)),
    ...own[service],
    ...env[service],
  });
}

async function insertUsers(directory: Db, appId: string, userIds: readonly string[]): Promise<void> {
  const identities = directory.collection<{ _id: string }>("identities");
  const createdAt = Date.now();
  for (let first = 0; first < userIds.length; first += USERS_PER_INSERT) {
    await identities.insertMany(
      userIds.slice(first, first + USERS_PER_INSERT).map((userId) => ({
        _id: `${appId}/${userId}`,
        app: appId,
        userId,
        partition: partitionOf(userId),
        displayName: userId,
        avatarUrl: null,
        firstName: null,
        lastName: null,
        phoneNumber: null,
        emailAddress: null,
        identityType: "user",
        publicKey: null,
        metadata: {},
        createdAt,
        version: 1,
        by: randomUUID(),
      })),
      { ordered: false },
    );
  }
}
