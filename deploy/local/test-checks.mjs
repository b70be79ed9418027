import { root } from "./paths.mjs";
import { runQuietly } from "./processes.mjs";
import { say, seconds } from "./say.mjs";

/** The static checks, by the script in package.json that runs each. */
const checks = ["check:types", "check:lint", "check:format", "check:dead-code"];

/**
 * Runs every check, also after one has failed, and shows the output of those that fail. Each counts as one test.
 * @param {import("./toolchain.mjs").Toolchain} toolchain
 */
export async function runChecks({ pnpm, env }) {
  const counts = { passed: 0, failed: 0 };
  for (const check of checks) {
    const startedAt = Date.now();
    say(`${check} …`);
    const [node, program] = pnpm;
    const { code, output } = await runQuietly(node, [program, "run", check], { cwd: root, env });
    if (code === 0) counts.passed += 1;
    else counts.failed += 1;
    if (code !== 0) say(output);
    say(`${check}: ${code === 0 ? "passed" : "FAILED"}, ${seconds(Date.now() - startedAt)}`);
  }
  return counts;
}
