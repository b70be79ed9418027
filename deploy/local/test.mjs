// npm test: static checks, then every test on a fresh stack of its own, then one line `N passed, M failed`.
// npm test -- <file or glob> …: only these tests, without the static checks.
import { provideChromium } from "./browser.mjs";
import { claim } from "./claim.mjs";
import { inStrata } from "./paths.mjs";
import { portBase } from "./ports.mjs";
import { onStopRequest } from "./run.mjs";
import { Advice, fail, say, timed } from "./say.mjs";
import { makeDataFolder } from "./stack/data-folder.mjs";
import { startStack, stopStack } from "./stack/stack.mjs";
import { runChecks } from "./test-checks.mjs";
import { findTests } from "./test-files.mjs";
import { runTestFiles } from "./test-runs.mjs";
import { ensureToolchain } from "./toolchain.mjs";

/** @typedef {{ passed: number, failed: number }} Counts */

const dataDir = inStrata("test");
const stopTestStack = () => stopStack(dataDir, { deleteData: true });

/** @param {readonly string[]} chosen */
async function main(chosen) {
  const other = await claim(inStrata("test.pid"));
  if (other !== undefined) throw new Advice(`The tests of this checkout are running already (process ${other.pid}).`);
  onStopRequest(stopTestStack, 130);
  const toolchain = await ensureToolchain();
  if (chosen.length > 0) say(`Only ${chosen.join(", ")}; no types, lint, format and dead-code checks.`);
  report(await runTests(toolchain, chosen));
}

/**
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 * @param {readonly string[]} chosen
 * @returns {Promise<Counts>}
 */
async function runTests(toolchain, chosen) {
  // Data of an interrupted run would make the broker slow to start, and hide what tests leave behind.
  await stopTestStack();
  const files = chosen.length === 0 ? findTests() : chosen;
  if (files.some(mayNeedBrowser)) await bringBrowser();
  makeDataFolder(dataDir);
  try {
    const { urls } = await timed("Starting RabbitMQ, MongoDB and Redis for the tests", () =>
      startStack({ dataDir, portBase: portBase("test"), isForTests: true }),
    );
    const env = { ...toolchain.env, ...urls, STRATA_STACK_DIR: dataDir };
    const beside = chosen.length === 0 ? [() => runChecks(toolchain)] : [];
    return await timed("Tests", () => runTestFiles({ ...toolchain, env }, files, beside));
  } finally {
    await timed("Stopping the servers", stopTestStack);
  }
}

/** A glob may lead anywhere. @param {string} file */
const mayNeedBrowser = (file) => file.includes("tests/clients") || file.includes("*");

/** Without a browser the tests in it fail and say so; all others can do without. */
async function bringBrowser() {
  try {
    await provideChromium();
  } catch (error) {
    if (!(error instanceof Advice)) throw error;
    say(error.message);
  }
}

/** @param {Counts} counts */
function report({ passed, failed }) {
  // Nothing run is no success: a glob that matches nothing must not look green.
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
}

await main(process.argv.slice(2)).catch((error) => {
  fail(error);
  report({ passed: 0, failed: 1 });
});
