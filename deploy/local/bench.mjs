// npm run bench -- <name>: one benchmark (tests/load/<name>.ts) on a fresh stack of its own.
import { existsSync, readdirSync } from "node:fs";
import { inRoot, inStrata, root } from "./paths.mjs";
import { portBase } from "./ports.mjs";
import { run } from "./processes.mjs";
import { onStopRequest } from "./run.mjs";
import { Advice, fail, timed } from "./say.mjs";
import { startStack, stopStack } from "./stack/stack.mjs";
import { ensureToolchain } from "./toolchain.mjs";

const dataDir = inStrata("bench");
const folder = inRoot("tests", "load");

/** @param {readonly string[]} args */
async function main([name, ...rest]) {
  const program = benchmark(name);
  const { node, env } = await ensureToolchain();
  onStopRequest(() => stopStack(dataDir, { deleteData: true }), 130);
  await stopStack(dataDir, { deleteData: true });
  try {
    const { urls } = await timed("Starting RabbitMQ, MongoDB and Redis", () =>
      startStack({ dataDir, portBase: portBase("bench") }),
    );
    const benchEnv = { ...env, ...urls, STRATA_STACK_DIR: dataDir };
    process.exitCode = await run(node, [program, ...rest], { cwd: root, env: benchEnv });
  } finally {
    await stopStack(dataDir, { deleteData: true });
  }
}

/** @param {string | undefined} name */
function benchmark(name) {
  const file = inRoot("tests", "load", `${name}.ts`);
  if (name !== undefined && existsSync(file)) return file;
  throw new Advice(`Usage: npm run bench -- <name>, where <name> is one of: ${benchmarks().join(", ")}`);
}

/** Helpers of the benchmarks lie in folders; each file at the top is one benchmark. */
const benchmarks = () =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -3));

await main(process.argv.slice(2)).catch(fail);
