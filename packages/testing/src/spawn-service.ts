import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

/** How a process ended: by itself with a code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One line of a service's log. */
export type LogEntry = Readonly<Record<string, unknown>> & { readonly level: string; readonly message: string };

/** Nobody but this machine reaches what a test starts. */
const SURROUNDINGS = { LISTEN_HOST: "127.0.0.1", METRICS_PORT: "0", LOG_LEVEL: "info" };

/** A service as a process of its own. Disposing stops it with SIGTERM, and with SIGKILL where that does not help. */
export interface SpawnedService extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Where its `/healthz`, `/readyz` and `/metrics` are, without a path. */
  readonly probesUrl: string;
  /** What it has logged, oldest first; the latest 1,000 lines. */
  readonly log: readonly LogEntry[];
  /** The end of what it wrote, both streams, as text. */
  tail(): string;
  /** Waits for a log line with this message and returns it: how a test learns of a port the service chose. */
  logged(message: string, deadlineMs?: number): Promise<LogEntry>;
  /** Sends a signal and does not wait: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal (SIGTERM) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** How it ended, once it has. */
  readonly exited: Promise<Exit>;
}

const KEPT_LINES = 1_000;
const TAIL_LINES = 40;
const STOP_DEADLINE_MS = 15_000;

const entryOf = (line: string): LogEntry | undefined => {
  try {
    const parsed: unknown = JSON.parse(line);
    return isLogEntry(parsed) ? parsed : undefined;
  } catch {
    // A stack trace of node itself, say; it is in the tail.
    return undefined;
  }
};

const isLogEntry = (value: unknown): value is LogEntry =>
  typeof value === "object" && value !== null && "level" in value && "message" in value;

const keep = <T>(list: T[], item: T): void => {
  list.push(item);
  if (list.length > KEPT_LINES) list.shift();
};

/** Half of the work of a start is to read and compile sources that have not changed. Tests start services hundreds of times. */
const compileCache = (): Readonly<Record<string, string>> => {
  const folder = process.env["NODE_COMPILE_CACHE"];
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
};

const exitOf = (child: ChildProcess): Promise<Exit> =>
  new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });

/** What a process has written so far, as lines and as log entries. */
const outputOf = (child: ChildProcess): { readonly log: readonly LogEntry[]; readonly lines: readonly string[] } => {
  const log: LogEntry[] = [];
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      keep(lines, line);
      const entry = entryOf(line);
      if (entry !== undefined) keep(log, entry);
    });
  }
  return { log, lines };
};

const isReady = async (probesUrl: string): Promise<true | undefined> => {
  const { ok } = await fetch(`${probesUrl}/readyz`);
  return ok ? true : undefined;
};

/**
 * Starts `services/<name>/src/main.ts` (or `main`) with exactly this environment, and a free port for its probes, and
 * waits until `/readyz` says so. A process that ends first, or never becomes ready, is an error with the end of its log,
 * and is not left behind.
 */
export const spawnService = async (options: {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly main?: URL;
  readonly readyDeadlineMs?: number;
}): Promise<SpawnedService> => {
  const { name, env, readyDeadlineMs = 15_000 } = options;
  const main = options.main ?? new URL(`../../../services/${name}/src/main.ts`, import.meta.url);
  const child = spawn(process.execPath, [fileURLToPath(main)], {
    env: { ...SURROUNDINGS, PATH: process.env["PATH"], ...compileCache(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { log, lines } = outputOf(child);
  let exit: Exit | undefined;
  const exited = exitOf(child).then((how) => (exit = how));
  const tail = (): string => lines.slice(-TAIL_LINES).join("\n");
  const failed = (what: string, cause?: unknown): Error =>
    new Error(`${name} ${what}; its log ends:\n${tail()}`, { cause });
  /** What the probe answers once it answers something; the end of the process cuts the wait short. */
  const whileAlive = async <T>(what: string, probe: () => Promise<T | undefined>, deadlineMs: number): Promise<T> => {
    const answer = await eventually(
      async () => (exit === undefined ? { value: await probe() } : { exit }),
      (seen) => "exit" in seen || seen.value !== undefined,
      { deadlineMs },
    ).catch((cause: unknown) => {
      throw failed(`did not ${what}`, cause);
    });
    if ("exit" in answer || answer.value === undefined) {
      throw failed(`ended (${exit?.signal ?? `exit code ${exit?.code}`}) before it could ${what}`);
    }
    return answer.value;
  };
  const logged = (message: string, deadlineMs = 10_000): Promise<LogEntry> =>
    whileAlive(`log "${message}"`, async () => log.find((entry) => entry.message === message), deadlineMs);
  const kill = async (signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  const stop = async (): Promise<void> => {
    const lastResort = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    // A stopped process takes no SIGTERM.
    child.kill("SIGCONT");
    await kill();
    clearTimeout(lastResort);
  };

  try {
    await once(child, "spawn");
    const { port } = await logged("probes listening", readyDeadlineMs);
    const probesUrl = `http://127.0.0.1:${String(port)}`;
    await whileAlive("become ready", () => isReady(probesUrl), readyDeadlineMs);
    return {
      name,
      pid: child.pid ?? 0,
      probesUrl,
      log,
      tail,
      logged,
      signal: (signal) => void child.kill(signal),
      kill,
      exited,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
