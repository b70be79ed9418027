import { expect } from "chai";
import { z } from "zod";
import { brokerConfig, ConfigError, defineConfig, metricsConfig, mongoConfig, redisConfig } from "./config.ts";

const faultsOf = (load: () => unknown): ConfigError => {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the environment was accepted");
};

describe("defineConfig", () => {
  const load = defineConfig({
    ...brokerConfig,
    ...metricsConfig,
    RETENTION_DAYS: z.coerce.number().int().min(1).default(90),
    SEAL_KEY: z.string().regex(/^[0-9a-f]{64}$/),
  });
  const good = { AMQP_URL: "amqp://u:p@h:5672/v", SEAL_KEY: "ab".repeat(32) };

  it("reads values, fills in defaults, leaves out other variables and freezes the result", () => {
    const config = load({ ...good, METRICS_PORT: "9000", HOME: "/root" });
    const defaults = { LISTEN_HOST: undefined, LOG_LEVEL: "info", RETENTION_DAYS: 90 };
    expect(config).to.deep.equal({ ...good, ...defaults, METRICS_PORT: 9000 });
    expect(Object.isFrozen(config)).to.equal(true);
  });

  it("names every fault at once", () => {
    const { faults, message } = faultsOf(() => load({ METRICS_PORT: "70000", LOG_LEVEL: "loud", SEAL_KEY: "x" }));
    const variables = faults.map(({ variable }) => variable);
    expect(variables).to.have.members(["AMQP_URL", "METRICS_PORT", "LOG_LEVEL", "SEAL_KEY"]);
    for (const variable of variables) expect(message).to.include(variable);
    expect(message).to.include("AMQP_URL is missing");
  });

  it("never shows a value, not even one that a schema puts into its message", () => {
    const secret = "correct-horse-battery";
    const leaky = defineConfig({
      KEY: z.string().refine(() => false, { error: ({ input }) => `bad: ${String(input)}` }),
    });
    const faults = [
      faultsOf(() => leaky({ KEY: secret })),
      faultsOf(() => load({ AMQP_URL: `http://${secret}`, SEAL_KEY: secret, LOG_LEVEL: secret })),
    ];
    expect(JSON.stringify(faults.map((error) => [error.message, error.faults, error.stack]))).not.to.include(secret);
  });

  it("takes an empty variable for an absent one instead of coercing it to zero", () => {
    expect(load({ ...good, RETENTION_DAYS: "" }).RETENTION_DAYS).to.equal(90);
    expect(faultsOf(() => load({ ...good, SEAL_KEY: " " })).message).to.include("SEAL_KEY is missing");
  });
});

describe("config fragments", () => {
  it("accept URLs of their own scheme, also of several MongoDB hosts", () => {
    const load = defineConfig({ ...brokerConfig, ...mongoConfig, ...redisConfig });
    const urls = {
      AMQP_URL: "amqps://u:p@broker/vhost",
      MONGO_URL: "mongodb://a:1,b:2/strata?replicaSet=rs",
      REDIS_URL: "rediss://h:6379",
    };
    expect(load(urls)).to.deep.equal({ ...urls, REDIS_KEY_PREFIX: "strata:" });
  });

  it("refuse another scheme, and a MongoDB URL without a database", () => {
    const load = defineConfig({ ...brokerConfig, ...mongoConfig, ...redisConfig });
    const env = { AMQP_URL: "http://h", MONGO_URL: "mongodb://h:1/?replicaSet=rs", REDIS_URL: "h:6379" };
    expect(faultsOf(() => load(env)).faults).to.have.length(3);
  });
});
