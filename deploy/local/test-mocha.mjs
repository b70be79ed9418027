import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { inRoot, inStrata, root } from "./paths.mjs";
import { exitOf, killGroup, startTracked } from "./processes.mjs";
import { say } from "./say.mjs";

/** How long mocha may live on after its last test. */
const exitWithinMs = 20_000;

/**
 * Runs tests one after the other in one process and returns how many passed and failed. A run that breaks off, or that
 * does not end because a test left something open, has failed as well.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {readonly string[]} files
 * @returns {Promise<import("./test.mjs").Counts>}
 */
export async function runMocha({ node, env }, files) {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const countsFile = inStrata("test-counts.json");
  mkdirSync(inStrata(), { recursive: true });
  rmSync(countsFile, { force: true });
  const mocha = inRoot("node_modules", "mocha", "bin", "mocha.js");
  const args = [mocha, "--reporter", inRoot("deploy", "local", "test-reporter.mjs"), ...files];
  // A group of its own, so that services which a broken test leaves behind end with it.
  const child = startTracked(node, args, {
    cwd: root,
    env: { ...env, STRATA_TEST_COUNTS: countsFile },
    stdio: "inherit",
    detached: true,
  });
  const exit = exitOf(child);
  const hanging = await staysAfterLastTest(countsFile, exit);
  if (child.pid !== undefined) killGroup(child.pid);
  return verdict(readCounts(countsFile), await exit, hanging);
}

/** @typedef {{ passed: number, failed: number, skipped: number, isComplete: boolean }} RunCounts */

/**
 * @param {RunCounts} counts
 * @param {string} exit
 * @param {boolean} isHanging
 * @returns {import("./test.mjs").Counts}
 */
function verdict({ passed, failed, skipped, isComplete }, exit, isHanging) {
  if (skipped > 0) say(`${skipped} skipped`);
  const fault = faultOf({ failed, isComplete }, exit, isHanging);
  if (fault !== undefined) say(fault);
  return { passed, failed: failed + (fault === undefined ? 0 : 1) };
}

/**
 * What is wrong with the run as a whole, beside the tests that failed.
 * @param {{ failed: number, isComplete: boolean }} counts
 * @param {string} exit
 * @param {boolean} isHanging
 */
function faultOf({ failed, isComplete }, exit, isHanging) {
  if (!isComplete) return `The test run broke off (${exit}): counted as one failure.`;
  if (isHanging)
    return "The test run did not end: a test left a connection, a server or a timer open. Counted as one failure.";
  if (failed === 0 && exit !== "exit code 0")
    return `All tests passed, yet the run ended with ${exit}: counted as one failure.`;
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
    return { passed: 0, failed: 0, skipped: 0, isComplete: false };
  }
}
