import { randomBytes } from "node:crypto";
import { brokerConfig, ConfigError, defineConfig, redisConfig } from "@strata/runtime";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { z } from "zod";
import { createManagement } from "./management.ts";
import type { ManagementApi } from "./management.ts";
import { createManagementHttp } from "./management-http.ts";
import type { ManagementHttp } from "./management-http.ts";

/** A test file's own corner of the real broker and stores. Disposing removes everything in it. */
export interface Infra extends AsyncDisposable {
  readonly name: string;
  /** A vhost and a user of its own. */
  readonly amqpUrl: string;
  readonly vhost: string;
  readonly redisUrl: string;
  /** Goes before every key: `openRedis(redisUrl, log, { keyPrefix: redisPrefix })`. */
  readonly redisPrefix: string;
  /** A database of this file's own; the same name gives the same database. */
  readonly mongoUrl: (database: string) => string;
  readonly management: ManagementApi;
}

const loadInfraConfig = defineConfig({
  AMQP_URL: brokerConfig.AMQP_URL,
  AMQP_MANAGEMENT_URL: z.url({ protocol: /^https?$/ }),
  MONGO_URL: z.url({ protocol: /^mongodb$/ }),
  REDIS_URL: redisConfig.REDIS_URL,
});

const configOrAdvice = (): ReturnType<typeof loadInfraConfig> => {
  try {
    return loadInfraConfig(process.env);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new Error(`this test needs a broker and databases, but ${cause.message}. Run it with \`npm test\`.`, {
      cause,
    });
  }
};

/** One per management URL, so that what is learnt about a broker is learnt once per process. */
const https = new Map<string, ManagementHttp>();
const httpOf = (url: string): ManagementHttp => {
  const http = https.get(url) ?? createManagementHttp(url);
  https.set(url, http);
  return http;
};

/** Creates the vhost and a user whose rights end at it, so that a test that strays is refused. */
const createVhost = async (http: ManagementHttp, vhost: string, brokerUrl: string): Promise<URL> => {
  const password = randomBytes(12).toString("base64url");
  const user = encodeURIComponent(vhost);
  await http.put(`/vhosts/${user}`, { description: "made by a test" });
  await http.put(`/users/${user}`, { password, tags: "" });
  // The management API publishes and peeks in the name of its own user.
  for (const allowed of [user, encodeURIComponent(http.user)]) {
    await http.put(`/permissions/${user}/${allowed}`, { configure: ".*", write: ".*", read: ".*" });
  }
  const url = new URL(brokerUrl);
  url.username = user;
  url.password = password;
  url.pathname = `/${user}`;
  return url;
};

const Users = z.array(z.object({ name: z.string() }));

const removeVhost = async (http: ManagementHttp, vhost: string): Promise<void> => {
  await http.delete(`/vhosts/${encodeURIComponent(vhost)}`);
  const users = Users.parse(await http.get("/users")).map(({ name }) => name);
  for (const user of users.filter((name) => name === vhost || name.startsWith(`${vhost}.`))) {
    await http.delete(`/users/${encodeURIComponent(user)}`);
  }
};

const dropDatabases = async (mongoUrl: string, databases: ReadonlySet<string>): Promise<void> => {
  if (databases.size === 0) return;
  const client = new MongoClient(mongoUrl, { serverSelectionTimeoutMS: 5_000 });
  try {
    for (const database of databases) await client.db(database).dropDatabase();
  } finally {
    await client.close();
  }
};

const deleteKeys = async (redisUrl: string, prefix: string): Promise<void> => {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      const found = z.array(z.string()).parse(keys);
      if (found.length > 0) await redis.unlink(...found);
    }
  } finally {
    redis.disconnect();
  }
};

/** All steps run, whatever fails; the failures come out together. */
const runAll = async (steps: readonly (() => Promise<void>)[]): Promise<void> => {
  const results = await Promise.allSettled(steps.map((step) => step()));
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (failures.length > 0)
    throw new AggregateError(failures, "the test's own vhost, databases or keys were not removed");
};

/**
 * Makes a vhost, and names for databases and keys, that no other test file uses. `name` says whose they are, should any
 * be found later. The URLs of the servers come from the environment.
 */
export const openInfra = async (name: string): Promise<Infra> => {
  const config = configOrAdvice();
  const http = httpOf(config.AMQP_MANAGEMENT_URL);
  // A MongoDB database name has at most 63 bytes.
  const unique = `test-${name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 24)}-${randomBytes(4).toString("hex")}`;
  const amqpUrl = await createVhost(http, unique, config.AMQP_URL);
  const redisPrefix = `${unique}:`;
  const databases = new Set<string>();
  return {
    name,
    amqpUrl: amqpUrl.href,
    vhost: unique,
    redisUrl: config.REDIS_URL,
    redisPrefix,
    mongoUrl: (database) => {
      const own = `${unique}-${database}`;
      databases.add(own);
      const url = new URL(config.MONGO_URL);
      url.pathname = `/${own}`;
      return url.href;
    },
    management: createManagement(http, unique, amqpUrl),
    [Symbol.asyncDispose]: () =>
      runAll([
        () => removeVhost(http, unique),
        () => dropDatabases(config.MONGO_URL, databases),
        () => deleteKeys(config.REDIS_URL, redisPrefix),
      ]),
  };
};
