// The three servers as containers of one compose project per data folder, so that two checkouts never share one.
import { createHash } from "node:crypto";
import { expectFree } from "../ports.mjs";
import { inRoot } from "../paths.mjs";
import { outputAsProgress, run, runQuietly } from "../processes.mjs";
import { until } from "../waiting.mjs";
import { isPrimary } from "./mongodb.mjs";

const composeFile = inRoot("deploy", "compose.yaml");

/** @typedef {{ ports: import("../ports.mjs").Ports, dataDir: string }} ContainerPlace */

/** Whether an engine answers: a client without one is common, so the PATH proves nothing. */
export const engineAnswers = async () => (await runQuietly("docker", ["info"])).code === 0;

/** @param {ContainerPlace} place */
export async function startContainers(place) {
  if (!(await anyRuns(place))) {
    const { amqp, amqpManagement, mongo, redis } = place.ports;
    await expectFree([amqp, amqpManagement, mongo, redis]);
  }
  if ((await compose(place, ["up", "--detach", "--wait"])) !== 0) throw new Error("docker compose up failed");
  await until(() => isPrimary(place.ports.mongo), { timeoutMs: 60_000, what: "mongodb" });
}

/**
 * @param {ContainerPlace} place
 * @param {{ deleteData?: boolean }} [options]
 */
export const stopContainers = (place, { deleteData = false } = {}) =>
  compose(place, deleteData ? ["down", "--volumes"] : ["down"]);

/**
 * @param {ContainerPlace} place
 * @param {"start" | "stop"} action
 * @param {string} server
 */
export const switchContainer = (place, action, server) =>
  compose(place, action === "start" ? ["up", "--detach", "--wait", server] : ["stop", server]);

/** @param {ContainerPlace} place */
async function anyRuns(place) {
  const { stdout } = await runQuietly("docker", composeArguments(place, ["ps", "--quiet"]), { env: composeEnv(place) });
  return stdout.trim() !== "";
}

/**
 * @param {ContainerPlace} place
 * @param {readonly string[]} args
 */
const compose = (place, args) =>
  run("docker", composeArguments(place, args), { env: composeEnv(place), stdio: outputAsProgress });

/**
 * @param {ContainerPlace} place
 * @param {readonly string[]} args
 */
function composeArguments({ dataDir }, args) {
  const project = `strata-${createHash("sha256").update(dataDir).digest("hex").slice(0, 8)}`;
  return ["compose", "--project-name", project, "--file", composeFile, ...args];
}

/** @param {ContainerPlace} place */
const composeEnv = ({ ports }) => ({
  ...process.env,
  AMQP_PORT: String(ports.amqp),
  AMQP_MANAGEMENT_PORT: String(ports.amqpManagement),
  MONGO_PORT: String(ports.mongo),
  REDIS_PORT: String(ports.redis),
});
