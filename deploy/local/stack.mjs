// The stack by itself, without the services:
//   node deploy/local/stack.mjs up                 starts it and prints its addresses as shell assignments
//   node deploy/local/stack.mjs down               stops it
//   node deploy/local/stack.mjs stop <server>      takes rabbitmq, mongodb or redis away, for tests that need that
//   node deploy/local/stack.mjs start <server>     brings it back with its data
// STRATA_STACK_DIR names its data folder; `npm test` and `npm run bench` set it to the one that they use.
import { inStrata } from "./paths.mjs";
import { portBase } from "./ports.mjs";
import { Advice, fail } from "./say.mjs";
import { serverNames } from "./stack/servers.mjs";
import { startStack, stopStack, switchServer } from "./stack/stack.mjs";
import { ensureToolchain } from "./toolchain.mjs";

const dataDir = process.env.STRATA_STACK_DIR ?? inStrata("stack");

/** @param {readonly string[]} args */
async function main([action, server]) {
  if (action === "up") await up();
  else if (action === "down") await stopStack(dataDir);
  else if (action === "stop" || action === "start") await switchServer(dataDir, action, known(server));
  else throw new Advice("Usage: node deploy/local/stack.mjs up | down | stop <server> | start <server>");
}

async function up() {
  await ensureToolchain();
  const { urls } = await startStack({ dataDir, portBase: portBase("stack"), isForTests: true });
  for (const [name, url] of Object.entries(urls)) process.stdout.write(`${name}='${url}'\n`);
}

/** @param {string | undefined} server */
function known(server) {
  if (server !== undefined && serverNames.includes(server)) return server;
  throw new Advice(`Name one of the servers: ${serverNames.join(", ")}`);
}

await main(process.argv.slice(2)).catch(fail);
