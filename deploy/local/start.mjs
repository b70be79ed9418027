// npm start: tools → stack → phone → services → a demo app with a real announcement; then it stays up and keeps the
// services running. Ctrl-C (or `npm run stop` from another shell) stops everything that it started, and nothing else.
import { existsSync, rmSync } from "node:fs";
import { claim } from "./claim.mjs";
import { devJsonFile, readDevJson, updateDevJson } from "./dev-json.mjs";
import { startPhone, startServices, stopFleet } from "./fleet.mjs";
import { inRoot, root } from "./paths.mjs";
import { expectFree, holdPort, portBase, portsFrom } from "./ports.mjs";
import { readRecord, run } from "./processes.mjs";
import { dataDir, onStopRequest, startRecord, stopLeftoverServices } from "./run.mjs";
import { Advice, fail, say, timed } from "./say.mjs";
import { newAccountToken } from "./secrets.mjs";
import { gatewayUrl, ownPorts, phoneUrl, pushUrl, serviceNames, socketUrl } from "./services.mjs";
import { recall, startStack, stopStack } from "./stack/stack.mjs";
import { ensureToolchain } from "./toolchain.mjs";
import { welcome } from "./welcome.mjs";

/** @typedef {import("./ports.mjs").Ports} Ports */
/** @typedef {import("./toolchain.mjs").Toolchain} Toolchain */

const isAskedToStop = onStopRequest(stopAll, 0);

async function main() {
  const base = portBase("start");
  const ports = portsFrom(base);
  const other = await claim(startRecord);
  if (other !== undefined) {
    throw new Advice(`This checkout is started already (process ${other.pid}). Stop it with: npm run stop`);
  }
  await stopLeftoverServices();
  await holdPort(ports.command);
  await expectFree(ownPorts(ports));

  const toolchain = await ensureToolchain();
  const { urls } = await timed("Starting RabbitMQ, MongoDB and Redis", () => startStack({ dataDir, portBase: base }));
  await writeDevJson(toolchain, ports, urls);
  await timed("Starting the local phone", () => startPhone(toolchain, ports));
  await timed(`Starting ${serviceNames.length} services`, () => startServices(toolchain, ports, urls));
  await seed(toolchain, ports);
  welcome(ports);
}

/**
 * @param {Toolchain} toolchain
 * @param {Ports} ports
 * @param {import("./stack/source.mjs").StackUrls} urls
 */
async function writeDevJson(toolchain, ports, urls) {
  // The account lives in the database under this token, so a second start goes on with it.
  const accountToken = readDevJson().accountToken ?? (await newAccountToken(toolchain));
  updateDevJson(() => ({
    baseUrl: gatewayUrl(ports),
    websocketUrl: socketUrl(ports),
    consoleUrl: null,
    accountToken,
    mongoUrl: urls.MONGO_URL,
    amqpUrl: urls.AMQP_URL,
    redisUrl: urls.REDIS_URL,
    push: { fcmUrl: pushUrl(ports), apnsUrl: pushUrl(ports) },
    services: {},
  }));
}

/**
 * Creates the demo app where there is none yet, sends it an announcement, and shows how far it gets.
 * @param {Toolchain} toolchain
 * @param {Ports} ports
 */
async function seed({ node, env }, ports) {
  const program = inRoot("deploy", "local", "seed.ts");
  const seedEnv = { ...env, STRATA_DEV_JSON: devJsonFile, STRATA_PHONE_URL: phoneUrl(ports) };
  if ((await run(node, [program], { cwd: root, env: seedEnv })) !== 0) {
    throw new Advice("The demo app could not be seeded; the output above says why.");
  }
}

async function stopAll() {
  // What runs belongs to another start of this checkout, which this one had only found out.
  if (!isOurs()) return;
  await stopFleet();
  if (recall(dataDir) !== undefined) say("Stopping RabbitMQ, MongoDB and Redis …");
  await stopStack(dataDir);
  if (existsSync(devJsonFile)) updateDevJson(() => ({ services: {} }));
  rmSync(startRecord, { force: true });
  say("Stopped.");
}

const isOurs = () => readRecord(startRecord)?.pid === process.pid;

// The services are its children: the command stays up as long as one of them is kept running.
await main().catch(async (error) => {
  // Asked to stop in the middle of a step: its failure means nothing, and the stop is under way.
  if (isAskedToStop()) return;
  fail(error);
  await stopAll();
  process.exit(1);
});
