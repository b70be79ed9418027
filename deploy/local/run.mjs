// One running `npm start` per checkout: where it keeps its things, and how any command finds and ends what runs.
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { inStrata } from "./paths.mjs";
import { endTracked, isAlive, readRecord, stopRecorded } from "./processes.mjs";
import { say } from "./say.mjs";
import { stopStack } from "./stack/stack.mjs";

export const dataDir = inStrata("data");
export const phoneDir = inStrata("data", "phone");
export const secretsDir = inStrata("data", "secrets");
const runDir = inStrata("run");

/** The process of `npm start` itself. */
export const startRecord = inStrata("start.pid");

/** @param {string} name */
export const recordOf = (name) => inStrata("run", `${name}.pid`);

/** @param {string} name */
export const logOf = (name) => inStrata("logs", `${name}.log`);

const serviceGraceMs = 28_000;
const stopWithinMs = 90_000;

/** Whether a start of this checkout is up, in any shell. */
export const isStarted = () => isAlive(readRecord(startRecord));

/** Asks the running start to end, and waits until it has. */
export async function stopStart() {
  const record = readRecord(startRecord);
  if (record === undefined || !isAlive(record)) return;
  process.kill(record.pid, "SIGTERM");
  const deadline = Date.now() + stopWithinMs;
  while (isAlive(record) && Date.now() < deadline) await delay(100);
}

/** Whether a start that was killed left services or servers behind. */
export const hasLeftovers = () => recordsLeft().length > 0 || existsSync(`${dataDir}/run/stack.json`);

/** Ends the services that a killed start left running: they have nobody who would start them again. */
export async function stopLeftoverServices() {
  await Promise.all(recordsLeft().map((file) => stopRecorded(`${runDir}/${file}`, serviceGraceMs)));
}

/** @param {{ deleteData?: boolean }} [options] */
export async function stopLeftovers(options) {
  await stopLeftoverServices();
  await stopStack(dataDir, options);
}

const recordsLeft = () => (existsSync(runDir) ? readdirSync(runDir).filter((file) => file.endsWith(".pid")) : []);

/**
 * Runs `shutDown` once when the command is asked to end, then exits. Ctrl-C reaches npm too, which passes it on: the
 * same request may come twice, and the second changes nothing.
 * @param {() => Promise<void>} shutDown
 * @param {number} exitCode
 * @returns {() => boolean} whether it was asked to end
 */
export function onStopRequest(shutDown, exitCode) {
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    endTracked();
    shutDown().then(
      () => process.exit(exitCode),
      (error) => {
        say(`Could not stop everything: ${error instanceof Error ? error.message : String(error)}`);
        process.exit(1);
      },
    );
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);
  onParentGone(stop);
  return () => isStopping;
}

/**
 * npm passes a SIGTERM only to the shell between it and us, and then both are gone without a word to us: whoever ended
 * `npm start` meant this command.
 * @param {() => void} callback
 */
function onParentGone(callback) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) callback();
  }, 500).unref();
}
