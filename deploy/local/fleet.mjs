// The phone and the services as supervised processes: started, waited for, noted in dev.json, stopped in order.
import { readDevJson, updateDevJson } from "./dev-json.mjs";
import { root } from "./paths.mjs";
import { logOf, phoneDir, recordOf, secretsDir } from "./run.mjs";
import { Advice, say } from "./say.mjs";
import { credentialsKey } from "./secrets.mjs";
import { mainFile, metricsPort, phoneEnv, phoneUrl, serviceEnv, serviceNames } from "./services.mjs";
import { withoutUrls } from "./stack/source.mjs";
import { supervise } from "./supervisor.mjs";
import { answersHttp, until } from "./waiting.mjs";

/** @typedef {import("./ports.mjs").Ports} Ports */
/** @typedef {import("./supervisor.mjs").Supervised} Supervised */
/** @typedef {import("./toolchain.mjs").Toolchain} Toolchain */

const readyWithinMs = 120_000;
const deathsAtStart = 5;

/** @type {Supervised[]} */
const running = [];

/**
 * @param {Toolchain} toolchain
 * @param {Ports} ports
 */
export async function startPhone(toolchain, ports) {
  const phone = superviseProgram("phone", toolchain, phoneEnv(ports, phoneDir), () => {});
  await untilReady(phone, `${phoneUrl(ports)}/healthz`);
}

/**
 * All at once: each waits for what it needs by itself, as it would in production.
 * @param {Toolchain} toolchain
 * @param {Ports} ports
 * @param {import("./stack/source.mjs").StackUrls} urls
 */
export async function startServices(toolchain, ports, urls) {
  const accountToken = readDevJson().accountToken ?? "";
  const key = credentialsKey(`${secretsDir}/credentials-key`);
  const contentKey = credentialsKey(`${secretsDir}/content-key`);
  const nonceKey = credentialsKey(`${secretsDir}/nonce-key`);
  const signingKey = credentialsKey(`${secretsDir}/signing-key`);
  const surroundings = { ports, urls, accountToken, credentialsKey: key, contentKey, nonceKey, signingKey, phoneDir };
  await Promise.all(serviceNames.map((name) => startService(name, toolchain, ports, serviceEnv(name, surroundings))));
}

/**
 * @param {import("./services.mjs").ServiceName} name
 * @param {Toolchain} toolchain
 * @param {Ports} ports
 * @param {Record<string, string>} env
 */
async function startService(name, toolchain, ports, env) {
  const readyUrl = `http://127.0.0.1:${metricsPort(name, ports)}/readyz`;
  const service = superviseProgram(name, toolchain, env, (pid, isRestart) => {
    noteProcess(name, pid, ports);
    if (isRestart) void sayWhenReady(name, readyUrl);
  });
  await untilReady(service, readyUrl);
  say(`  ${name} is ready`);
}

/**
 * @param {string} name
 * @param {string} readyUrl
 */
const sayWhenReady = (name, readyUrl) =>
  until(() => answersHttp(readyUrl), { timeoutMs: readyWithinMs, what: name }).then(
    () => say(`${name} is ready again`),
    // It died again before it was ready, which its supervisor has said.
    () => {},
  );

/**
 * @param {import("./services.mjs").ServiceName | "phone"} name
 * @param {Toolchain} toolchain
 * @param {Record<string, string>} env
 * @param {(pid: number, isRestart: boolean) => void} onStart
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
 * @param {Ports} ports
 */
function noteProcess(name, pid, ports) {
  const metrics = metricsPort(name, ports);
  const port = { gateway: ports.gateway, realtime: ports.realtime }[/** @type {string} */ (name)] ?? metrics;
  const process = { pid, port, metricsUrl: `http://127.0.0.1:${metrics}/metrics` };
  updateDevJson(({ services }) => ({ services: { ...services, [name]: [process] } }));
}

/**
 * @param {Supervised} supervised
 * @param {string} url
 */
const untilReady = (supervised, url) =>
  until(() => answersHttp(url), {
    timeoutMs: readyWithinMs,
    what: `${supervised.name} (its log: ${logOf(supervised.name)})`,
    stillTrying: () => {
      if (!supervised.isGivenUp() && supervised.deaths() < deathsAtStart) return;
      throw new Advice(`${supervised.name} does not start; see above.`);
    },
  });

/** Through which requests come in. */
const doors = new Set(["gateway", "realtime"]);

/** Stops whatever runs. The doors close first, so that no request finds half of the services gone; the phone goes last. */
export async function stopFleet() {
  if (running.length > 0) say("\nStopping the services …");
  await stopWhere((name) => doors.has(name));
  await stopWhere((name) => !doors.has(name) && name !== "phone");
  await stopWhere((name) => name === "phone");
}

/** @param {(name: string) => boolean} isChosen */
const stopWhere = (isChosen) =>
  Promise.all(running.filter(({ name }) => isChosen(name)).map((supervised) => supervised.stop()));
