// Mocha's usual output, and beside it the exact counts in a file: text meant for people is no place to read numbers from.
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class CountingReporter extends Mocha.reporters.Spec {
  /**
   * @param {import("mocha").Runner} runner
   * @param {import("mocha").MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    const counts = { passed: 0, failed: 0, skipped: 0, isComplete: false };
    const write = () => writeFileSync(String(process.env.STRATA_TEST_COUNTS), JSON.stringify(counts));
    runner.on("pass", () => (counts.passed += 1));
    runner.on("fail", () => (counts.failed += 1));
    runner.on("pending", () => (counts.skipped += 1));
    runner.on("end", () => {
      counts.isComplete = true;
      write();
    });
    // What a run that breaks off had counted so far.
    process.on("exit", write);
  }
}
