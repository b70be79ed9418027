import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { inRoot, inStrata, root } from "./paths.mjs";
import { exitOf, killGroup, startTracked } from "./processes.mjs";
import { say, seconds } from "./say.mjs";

/** How long mocha may live on after its last test. */
const exitWithinMs = 20_000;

/** @typedef {{ title: string, file: string }} Failure */
/** @typedef {{ passed: number, skipped: number, failures: Failure[], isComplete: boolean }} RunCounts */
/** @typedef {RunCounts & { fault: string | undefined }} RunResult what went wrong with the run as a whole, beside its tests */

/**
 * Runs test files one after the other in one process of their own, and shows what it printed once it has ended: two of
 * these run side by side.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {string} name of the run; its files are named after it
 * @param {readonly string[]} files
 * @returns {Promise<RunResult>}
 */
export async function runMocha({ node, env }, name, files) {
  const startedAt = Date.now();
  const countsFile = inStrata("test-runs", `${name.replaceAll("/", "-")}.json`);
  mkdirSync(inStrata("test-runs"), { recursive: true });
  rmSync(countsFile, { force: true });
  const mocha = inRoot("node_modules", "mocha", "bin", "mocha.js");
  const args = [mocha, "--color", "--reporter", inRoot("deploy", "local", "test-reporter.mjs"), ...files];
  // A group of its own, so that services which a broken test leaves behind end with it.
  const child = startTracked(node, args, {
    cwd: root,
    env: { ...env, STRATA_TEST_COUNTS: countsFile, NODE_COMPILE_CACHE: inStrata("compile-cache") },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const output = printedBy(child);
  const exit = exitOf(child);
  const isHanging = await staysAfterLastTest(countsFile, exit);
  if (child.pid !== undefined) killGroup(child.pid);
  const counts = readCounts(countsFile);
  const fault = faultOf(counts, await exit, isHanging);
  process.stderr.write(`\n${name}\n${output()}`);
  say(`${name}: ${counts.passed} passed, ${counts.failures.length} failed, ${seconds(Date.now() - startedAt)}`);
  if (counts.skipped > 0) say(`${name}: ${counts.skipped} skipped`);
  if (fault !== undefined) say(`${name}: ${fault}`);
  return { ...counts, fault };
}

/**
 * What a program has printed so far, both streams as a person would see them.
 * @param {import("node:child_process").ChildProcess} child
 */
function printedBy(child) {
  /** @type {Buffer[]} */
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => chunks.push(bytes));
  return () => Buffer.concat(chunks).toString("utf8");
}

/**
 * @param {RunCounts} counts
 * @param {string} exit
 * @param {boolean} isHanging
 */
function faultOf({ failures, isComplete }, exit, isHanging) {
  if (!isComplete) return `The test run broke off (${exit}).`;
  // A test that broke off in the middle could not clean up: its failure says enough.
  if (failures.length > 0) return undefined;
  if (isHanging) return "The test run did not end: a test left a connection, a server or a timer open.";
  if (exit !== "exit code 0") return `All tests passed, yet the run ended with ${exit}.`;
  return undefined;
}

/**
 * @param {string} countsFile
 * @param {Promise<string>} exit
 */
async function staysAfterLastTest(countsFile, exit) {
  let completeSince;
  for (;;) {
    if ((await Promise.race([exit, delay(200)])) !== undefined) return false;
    if (readCounts(countsFile).isComplete) completeSince ??= Date.now();
    if (completeSince !== undefined && Date.now() - completeSince > exitWithinMs) return true;
  }
}

/** @param {string} file @returns {RunCounts} */
function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, skipped: 0, failures: [], isComplete: false };
  }
}
