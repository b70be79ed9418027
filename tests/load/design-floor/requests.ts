import type { Db } from "mongodb";
import { closedLoop, type HttpCall } from "../support/closed-loop.ts";
import { cpuByService, cpuSeconds, cpuSecondsBesidesOf, sumOf } from "../support/processes.ts";
import type { Pair, Run } from "../support/report.ts";
import { cpuSecondsByProcess, type Processes, type Running, settled } from "./processes.ts";
import { APP, TOKEN } from "./world.ts";

export interface RequestsOptions {
  readonly processes: Processes;
  /** The baseline of `bench api`. */
  readonly bare: Running;
  readonly db: Db;
  readonly conversations: readonly string[];
  readonly callers: number;
}

/** Both parts that are requests, each beside the bare endpoint of `bench api`. */
export interface Requests {
  warmUp(): Promise<void>;
  pages(count: number, pairs: number): Promise<readonly Pair[]>;
  sends(count: number, pairs: number): Promise<readonly Pair[]>;
}

const PAGE = 20;
const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" };
const body = JSON.stringify({
  sender_id: "layer:///identities/ann",
  parts: [{ mime_type: "text/plain", body: "Your order is on its way" }],
});

export function requests({ processes, bare, db, conversations, callers }: RequestsOptions): Requests {
  const urlOf = (n: number): string =>
    `http://127.0.0.1:${processes.gateway.port}/apps/${APP}/conversations/${conversations[n % conversations.length]}/messages`;
  const sending = (n: number): HttpCall => ({ method: "POST", url: urlOf(n), headers, body, expectedStatus: 201 });
  const reading = (n: number): HttpCall => ({ method: "GET", url: urlOf(n), headers, expectedStatus: 200 });
  const bareUrl = `http://127.0.0.1:${bare.port}/messages`;
  const publishing = (): HttpCall => ({ method: "POST", url: bareUrl, headers, body, expectedStatus: 201 });

  const measured = async (work: () => Promise<Run>): Promise<Run> => {
    const [before, others] = [cpuSecondsByProcess(processes), cpuSecondsBesidesOf()];
    const run = await work();
    const after = cpuSecondsByProcess(processes);
    console.log(`  µs each: ${cpuByService(before, after, run.items)}`);
    console.log(`  beside them: ${cpuByService(others, cpuSecondsBesidesOf(), run.items)}`);
    return { ...run, cpuSeconds: sumOf(after) - sumOf(before) };
  };
  const read = (count: number): Promise<Run> => measured(() => closedLoop(callers, count, reading, checkPage));
  /** What is done behind the answers is in its processor time, but not in its rate, as in `bench api`. */
  const send = async (count: number): Promise<Run> => {
    const told = await settled(processes);
    const [messages, changes] = await storedIn(db);
    const run = await measured(async () => {
      const answered = await closedLoop(callers, count, sending);
      await settled(processes, told + count);
      return answered;
    });
    const [messagesNow, changesNow] = await storedIn(db);
    if (messagesNow - messages !== count || changesNow - changes !== count)
      throw new Error(`${messagesNow - messages} messages, ${changesNow - changes} changes for ${count} requests`);
    return run;
  };
  const bareRun = async (count: number): Promise<Run> => {
    const [server, others] = [cpuSeconds(bare.pid), cpuSecondsBesidesOf()];
    const run = await closedLoop(callers, count, publishing);
    const each = ((cpuSeconds(bare.pid) - server) * 1e6) / count;
    console.log(`  bare: server ${Math.round(each)}, ${cpuByService(others, cpuSecondsBesidesOf(), count)}`);
    return run;
  };
  const paired = async (ours: (count: number) => Promise<Run>, count: number, pairs: number) => {
    const measuredPairs: Pair[] = [];
    for (let round = 1; round <= pairs; round += 1)
      measuredPairs.push({ ours: await ours(count), floor: await bareRun(count) });
    return measuredPairs;
  };

  return {
    /** Afterwards every conversation has a page. */
    async warmUp() {
      await send(conversations.length * PAGE);
      await bareRun(1_000);
      await read(1_000);
    },
    pages: (count, pairs) => paired(read, count, pairs),
    sends: (count, pairs) => paired(send, count, pairs),
  };
}

/** Counts the messages without parsing 30 kB of JSON, which would be the load generator's time on the same processors. */
function checkPage(text: string): void {
  if (text.split('"recipient_status":').length !== PAGE + 1)
    throw new Error(`no page of ${PAGE}: ${text.slice(0, 200)}`);
}

const storedIn = (db: Db): Promise<readonly [number, number]> =>
  Promise.all([db.collection("messages").countDocuments(), db.collection("changes").countDocuments()]);
