// RabbitMQ, MongoDB and Redis for one purpose (start, tests, a benchmark), wherever they come from. What runs is
// remembered in the data folder, so that any later command can stop it.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { portsFrom } from "../ports.mjs";
import { say } from "../say.mjs";
import { provideBinaries } from "./binaries.mjs";
import { engineAnswers, startContainers, stopContainers, switchContainer } from "./containers.mjs";
import { deleteDataFolder } from "./data-folder.mjs";
import { serverUrls, startServers, stopServers } from "./servers.mjs";
import { chooseSource, urlsFrom } from "./source.mjs";

/**
 * @typedef {{
 *   source: import("./source.mjs").Source, portBase: number, urls: import("./source.mjs").StackUrls, isForTests: boolean,
 * }} Stack
 */

/**
 * Starts the stack, or finds it running. For tests, the broker reports what lies in its queues at once, which costs it a
 * sixth of a processor.
 * @param {{ dataDir: string, portBase: number, isForTests?: boolean }} place
 * @returns {Promise<Stack>}
 */
export async function startStack({ dataDir, portBase, isForTests = false }) {
  const source = await chooseSource({ env: process.env, engineAnswers });
  const given = urlsFrom(process.env);
  if (given !== undefined) {
    say("  using the servers that AMQP_URL, AMQP_MANAGEMENT_URL, MONGO_URL and REDIS_URL name");
    return { source, portBase, urls: given, isForTests };
  }
  const ports = portsFrom(portBase);
  const stack = { source, portBase, urls: serverUrls(ports), isForTests };
  const place = { ports, dataDir, isForTests };
  if (source === "containers" && (await tryContainers(stack, place))) return stack;
  return await startOnMachine({ ...stack, source: "servers" }, place);
}

/**
 * @param {Stack} stack
 * @param {import("./containers.mjs").ContainerPlace} place
 */
async function tryContainers(stack, place) {
  say("  using containers (deploy/compose.yaml)");
  remember(place.dataDir, stack);
  try {
    await startContainers(place);
    return true;
  } catch (error) {
    say(`  ${error instanceof Error ? error.message : String(error)}; trying servers on this machine instead`);
    await stopContainers(place);
    return false;
  }
}

/**
 * @param {Stack} stack
 * @param {Omit<import("./servers.mjs").Place, "binaries">} place
 */
async function startOnMachine(stack, place) {
  const binaries = await provideBinaries();
  // Servers that a killed command left on other ports are of no use on these.
  if (recall(place.dataDir)?.portBase !== stack.portBase) await stopServers(place.dataDir);
  remember(place.dataDir, stack);
  await startServers({ ...place, binaries });
  return stack;
}

/**
 * Stops what runs with this data folder; nothing happens where nothing does.
 * @param {string} dataDir
 * @param {{ deleteData?: boolean }} [options]
 */
export async function stopStack(dataDir, { deleteData = false } = {}) {
  const stack = recall(dataDir);
  if (stack?.source === "containers") {
    await stopContainers({ dataDir, ports: portsFrom(stack.portBase) }, { deleteData });
  } else {
    // An orderly end takes seconds, for the sake of data that is about to be deleted.
    await stopServers(dataDir, deleteData ? { graceMs: 0 } : {});
  }
  rmSync(memory(dataDir), { force: true });
  if (deleteData) deleteDataFolder(dataDir);
}

/**
 * Takes one server away, or brings it back with its data, while the others run.
 * @param {string} dataDir
 * @param {"start" | "stop"} action
 * @param {string} server
 */
export async function switchServer(dataDir, action, server) {
  const stack = recall(dataDir);
  if (stack === undefined) throw new Error(`No stack runs with its data in ${dataDir}`);
  const place = { dataDir, ports: portsFrom(stack.portBase), isForTests: stack.isForTests };
  if (stack.source === "containers") await switchContainer(place, action, server);
  else if (action === "stop") await stopServers(dataDir, { names: [server] });
  else
    await startServers(
      { ...place, binaries: await provideBinaries() },
      server === "rabbitmq" ? ["epmd", server] : [server],
    );
}

/**
 * The stack that runs with this data folder, if any.
 * @param {string} dataDir
 * @returns {Stack | undefined}
 */
export function recall(dataDir) {
  try {
    return JSON.parse(readFileSync(memory(dataDir), "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} dataDir
 * @param {Stack} stack
 */
function remember(dataDir, stack) {
  mkdirSync(join(dataDir, "run"), { recursive: true });
  writeFileSync(memory(dataDir), `${JSON.stringify(stack, null, 2)}\n`);
}

/** @param {string} dataDir */
const memory = (dataDir) => join(dataDir, "run", "stack.json");
