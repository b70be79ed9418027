// Keeps a service running: one that dies is started again, a little later each time, and said so.
import { setTimeout as delay } from "node:timers/promises";
import { killGroup, readRecord, startProcess, stopRecorded } from "./processes.mjs";
import { say } from "./say.mjs";
import { lastLines } from "./stack/servers.mjs";

const firstDelayMs = 500;
const longestDelayMs = 30_000;
/** A process that lived this long is healthy again: its next death starts the delays anew. */
const healthyAfterMs = 60_000;
/** A service's own limit for an orderly end is 25 s. */
const graceMs = 28_000;
/** How a service says that its environment is wrong (sysexits.h EX_CONFIG): starting it again changes nothing. */
const exitConfig = 78;

/**
 * How long to wait before the next start, after so many deaths in a row.
 * @param {number} deaths
 */
export const backOffMs = (deaths) => Math.min(longestDelayMs, firstDelayMs * 2 ** (deaths - 1));

/**
 * @typedef {{
 *   name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string, log: string, record: string,
 * }} Program
 */
/** @typedef {{ name: string, deaths: () => number, isGivenUp: () => boolean, stop: () => Promise<void> }} Supervised */

/**
 * @param {Program} program
 * @param {(pid: number, isRestart: boolean) => void} onStart told of every process that it starts
 * @param {(line: string) => void} [tell] where deaths are said
 * @returns {Supervised}
 */
export function supervise(program, onStart, tell = say) {
  const stopping = new AbortController();
  let deaths = 0;
  let isGivenUp = false;

  const runOnce = () =>
    new Promise((resolve) => {
      const child = startProcess(program);
      if (child.pid !== undefined) onStart(child.pid, deaths > 0);
      child.once("error", (error) => resolve({ how: error.message, code: undefined }));
      child.once("exit", (code, signal) => resolve({ how: signal ?? `exit code ${code}`, code }));
    });

  const keepRunning = async () => {
    while (!stopping.signal.aborted) {
      const startedAt = Date.now();
      const { how, code } = await runOnce();
      if (stopping.signal.aborted) return;
      deaths = Date.now() - startedAt > healthyAfterMs ? 1 : deaths + 1;
      isGivenUp = code === exitConfig;
      tell(deathNotice(program, how, isGivenUp ? undefined : backOffMs(deaths)));
      if (isGivenUp) return;
      await delay(backOffMs(deaths), undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const ended = keepRunning();

  return {
    name: program.name,
    deaths: () => deaths,
    isGivenUp: () => isGivenUp,
    stop: async () => {
      stopping.abort();
      const group = readRecord(program.record)?.pid;
      await stopRecorded(program.record, graceMs);
      if (group !== undefined) killGroup(group);
      await ended;
    },
  };
}

/**
 * @param {Program} program
 * @param {string} how
 * @param {number | undefined} delayMs
 */
function deathNotice({ name, log }, how, delayMs) {
  const next =
    delayMs === undefined
      ? "not starting it again: its environment is wrong"
      : `starting it again in ${delayMs / 1000} s`;
  return `\n${name} died (${how}), ${next}. The end of ${log}:\n${lastLines(log, 12)}\n`;
}
