// The three servers as processes of this machine: started with data and ports of our own, remembered in files, stopped
// in reverse. Nothing here knows how the programs came to the machine (binaries.mjs does).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, readRecord, startProcess, stopRecorded } from "../processes.mjs";
import { expectFree } from "../ports.mjs";
import { say, seconds } from "../say.mjs";
import { until } from "../waiting.mjs";
import { mongodb, mongodbUrls } from "./mongodb.mjs";
import { epmd, rabbitmq, rabbitmqUrls } from "./rabbitmq.mjs";
import { redis, redisUrls } from "./redis.mjs";

/** @typedef {{ rabbitmq: string, epmd: string, mongod: string, redis: string }} Binaries */
/** @typedef {{ ports: import("../ports.mjs").Ports, dataDir: string, binaries: Binaries, isForTests: boolean }} Place */
/**
 * @typedef {{
 *   name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv,
 *   prepare?: () => void, isReady: () => Promise<boolean>, readyWithinMs: number,
 * }} ServerProgram
 */

const programs = [epmd, rabbitmq, mongodb, redis];

/** The names by which one server can be stopped and started while the others run. */
export const serverNames = ["rabbitmq", "mongodb", "redis"];

/** @param {import("../ports.mjs").Ports} ports */
export const serverUrls = (ports) => ({ ...rabbitmqUrls(ports), ...mongodbUrls(ports), ...redisUrls(ports) });

/**
 * Starts what does not run yet, all at once, and waits until each takes work.
 * @param {Place} place
 * @param {readonly string[]} [names]
 */
export async function startServers(place, names = programs.map((program) => program(place).name)) {
  const servers = programs.map((program) => program(place)).filter(({ name }) => names.includes(name));
  const stopped = servers.filter(({ name }) => !isAlive(readRecord(recordFile(place.dataDir, name))));
  await expectFree(stopped.flatMap(({ name }) => portsOf(name, place.ports)));
  // The broker asks its name server for a name first thing, so that one is there before.
  for (const server of stopped.filter(({ name }) => name === "epmd")) await startServer(server, place.dataDir);
  await Promise.all(stopped.filter(({ name }) => name !== "epmd").map((server) => startServer(server, place.dataDir)));
}

/**
 * @param {ServerProgram} server
 * @param {string} dataDir
 */
async function startServer(server, dataDir) {
  const startedAt = Date.now();
  const log = logFile(dataDir, server.name);
  server.prepare?.();
  const record = recordFile(dataDir, server.name);
  // Servers go on when the command that started them has ended.
  startProcess({ ...server, log, record }).unref();
  await until(server.isReady, {
    timeoutMs: server.readyWithinMs,
    what: `${server.name} (its log: ${log})`,
    stillTrying: () => {
      if (!isAlive(readRecord(record))) throw new Error(`${server.name} ended at its start:\n${lastLines(log)}`);
    },
  });
  if (server.name !== "epmd") say(`  ${server.name} is ready after ${seconds(Date.now() - startedAt)}`);
}

/**
 * Stops servers that this data folder remembers. It needs no programs and no ports: `npm run stop` knows neither.
 * @param {string} dataDir
 * @param {{ names?: readonly string[], graceMs?: number }} [options]
 */
export async function stopServers(dataDir, { names = serverNames, graceMs = 30_000 } = {}) {
  await Promise.all(names.map((name) => stopRecorded(recordFile(dataDir, name), graceMs)));
  // The broker says goodbye to its name server, so that one goes last, and only with the broker.
  if (names.includes("rabbitmq")) await stopRecorded(recordFile(dataDir, "epmd"), 2_000);
}

/**
 * @param {string} name
 * @param {import("../ports.mjs").Ports} ports
 */
function portsOf(name, ports) {
  if (name === "epmd") return [ports.epmd];
  if (name === "mongodb") return [ports.mongo];
  if (name === "redis") return [ports.redis];
  return [ports.amqp, ports.amqpManagement, ports.amqpPrometheus, ports.amqpDistribution];
}

/**
 * @param {string} dataDir
 * @param {string} name
 */
const recordFile = (dataDir, name) => join(dataDir, "run", `${name}.pid`);

/**
 * @param {string} dataDir
 * @param {string} name
 */
const logFile = (dataDir, name) => join(dataDir, "log", `${name}.log`);

/** @param {string} file */
export function lastLines(file, count = 20) {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  } catch {
    return "";
  }
}
