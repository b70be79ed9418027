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
    /** @type {import("./test-mocha.mjs").RunCounts} */
    const counts = { passed: 0, skipped: 0, failures: [], isComplete: false };
    // Written at every step, so that a run that breaks off has still counted what went before.
    const write = () => writeFileSync(String(process.env.STRATA_TEST_COUNTS), JSON.stringify(counts));
    runner.on("pass", () => {
      counts.passed += 1;
      write();
    });
    runner.on("fail", (test) => {
      counts.failures.push({ title: test.fullTitle(), file: test.file ?? test.parent?.file ?? "" });
      write();
    });
    runner.on("pending", () => {
      counts.skipped += 1;
      write();
    });
    runner.on("end", () => {
      counts.isComplete = true;
      write();
    });
  }
}
