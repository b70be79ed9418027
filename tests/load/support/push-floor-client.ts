import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface FloorPush {
  readonly path: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FloorJob {
  readonly url: string;
  readonly caFile: string;
  readonly sessions: number;
  readonly streamsPerSession: number;
  /** Of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly pushes: readonly FloorPush[];
}

export type FloorAnswer = { readonly seconds: number; readonly cpuSeconds: number } | { readonly error: string };

/** One run of the bare client, in a process that ends with it. Only the sending is timed. */
export async function runPushFloor(job: FloorJob): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
  const child = fork(fileURLToPath(new URL("push-floor.ts", import.meta.url)), { serialization: "advanced" });
  try {
    const answer = await new Promise<FloorAnswer>((resolve) => {
      child.once("message", (message: FloorAnswer) => resolve(message));
      child.once("exit", (code) => resolve({ error: `exit code ${code}` }));
      child.send(job);
    });
    if ("error" in answer) throw new Error(`the floor failed: ${answer.error}`);
    return answer;
  } finally {
    child.kill("SIGKILL");
  }
}
