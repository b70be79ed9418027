import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, Ask, Report } from "./protocol.ts";

/** Many clients, spread over processes. */
export interface Swarm extends AsyncDisposable {
  /** Asks all processes, and answers what they say together; with `open` each opens its share, in the order of the URLs. */
  ask(ask: Ask): Promise<Report>;
}

export async function startSwarm(processes: number): Promise<Swarm> {
  const members = await Promise.all(Array.from({ length: processes }, startMember));
  return {
    async ask(ask) {
      const reports = await Promise.all(members.map((member, n) => member.ask(shareOf(ask, n, processes))));
      return merged(reports);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.end()));
    },
  };
}

function shareOf(ask: Ask, n: number, processes: number): Ask {
  if (ask.kind !== "open") return ask;
  const size = Math.ceil(ask.urls.length / processes);
  return { ...ask, urls: ask.urls.slice(n * size, (n + 1) * size) };
}

/** Sockets are numbered through: those of the second process follow those of the first. */
function merged(reports: readonly Report[]): Report {
  const sum = (of: (report: Report) => number): number => reports.reduce((total, one) => total + of(one), 0);
  const latest = (of: (report: Report) => number): number => Math.max(...reports.map(of));
  return {
    open: sum(({ open }) => open),
    reached: sum(({ reached }) => reached),
    packets: sum(({ packets }) => packets),
    lastAtMs: latest(({ lastAtMs }) => lastAtMs),
    caughtUp: sum(({ caughtUp }) => caughtUp),
    caughtUpAtMs: latest(({ caughtUpAtMs }) => caughtUpAtMs),
    refused: sum(({ refused }) => refused),
    failedReplays: sum(({ failedReplays }) => failedReplays),
    lost: sum(({ lost }) => lost),
    sample: reports.find(({ sample }) => sample !== "")?.sample ?? "",
    seen: reports.flatMap(({ seen }, index) => {
      const before = reports.slice(0, index).reduce((total, { open }) => total + open, 0);
      return seen.map((one) => ({ ...one, socket: before + one.socket }));
    }),
  };
}

interface Member {
  ask(ask: Ask): Promise<Report>;
  end(): Promise<void>;
}

async function startMember(): Promise<Member> {
  const child = fork(new URL("clients.ts", import.meta.url));
  await once(child, "message");
  const waiting = new Map<number, { resolve: (report: Report) => void; reject: (error: Error) => void }>();
  let last = 0;
  child.on("message", (answer: Answer) => {
    const asked = waiting.get(answer.n);
    waiting.delete(answer.n);
    if ("report" in answer) asked?.resolve(answer.report);
    else if ("error" in answer) asked?.reject(new Error(answer.error));
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the clients ended with code ${code}`));
  });
  return {
    ask: (ask) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        child.send({ n: last, ask });
      }),
    end: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
