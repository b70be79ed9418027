import { ConfigError } from "@strata/runtime";
import { expect } from "chai";
import { loadConfig } from "./config.ts";

const env = {
  AMQP_URL: "amqp://localhost",
  PUBLIC_URL: "https://api.example.com//",
  CREDENTIALS_KEY: Buffer.alloc(32, 1).toString("base64"),
  CONTENT_KEY: Buffer.alloc(32, 2).toString("base64"),
  NONCE_KEY: Buffer.alloc(32, 3).toString("base64"),
  CONTENT_URL: "http://conversation:8081",
};

describe("loadConfig", () => {
  it("reads the key as bytes and the public URL without slashes at its end", () => {
    const config = loadConfig(env);
    expect(config.PUBLIC_URL).to.equal("https://api.example.com");
    expect(config.CREDENTIALS_KEY).to.deep.equal(Buffer.alloc(32, 1));
    expect(config).to.include({ MAX_ANNOUNCEMENT_RECIPIENTS: 100_000, MAX_IN_FLIGHT_PER_APP: 500 });
  });

  it("names every variable that is wrong, and shows no key", () => {
    const shortKey = Buffer.alloc(31, 1).toString("base64");
    const load = () => loadConfig({ ...env, CREDENTIALS_KEY: shortKey, PUBLIC_URL: "ftp://x", MAX_BODY_BYTES: "0" });
    expect(load)
      .to.throw(ConfigError)
      .that.satisfies(({ faults, message }: ConfigError) => {
        const variables = faults.map(({ variable }) => variable);
        expect(variables).to.have.members(["CREDENTIALS_KEY", "PUBLIC_URL", "MAX_BODY_BYTES"]);
        return !message.includes(shortKey);
      });
  });
});
