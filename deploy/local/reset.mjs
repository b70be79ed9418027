// npm run reset: stops everything of this checkout and deletes its data. The installed tools and servers stay.
import { rmSync } from "node:fs";
import { devJsonFile } from "./dev-json.mjs";
import { inStrata } from "./paths.mjs";
import { stopLeftovers, startRecord, stopStart } from "./run.mjs";
import { fail, say } from "./say.mjs";
import { urlsFrom } from "./stack/source.mjs";

async function main() {
  say("Stopping what runs and deleting its data …");
  await stopStart();
  await stopLeftovers({ deleteData: true });
  for (const path of [devJsonFile, startRecord, `${startRecord}.wanted`, inStrata("run"), inStrata("logs")])
    rmSync(path, { recursive: true, force: true });
  if (urlsFrom(process.env) !== undefined)
    say("The servers named in the environment are yours: their data was not touched.");
  say("Done: the next npm start begins anew.");
}

await main().catch(fail);
