import { expect } from "chai";
import { loadConfig } from "./config.ts";

const key = Buffer.alloc(32).toString("base64");
const env = {
  AMQP_URL: "amqp://nobody",
  PUBLIC_URL: "https://api.example.com",
  CREDENTIALS_KEY: key,
  CONTENT_KEY: key,
  NONCE_KEY: key,
  CONTENT_URL: "http://nobody",
};

describe("the gateway's environment", () => {
  it("lets nobody sign up where nothing is said, and needs no Redis then", () => {
    expect(loadConfig(env)).to.include({ SIGN_UPS_PER_HOUR: 0 });
  });

  it("lets nobody sign up without a Redis to count in", () => {
    expect(() => loadConfig({ ...env, SIGN_UPS_PER_HOUR: "5" })).to.throw(
      /REDIS_URL is missing, which SIGN_UPS_PER_HOUR/,
    );
    const config = loadConfig({ ...env, SIGN_UPS_PER_HOUR: "5", REDIS_URL: "redis://nobody" });
    expect(config).to.include({ SIGN_UPS_PER_HOUR: 5, REDIS_KEY_PREFIX: "strata:" });
  });
});
