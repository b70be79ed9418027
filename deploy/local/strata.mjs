// npm run strata -- <command>: the operator's command line, run against the started stack.
import { existsSync } from "node:fs";
import { devJsonFile } from "./dev-json.mjs";
import { inRoot } from "./paths.mjs";
import { run } from "./processes.mjs";
import { Advice, fail } from "./say.mjs";
import { ensureToolchain } from "./toolchain.mjs";

async function main() {
  const file = process.env.STRATA_DEV_JSON ?? devJsonFile;
  if (!existsSync(file)) throw new Advice(`${file} does not exist: run npm start first (in another shell).`);
  const { node, env } = await ensureToolchain();
  const program = inRoot("packages", "cli", "src", "main.ts");
  process.exitCode = await run(node, [program, ...process.argv.slice(2)], { env: { ...env, STRATA_DEV_JSON: file } });
}

await main().catch(fail);
