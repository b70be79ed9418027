import { setTimeout as wait } from "node:timers/promises";
import { rssKb } from "../support/processes.ts";
import { startFloor } from "./floor.ts";
import type { Swarm } from "./swarm.ts";
import type { World } from "./world.ts";

export interface IdleCost {
  readonly sockets: number;
  /** Of resident memory, per socket. */
  readonly oursKb: number;
  readonly floorKb: number;
}

const WARMING = 200;
const POLL_MS = 500;
/** Memory has settled when so many looks in a row differ by no more than a hundredth. */
const LOOKS = 8;
const SETTLING_MS = 30_000;

/** What sockets cost that say nothing, beside the bare server's, measured the same way: both warm, then with so many more. */
export async function idleCost(world: World, sizes: readonly number[]): Promise<readonly IdleCost[]> {
  const { swarm, urls } = world;
  const ours = await costs({ swarm, group: "idle", pid: world.realtimePid, urls, sizes });
  await using floor = await startFloor();
  const bare = urls.map(() => floor.url);
  const theirs = await costs({ swarm, group: "idle floor", pid: floor.pid, urls: bare, sizes });
  return sizes.map((sockets, index) => ({
    sockets,
    oursKb: ours[index] ?? Number.NaN,
    floorKb: theirs[index] ?? Number.NaN,
  }));
}

interface Options {
  readonly swarm: Swarm;
  readonly group: string;
  readonly pid: number;
  readonly urls: readonly string[];
  readonly sizes: readonly number[];
}

async function costs({ swarm, group, pid, urls, sizes }: Options): Promise<readonly number[]> {
  await swarm.ask({ kind: "open", group: `${group}, warm`, urls: urls.slice(0, WARMING) });
  await swarm.ask({ kind: "drop", group: `${group}, warm` });
  const before = await settledRssKb(pid);
  const found: number[] = [];
  let opened = 0;
  for (const size of sizes) {
    const { open, lost } = await swarm.ask({ kind: "open", group, urls: urls.slice(opened, size) });
    if (open !== size || lost > 0) throw new Error(`${open} of ${size} sockets are open, ${lost} were lost`);
    opened = size;
    const after = await settledRssKb(pid);
    found.push((after - before) / size);
    console.log(`${group}: ${size} sockets, ${Math.round(before / 1024)} → ${Math.round(after / 1024)} MB of memory`);
  }
  const { lost } = await swarm.ask({ kind: "report", group });
  if (lost > 0) throw new Error(`${lost} idle sockets were lost`);
  await swarm.ask({ kind: "drop", group });
  return found;
}

/** What is still being set up or given back is no cost of a socket. */
async function settledRssKb(pid: number): Promise<number> {
  const looks: number[] = [];
  for (const giveUpAt = Date.now() + SETTLING_MS; Date.now() < giveUpAt; await wait(POLL_MS)) {
    looks.push(rssKb(pid));
    const latest = looks.slice(-LOOKS);
    if (latest.length === LOOKS && Math.max(...latest) - Math.min(...latest) < Math.max(...latest) / 100) break;
  }
  return looks.at(-1) ?? Number.NaN;
}
