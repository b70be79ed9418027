import { fork } from "node:child_process";
import { once } from "node:events";
import { eventually } from "@strata/testing";
import { z } from "zod";
import { cpuSeconds } from "../support/processes.ts";

const Listening = z.object({ port: z.number() });
const Counted = z.object({ push: z.number(), insights: z.number(), realtime: z.number(), sockets: z.number() });
const DEADLINE_MS = 60_000;

export interface Running extends Disposable {
  readonly pid: number;
  readonly port: number;
  /** Says something to it, and answers what it says. */
  ask(): Promise<unknown>;
}

/** The processes A, B and C. */
export interface Processes {
  readonly gateway: Running;
  readonly worker: Running;
  readonly consumers: Running;
}

export async function startProcess(url: URL, env: Readonly<Record<string, string>>): Promise<Running> {
  const child = fork(url, { env: { ...process.env, ...env } });
  const told = async (): Promise<unknown> => (await once(child, "message"))[0];
  let isWanted = true;
  child.once("exit", (code) => {
    if (!isWanted) return;
    console.error(`${url.pathname} ended with code ${code}`);
    process.exit(1);
  });
  const { port } = Listening.parse(await told());
  return {
    pid: Number(child.pid),
    port,
    ask() {
      const answer = told();
      child.send("tell");
      return answer;
    },
    [Symbol.dispose]() {
      isWanted = false;
      child.kill();
    },
  };
}

export const cpuSecondsByProcess = ({ gateway, worker, consumers }: Processes): Readonly<Record<string, number>> => ({
  gateway: cpuSeconds(gateway.pid),
  worker: cpuSeconds(worker.pid),
  consumers: cpuSeconds(consumers.pid),
});

/** How many facts have come to those who follow them, once all have come equally far: at `expected`, unless said. */
export async function settled({ consumers }: Processes, expected?: number): Promise<number> {
  const seen = async (): Promise<readonly number[]> => Object.values(Counted.parse(await consumers.ask()));
  const isEven = (counts: readonly number[]): boolean => counts.every((count) => count === (expected ?? counts[0]));
  const [count = 0] = await eventually(seen, isEven, { deadlineMs: DEADLINE_MS });
  return count;
}
