import { fork } from "node:child_process";
import { once } from "node:events";
import { z } from "zod";

const Listening = z.object({ port: z.number() });
const Sent = z.object({ startedAtMs: z.number() });

/** The bare server as a process. */
export interface Floor extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** Sends a text to all of its sockets; answers when it began. */
  broadcast(text: string): Promise<number>;
}

export async function startFloor(): Promise<Floor> {
  const child = fork(new URL("bare-server.ts", import.meta.url));
  const told = async (): Promise<unknown> => (await once(child, "message"))[0];
  const { port } = Listening.parse(await told());
  return {
    pid: child.pid ?? 0,
    url: `ws://127.0.0.1:${port}`,
    async broadcast(text) {
      const answer = told();
      child.send({ text });
      return Sent.parse(await answer).startedAtMs;
    },
    async [Symbol.asyncDispose]() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}
