// npm start: tools → stack → phone → services → a demo app with a real announcement; then it stays up and keeps the
// services running. Ctrl-C (or `npm run stop` from another shell) stops everything that it started, and nothing else.
import { existsSync, rmSync } from "node:fs";
import { devJsonFile, readDevJson, updateDevJson } from "./dev-json.mjs";
import { inRoot, inStrata, root } from "./paths.mjs";
import { expectFree, portBase, portsFrom } from "./ports.mjs";
import { readRecord, run, writeRecord } from "./processes.mjs";
import {
  dataDir,
  isStarted,
  logOf,
  onStopRequest,
  phoneDir,
  recordOf,
  secretsDir,
  startRecord,
  stopLeftoverServices,
} from "./run.mjs";
import { Advice, fail, say, timed } from "./say.mjs";
import { credentialsKey, newAccountToken } from "./secrets.mjs";
import {
  gatewayUrl,
  mainFile,
  metricsPort,
  ownPorts,
  phoneEnv,
  phoneUrl,
  pushUrl,
  serviceEnv,
  serviceNames,
} from "./services.mjs";
import { withoutUrls } from "./stack/source.mjs";
import { recall, startStack, stopStack } from "./stack/stack.mjs";
import { supervise } from "./supervisor.mjs";
import { ensureToolchain } from "./toolchain.mjs";
import { answersHttp, until } from "./waiting.mjs";

/** @typedef {import("./supervisor.mjs").Supervised} Supervised */

const base = chosenBase();
const ports = portsFrom(base);

/** In the order of their start; stopped in reverse. @type {Supervised[]} */
const running = [];

const isAskedToStop = onStopRequest(stopAll, 0);

async function main() {
  if (isStarted()) throw new Advice("This checkout is started already. Stop it with: npm run stop");
  writeRecord(startRecord, process.pid);
  await stopLeftoverServices();
  await expectFree(ownPorts(ports));

  const toolchain = await ensureToolchain();
  const stack = await timed("Starting RabbitMQ, MongoDB and Redis", () => startStack({ dataDir, portBase: base }));
  await writeDevJson(toolchain, stack);
  await timed("Starting the local phone", () => startPhone(toolchain));
  await timed(`Starting ${serviceNames.length} services`, () => startServices(toolchain, stack));
  await seed(toolchain);
  printWhereEverythingIs();
  await new Promise(() => {});
}

function chosenBase() {
  try {
    return portBase("start");
  } catch (error) {
    fail(error);
    process.exit(1);
  }
}

/**
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {import("./stack/stack.mjs").Stack} stack
 */
async function writeDevJson(toolchain, { urls }) {
  // The account lives in the database under this token, so a second start goes on with it.
  const accountToken = readDevJson().accountToken ?? (await newAccountToken(toolchain));
  updateDevJson(() => ({
    baseUrl: gatewayUrl(ports),
    websocketUrl: null,
    consoleUrl: null,
    accountToken,
    mongoUrl: urls.MONGO_URL,
    amqpUrl: urls.AMQP_URL,
    redisUrl: urls.REDIS_URL,
    push: { fcmUrl: pushUrl(ports), apnsUrl: pushUrl(ports) },
    services: {},
  }));
}

/** @param {import("./toolchain.mjs").Toolchain} toolchain */
async function startPhone(toolchain) {
  const phone = superviseProgram("phone", toolchain, phoneEnv(ports, phoneDir), () => {});
  await untilReady(phone, `${phoneUrl(ports)}/healthz`);
}

/**
 * All at once: each waits for what it needs by itself, as it would in production.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {import("./stack/stack.mjs").Stack} stack
 */
async function startServices(toolchain, { urls }) {
  const token = readDevJson().accountToken ?? "";
  const key = credentialsKey(`${secretsDir}/credentials-key`);
  const surroundings = { ports, urls, accountToken: token, credentialsKey: key, phoneDir };
  await Promise.all(
    serviceNames.map(async (name) => {
      const env = serviceEnv(name, surroundings);
      const service = superviseProgram(name, toolchain, env, (pid) => noteProcess(name, pid));
      await untilReady(service, `http://127.0.0.1:${metricsPort(name, ports)}/readyz`);
      say(`  ${name} is ready`);
    }),
  );
}

