import { Writable } from "node:stream";
import { expect } from "chai";
import { z } from "zod";
import { DomainError } from "./errors.ts";
import { createLogger, silentLogger } from "./logger.ts";
import type { Logger } from "./logger.ts";

const Entry = z.record(z.string(), z.unknown());

const recordingLogger = (level = "info"): { log: Logger; text: () => string; last: () => Record<string, unknown> } => {
  const lines: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      lines.push(chunk);
      done();
    },
  });
  return {
    log: createLogger({ service: "test", level, stream }),
    text: () => lines.join(""),
    last: () => Entry.parse(JSON.parse(lines.at(-1) ?? "null")),
  };
};

describe("createLogger", () => {
  it("writes one JSON object per line with level, service and fields", () => {
    const { log, text, last } = recordingLogger();
    log.info("push\naccepted", { provider: "fcm", durationMs: 12 });
    expect(text().trimEnd().split("\n")).to.have.length(1);
    expect(last()).to.include({
      level: "info",
      service: "test",
      message: "push\naccepted",
      provider: "fcm",
      durationMs: 12,
    });
    expect(last()["timestamp"]).to.match(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it("writes nothing below its level", () => {
    const { log, text } = recordingLogger("warn");
    log.debug("no");
    log.info("no");
    log.warn("yes");
    expect(text()).to.include("yes").and.not.include("no");
  });

  it("gives a child's fields to each of its lines, also to those of its children", () => {
    const { log, last } = recordingLogger();
    log.child({ requestId: "r1" }).child({ appId: "a1" }).warn("slow", { ms: 900 });
    expect(last()).to.include({ requestId: "r1", appId: "a1", ms: 900 });
  });

  it("writes an error with its code, stack and every cause", () => {
    const { log, last } = recordingLogger();
    const socket = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    log.error("publish failed", {
      error: new DomainError(
        "service_unavailable",
        { queue: "q" },
        { cause: new Error("no channel", { cause: socket }) },
      ),
    });
    const { error } = last();
    expect(error).to.deep.include({ name: "DomainError", code: "service_unavailable", details: { queue: "q" } });
    expect(error).to.have.nested.property("cause.message", "no channel");
    expect(error).to.have.nested.property("cause.cause.code", "ECONNREFUSED");
    expect(error).to.have.property("stack").that.includes("logger.test.ts");
  });

  it("never writes secrets: by key at any depth, or as the password in a URL", () => {
    const { log, text } = recordingLogger();
    log.child({ token: "S3CRET" }).info("x", {
      password: "S3CRET",
      Authorization: "Bearer S3CRET",
      nested: [{ private_key: "S3CRET", privateKey: "S3CRET", clientSecret: "S3CRET", device_token: "S3CRET" }],
      url: "amqp://strata:S3CRET@broker:5672/v",
      error: new Error("cannot reach mongodb://u:S3CRET@h/db", { cause: new Error("redis://:S3CRET@h") }),
    });
    expect(text()).not.to.include("S3CRET");
    expect(text()).to.include("amqp://strata:[redacted]@broker:5672/v");
  });

  it("shows what only sounds like a secret", () => {
    const { log, last } = recordingLogger();
    log.info("x", { tokenId: "t1", tokens: 3, token: null });
    expect(last()).to.include({ tokenId: "t1", tokens: 3, token: null });
  });

  it("survives whatever it is given, in bounded length", () => {
    const { log, last, text } = recordingLogger();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const error = new Error("a");
    error.cause = error;
    log.info("x", {
      circle,
      error,
      big: 10n,
      when: new Date(Number.NaN),
      bytes: Buffer.alloc(1_000_000),
      many: Array.from({ length: 100_000 }, (_, index) => index),
      run: () => {},
      map: new Map([["a", 1]]),
      nothing: undefined,
    });
    expect(text().length).to.be.lessThan(20_000);
    expect(last()).to.include({ big: "10", when: "invalid date", bytes: "[1000000 bytes]" });
  });

  it("keeps a field that is called like one of its own under another name", () => {
    const { log, last } = recordingLogger();
    log.info("real", { message: "other", level: "odd", service: "s" });
    expect(last()).to.include({ message: "real", level: "info", service: "test" });
    expect(last()).to.include({ field_message: "other", field_level: "odd", field_service: "s" });
  });
});

describe("silentLogger", () => {
  it("takes everything and hands out children like itself", () => {
    silentLogger.child({ requestId: "r1" }).error("nobody hears this", { error: new Error("x") });
  });
});
