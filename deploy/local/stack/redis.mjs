import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { answersText } from "../waiting.mjs";

/**
 * Counters and caches. Written to disk now and then, so that a second start finds them warm; nothing depends on it.
 * @type {(place: import("./servers.mjs").Place) => import("./servers.mjs").ServerProgram}
 */
export const redis = ({ ports, dataDir, binaries }) => {
  const data = join(dataDir, "redis");
  return {
    name: "redis",
    command: binaries.redis,
    args: ["--bind", "127.0.0.1", "--port", String(ports.redis), "--dir", data, "--save", "300 1", "--daemonize", "no"],
    env: process.env,
    prepare: () => mkdirSync(data, { recursive: true }),
    isReady: () => answersText({ port: ports.redis, send: "PING\r\n", expected: "+PONG" }),
    readyWithinMs: 30_000,
  };
};

/** @param {import("../ports.mjs").Ports} ports */
export const redisUrls = (ports) => ({ REDIS_URL: `redis://127.0.0.1:${ports.redis}` });