/**
 * @param {import("./services.mjs").ServiceName | "phone"} name
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {Record<string, string>} env
 * @param {(pid: number) => void} onStart
 */
function superviseProgram(name, toolchain, env, onStart) {
  const program = {
    name,
    command: toolchain.node,
    args: [mainFile(name)],
    env: { ...withoutUrls(toolchain.env), ...env },
    cwd: root,
    log: logOf(name),
    record: recordOf(name),
  };
  const supervised = supervise(program, onStart);
  running.push(supervised);
  return supervised;
}

/**
 * @param {import("./services.mjs").ServiceName} name
 * @param {number} pid
 */
function noteProcess(name, pid) {
  const metrics = metricsPort(name, ports);
  const port = name === "gateway" ? ports.gateway : metrics;
  const process = { pid, port, metricsUrl: `http://127.0.0.1:${metrics}/metrics` };
  updateDevJson(({ services }) => ({ services: { ...services, [name]: [process] } }));
}

/**
 * @param {Supervised} supervised
 * @param {string} url
 */
const untilReady = (supervised, url) =>
  until(() => answersHttp(url), {
    timeoutMs: 120_000,
    what: `${supervised.name} (its log: ${logOf(supervised.name)})`,
    stillTrying: () => {
      if (supervised.isGivenUp() || supervised.deaths() >= 5)
        throw new Advice(`${supervised.name} does not start; see above.`);
    },
  });

/** @param {import("./toolchain.mjs").Toolchain} toolchain */
async function seed({ node, env }) {
  const program = inRoot("deploy", "local", "seed.ts");
  const seedEnv = { ...env, STRATA_DEV_JSON: devJsonFile, STRATA_PHONE_URL: phoneUrl(ports) };
  if ((await run(node, [program], { cwd: root, env: seedEnv })) !== 0) {
    throw new Advice("The demo app could not be seeded; the output above says why.");
  }
}

function printWhereEverythingIs() {
  const { baseUrl, appId, token, amqpUrl, mongoUrl, redisUrl } = readDevJson();
  const announcement = JSON.stringify({
    recipients: ["layer:///identities/user-0001"],
    parts: [{ body: "Hello from Strata", mime_type: "text/plain" }],
  });
  say(`
Strata is up.
  API        ${baseUrl}
  app        ${appId}
  token      ${token}
  phone      ${phoneUrl(ports)}   what each device received
  RabbitMQ   ${amqpUrl}
  MongoDB    ${mongoUrl}
  Redis      ${redisUrl}
  logs       ${inStrata("logs")}
  all of it  ${devJsonFile}

Send an announcement yourself:

  curl -sS -X POST ${baseUrl}/apps/${appId}/announcements \\
    -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\
    -d '${announcement}'

Ctrl-C stops everything; the data stays for the next start (npm run reset deletes it).`);
}

async function stopAll() {
  if (running.length > 0) say("\nStopping the services …");
  // The door closes first, so that no request finds half of the services gone; the phone hears the last pushes.
  for (const name of ["gateway", "others", "phone"]) await stopSupervised(name);
  if (recall(dataDir) !== undefined) say("Stopping RabbitMQ, MongoDB and Redis …");
  await stopStack(dataDir);
  if (existsSync(devJsonFile)) updateDevJson(() => ({ services: {} }));
  rmSync(startRecord, { force: true });
  say("Stopped.");
}

/** @param {string} which */
async function stopSupervised(which) {
  const chosen = running.filter(({ name }) => (name === "gateway" || name === "phone" ? name : "others") === which);
  await Promise.all(chosen.map((supervised) => supervised.stop()));
}

await main().catch(async (error) => {
  // Asked to stop in the middle of a step: its failure means nothing, and the stop is under way.
  if (isAskedToStop()) return;
  fail(error);
  if (readRecord(startRecord)?.pid === process.pid) await stopAll();
  process.exit(1);
});
