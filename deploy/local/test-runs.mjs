import { relative } from "node:path";
import { root } from "./paths.mjs";
import { say } from "./say.mjs";
import { runMocha } from "./test-mocha.mjs";

/**
 * Runs at the same time. Tests wait for the broker, the disk and each other's processes half of their time; with more
 * than two of them on two cores, what they wait for comes too late.
 */
const sideBySide = 2;
/** More failures than this are no chance, and trying them all again would only take long. */
const retriedFailures = 5;

/** @typedef {{ name: string, files: string[] }} Unit */

/**
 * Runs tests package by package, two packages at a time. A test that failed gets a second try with its whole file, alone
 * on the machine: what passes then was disturbed, and is named, so that it gets repaired; what fails again has failed.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {readonly string[]} files
 * @returns {Promise<import("./test.mjs").Counts>}
 */
export async function runTestFiles(toolchain, files) {
  const queue = unitsOf(files);
  /** @type {import("./test-mocha.mjs").RunResult[]} */
  const results = [];
  const work = async () => {
    for (let unit = queue.shift(); unit !== undefined; unit = queue.shift()) {
      results.push(await runMocha(toolchain, unit.name, unit.files));
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failures = results.flatMap((result) => result.failures);
  const faults = results.filter(({ fault }) => fault !== undefined).length;
  const disturbed = await secondTry(toolchain, failures);
  for (const { title, file } of disturbed)
    say(`Unsteady, passed only when run again alone: ${title} (${relative(root, file)})`);
  return { passed: passed + disturbed.length, failed: failures.length - disturbed.length + faults };
}

/**
 * The packages that files belong to, in the order of the files; of the tests of the whole each file for itself.
 * @param {readonly string[]} files
 * @returns {Unit[]}
 */
export function unitsOf(files) {
  /** @type {Map<string, Unit>} */
  const units = new Map();
  for (const file of files) {
    const [folder, ...rest] = file.split("/");
    // Journeys and kills take as long as a whole package does each.
    const name = folder === "tests" ? file : `${folder}/${rest[0]}`;
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
