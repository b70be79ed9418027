import { Agent, request } from "node:http";
import type { Run } from "./report.ts";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly expectedStatus: number;
}

/**
 * A closed loop: so many callers, each with one request under way, until `count` are answered. Plain node:http over
 * connections that stay: fetch would cost the two processors that are measured as much as a service does.
 */
export async function closedLoop(
  callers: number,
  count: number,
  callOf: (n: number) => HttpCall,
  check: (body: string) => void = () => undefined,
): Promise<Run> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const latenciesMs: number[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const call = callOf(next);
      next += 1;
      const startedAt = performance.now();
      const { status, body } = await sendCall(agent, call);
      if (status !== call.expectedStatus) throw new Error(`${status}: ${body}`);
      check(body);
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  agent.destroy();
  return { perSecond: count / ((performance.now() - startedAt) / 1_000), latenciesMs, items: count };
}

/** One request, on a connection of this agent. */
export function sendCall(
  agent: Agent,
  { method, url, headers, body }: HttpCall,
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const outgoing = request(url, { method, agent, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.once("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    response.once("error", reject);
  });
  outgoing.once("error", reject);
  outgoing.end(body);
  return promise;
}
