import { dirname, relative } from "node:path";
import { root } from "./paths.mjs";
import { say } from "./say.mjs";
import { runInLanes } from "./test-lanes.mjs";
import { runMocha } from "./test-mocha.mjs";

/** More failures than this are no chance, and trying them all again would only take long. */
const retriedFailures = 5;

/** @typedef {{ name: string, files: string[] }} Unit */
/** @typedef {import("./test.mjs").Counts} Counts */

/**
 * Runs tests package by package, some packages side by side; other work that is given takes the place of one. A test
 * that failed gets a second try with its whole file, alone on the machine: what passes then was disturbed, and is named,
 * so that it gets repaired; what fails again has failed.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {readonly string[]} files
 * @param {readonly (() => Promise<Counts>)[]} [beside] other work, begun before the first package
 * @returns {Promise<Counts>}
 */
export async function runTestFiles(toolchain, files, beside = []) {
  /** @type {Counts} */
  const others = { passed: 0, failed: 0 };
  /** @type {import("./test-mocha.mjs").RunResult[]} */
  const results = [];
  await runInLanes([
    ...beside.map((work) => async () => addTo(others, await work())),
    ...unitsOf(files).map((unit) => async () => results.push(await runMocha(toolchain, unit.name, unit.files))),
  ]);
  const passed = results.reduce((sum, result) => sum + result.passed, others.passed);
  const failures = results.flatMap((result) => result.failures);
  const faults = results.filter(({ fault }) => fault !== undefined).length;
  const disturbed = await secondTry(toolchain, failures);
  for (const { title, file } of disturbed)
    say(`Unsteady, passed only when run again alone: ${title} (${relative(root, file)})`);
  const failed = others.failed + failures.length - disturbed.length + faults;
  return { passed: passed + disturbed.length, failed };
}

/**
 * @param {Counts} sum
 * @param {Counts} counts
 */
function addTo(sum, { passed, failed }) {
  sum.passed += passed;
  sum.failed += failed;
}

/**
 * The packages that files belong to, in the order of the files; of the tests of the whole each file for itself, or the
 * folder below, where files share what they start.
 * @param {readonly string[]} files
 * @returns {Unit[]}
 */
export function unitsOf(files) {
  /** @type {Map<string, Unit>} */
  const units = new Map();
  for (const file of files) {
    const [folder, ...rest] = file.split("/");
    // Journeys and kills take as long as a whole package does each.
    const name = folder !== "tests" ? `${folder}/${rest[0]}` : rest.length > 2 ? dirname(file) : file;
    const unit = units.get(name) ?? { name, files: [] };
    unit.files.push(file);
    units.set(name, unit);
  }
  return [...units.values()];
}

/**
 * Which of these failures were none, run again alone.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {readonly import("./test-mocha.mjs").Failure[]} failures
 * @returns {Promise<readonly import("./test-mocha.mjs").Failure[]>}
 */
async function secondTry(toolchain, failures) {
  const files = [...new Set(failures.map(({ file }) => relative(root, file)))];
  if (failures.length === 0 || failures.length > retriedFailures || files.includes("")) return [];
  say(`\n${failures.length} failed; running their files again, alone …`);
  const again = await runMocha(toolchain, "second-try", files);
  if (!again.isComplete || again.fault !== undefined) return [];
  const stillFailing = new Set(again.failures.map(({ title }) => title));
  return failures.filter(({ title }) => !stillFailing.has(title));
}
