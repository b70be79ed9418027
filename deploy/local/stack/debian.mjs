import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { onPath, runQuietly } from "../processes.mjs";
import { Advice, say } from "../say.mjs";

/** Whether packages can be installed here without asking anybody. */
export const canInstallPackages = () => process.getuid?.() === 0 && onPath("apt-get") !== undefined;

/** What a package makes Debian start at installation, by package. */
const startedByPackage = new Map([
  ["rabbitmq-server", ["rabbitmq-server"]],
  ["redis-server", ["redis-server"]],
]);

/**
 * Installs Debian packages, and stops the servers that their installation started: we run our own with our own data. A
 * server that was installed before is somebody's, and is left alone.
 * @param {readonly string[]} packages
 */
export async function installPackages(packages) {
  const missing = await notInstalled(packages);
  if (missing.length === 0) return;
  const epmdWasHere = onPath("epmd") !== undefined;
  say(`  installing ${missing.join(", ")} with apt-get (about 20 s)`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await aptGet(["update"], env);
  await aptGet(["install", "--yes", "--no-install-recommends", ...missing], env);
  for (const service of missing.flatMap((name) => startedByPackage.get(name) ?? [])) await stopService(service);
  if (missing.includes("rabbitmq-server") && !epmdWasHere) await stopEpmd();
}

/** @param {readonly string[]} packages */
async function notInstalled(packages) {
  const missing = [];
  for (const name of packages) {
    const { stdout } = await runQuietly("dpkg-query", ["--show", "--showformat=${db:Status-Status}", name]);
    if (stdout !== "installed") missing.push(name);
  }
  return missing;
}

const lockWaitMs = 180_000;

/**
 * Waits while another apt-get (of a second checkout that starts at the same moment, or of the machine) has the lock.
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
async function aptGet(args, env) {
  const deadline = Date.now() + lockWaitMs;
  for (;;) {
    const { code, output } = await runQuietly("apt-get", ["--quiet", ...args], { env: { ...env, LC_ALL: "C" } });
    if (code === 0) return;
    if (!output.includes("Could not get lock") || Date.now() > deadline) {
      throw new Advice(`apt-get ${args.join(" ")} failed:\n${output.trimEnd().split("\n").slice(-15).join("\n")}`);
    }
    await delay(1_000);
  }
}

const hasSystemd = () => existsSync("/run/systemd/system");

/** @param {string} service */
async function stopService(service) {
  const { code } = hasSystemd()
    ? await runQuietly("systemctl", ["disable", "--now", service])
    : await runQuietly("service", [service, "stop"]);
  if (code === 0) say(`  stopped ${service}, which its installation had started; Strata runs its own`);
}

/** The broker's installation leaves Erlang's name server behind; without nodes it serves nobody. */
async function stopEpmd() {
  if (hasSystemd()) await runQuietly("systemctl", ["disable", "--now", "epmd.socket", "epmd.service"]);
  else await runQuietly("epmd", ["-kill"]);
}
