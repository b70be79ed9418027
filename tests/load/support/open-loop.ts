import { Agent } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { type HttpCall, sendCall } from "./closed-loop.ts";

/** One call: when it was due and when it was answered, on the clock given. */
export interface Timed {
  readonly n: number;
  readonly dueAtMs: number;
  readonly answeredAtMs: number;
}

interface Options {
  readonly perSecond: number;
  readonly callOf: (n: number) => HttpCall;
  readonly nowMs: () => number;
  /** Whether call `n` is still to be made. */
  readonly goesOn: (n: number) => boolean;
}

/**
 * An open loop: calls are made when they are due, whether or not those before are answered, so that a slow answer does not
 * hide those that would have come meanwhile.
 */
export async function openLoop({ perSecond, callOf, nowMs, goesOn }: Options): Promise<readonly Timed[]> {
  const agent = new Agent({ keepAlive: true });
  const startedAtMs = nowMs();
  const calls: Promise<Timed>[] = [];
  for (let n = 0; goesOn(n); n += 1) {
    const dueAtMs = startedAtMs + (n * 1_000) / perSecond;
    await wait(Math.max(0, dueAtMs - nowMs()));
    calls.push(made(n, dueAtMs));
  }
  const timed = await Promise.all(calls);
  agent.destroy();
  return timed;

  async function made(n: number, dueAtMs: number): Promise<Timed> {
    const call = callOf(n);
    const { status, body } = await sendCall(agent, call);
    if (status !== call.expectedStatus) throw new Error(`${status}: ${body}`);
    return { n, dueAtMs, answeredAtMs: nowMs() };
  }
}
