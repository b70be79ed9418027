// npm run stop: ends the `npm start` of this checkout from another shell, and whatever a killed one left behind.
import { rmSync } from "node:fs";
import { hasLeftovers, isStarted, startRecord, stopLeftovers, stopStart } from "./run.mjs";
import { fail, say } from "./say.mjs";

async function main() {
  if (!isStarted() && !hasLeftovers()) {
    say("Nothing of this checkout is running.");
    return;
  }
  say("Stopping …");
  await stopStart();
  await stopLeftovers();
  rmSync(startRecord, { force: true });
  say("Stopped; the data stays for the next start (npm run reset deletes it).");
}

await main().catch(fail);
