// Processes that outlive the command that started them are remembered in files, so that `npm run stop` finds them from
// another shell, and so that what a killed command left behind is stopped by the next one.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** @typedef {{ pid: number, born: string }} ProcessRecord */

const logBytesKept = 20_000_000;

/**
 * When a process was born, or undefined if there is none: process ids are used again, so an id alone proves nothing.
 * @param {number} pid
 * @returns {string | undefined}
 */
export function bornAt(pid) {
  if (process.platform !== "linux") {
    const ps = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    return ps.status === 0 ? ps.stdout.trim() : undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything, so fields count from behind it: state is the first, birth the twentieth.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** @param {ProcessRecord | undefined} record */
export const isAlive = (record) => record !== undefined && bornAt(record.pid) === record.born;

/**
 * @param {string} file
 * @returns {ProcessRecord | undefined}
 */
export function readRecord(file) {
  try {
    const [pid, born] = readFileSync(file, "utf8").trim().split("\n");
    return born === undefined ? undefined : { pid: Number(pid), born };
  } catch {
    return undefined;
  }
}

/**
 * @param {string} file
 * @param {number} pid
 */
export function writeRecord(file, pid) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${pid}\n${bornAt(pid) ?? "gone"}\n`);
}

/**
 * Opens a log to append to; an old one that grew too long is kept once beside it.
 * @param {string} file
 */
function openLog(file) {
  mkdirSync(dirname(file), { recursive: true });
  if (existsSync(file) && statSync(file).size > logBytesKept) renameSync(file, `${file}.previous`);
  return openSync(file, "a");
}

/**
 * Starts a program in a process group of its own, so that Ctrl-C in the terminal reaches only the command that started
 * it, which then stops everything in the right order.
 * @param {{ command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string, log: string, record: string }} program
 */
export function startProcess({ command, args, env, cwd, log, record }) {
  const output = openLog(log);
  const child = spawn(command, args, { env, cwd, detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  if (child.pid !== undefined) writeRecord(record, child.pid);
  return child;
}

/**
 * Asks a remembered process to end, and ends its whole group when it does not within the time given.
 * @param {string} file
 * @param {number} graceMs
 */
export async function stopRecorded(file, graceMs) {
  const record = readRecord(file);
  if (record !== undefined && isAlive(record)) {
    process.kill(record.pid, "SIGTERM");
    const deadline = Date.now() + graceMs;
    while (isAlive(record) && Date.now() < deadline) await delay(50);
    if (isAlive(record)) killGroup(record.pid);
  }
  rmSync(file, { force: true });
}

/** @param {number} pid */
export function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended by itself meanwhile, which is what was wanted.
  }
}

/** For installers: what they say is progress, and the standard output belongs to the command's result. @type {[number, number, number]} */
export const outputAsProgress = [0, 2, 2];

/** What a command runs and waits for: ended with it when it is asked to stop. @type {Set<import("node:child_process").ChildProcess>} */
const tracked = new Set();

/**
 * Starts a program that shall not outlive this command.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} options
 */
export function startTracked(command, args, options) {
  const child = spawn(command, args, options);
  tracked.add(child);
  child.once("close", () => tracked.delete(child));
  return child;
}

/** Ends whatever this command is waiting for, with all that it started where it has a process group of its own. */
export function endTracked() {
  for (const child of tracked) {
    child.kill("SIGTERM");
    if (child.pid !== undefined) killGroup(child.pid);
  }
}

/**
 * How a program ended, in words; a program that could not be started has ended, too.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<string>}
 */
export const exitOf = (child) =>
  new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

/**
 * Runs a program to its end with its output on the terminal.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<number>} its exit code; 1 where a signal ended it
 */
export const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = startTracked(command, args, { stdio: "inherit", ...options });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });

/**
 * Runs a program to its end and collects its output: `stdout` alone, and both streams together as a person would see them.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<{ code: number, stdout: string, output: string }>}
 */
export const runQuietly = (command, args, options = {}) =>
  new Promise((resolve) => {
    const child = startTracked(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let stdout = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => (output += bytes));
    child.stdout?.on("data", (bytes) => (stdout += bytes));
    child.once("error", (error) => resolve({ code: 127, stdout, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, output }));
  });

/**
 * The first of the named programs that is on the PATH.
 * @param {...string} names
 * @returns {string | undefined}
 */
export function onPath(...names) {
  for (const name of names) {
    if (name.includes("/")) {
      if (existsSync(name)) return name;
      continue;
    }
    for (const folder of (process.env.PATH ?? "").split(":")) {
      if (folder !== "" && existsSync(`${folder}/${name}`)) return `${folder}/${name}`;
    }
  }
  return undefined;
}
