import { randomUUID } from "node:crypto";
import { openLoop } from "../support/open-loop.ts";
import { cpuByService, cpuSecondsByServiceOf } from "../support/processes.ts";
import { percentile } from "../support/report.ts";
import { nowMs, type Seen } from "./protocol.ts";
import type { World } from "./world.ts";

export interface Delivered {
  readonly messages: number;
  /** From the answer to the POST until the other's socket has the packet; 0 where it was there before. */
  readonly afterAnswerMs: readonly number[];
  /** From when the POST was due. */
  readonly afterSendMs: readonly number[];
}

const CONVERSATIONS = 100;
const WARMING = 200;
const DEADLINE_MS = 30_000;
const POLL_MS = 50;
const CREATED_MESSAGE = '"operation":"create","object":{"type":"Message"';

/** Messages at a fixed rate, in conversations of two who are both there: each is to come to the other once. */
export async function deliveries(world: World, perSecond: number, seconds: number): Promise<Delivered> {
  const { swarm, urls, users } = world;
  const pairs = Math.min(CONVERSATIONS, Math.floor(users.length / 2));
  const conversations: string[] = [];
  for (let pair = 0; pair < pairs; pair += 1) conversations.push(await converse(world, pair));
  await swarm.ask({ kind: "open", group: "talking", urls: urls.slice(0, 2 * pairs) });
  await messages(world, conversations, perSecond, WARMING);
  const cpuBefore = cpuSecondsByServiceOf(world.platform);
  const run = await messages(world, conversations, perSecond, Math.round(perSecond * seconds));
  // What bounds the rate.
  const cpu = cpuByService(cpuBefore, cpuSecondsByServiceOf(world.platform), run.messages);
  console.log(`processor time of a message, in µs: ${cpu}`);
  await swarm.ask({ kind: "drop", group: "talking" });
  for (const [what, times] of Object.entries({ "201 answered": run.afterAnswerMs, "POST due": run.afterSendMs })) {
    const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
    console.log(
      `${run.messages} messages, ${what} → the other's socket: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`,
    );
  }
  return run;
}

async function messages(world: World, conversations: readonly string[], perSecond: number, count: number) {
  const { swarm, headers, platform, app, users } = world;
  await swarm.ask({ kind: "watch", group: "talking", marker: CREATED_MESSAGE, records: true });
  const ids = Array.from({ length: count }, () => randomUUID());
  const pairOf = (n: number): number => n % conversations.length;
  const timed = await openLoop({
    perSecond,
    nowMs,
    goesOn: (n) => n < count,
    callOf: (n) => ({
      method: "POST",
      url: `${platform.baseUrl}/apps/${app.appId}/conversations/${conversations[pairOf(n)]}/messages`,
      headers: { ...headers, "if-none-match": ids[n] ?? "" },
      body: JSON.stringify({
        sender_id: `layer:///identities/${users[2 * pairOf(n)]}`,
        parts: [{ mime_type: "text/plain", body: "Your order is on its way" }],
      }),
      expectedStatus: 201,
    }),
  });
  const seen = await everySeen(world, 2 * count);
  const came = new Map(seen.map((one) => [`${one.socket} ${one.messageId}`, one.atMs]));
  if (came.size !== 2 * count) throw new Error(`${came.size} different packets for ${count} messages to two each`);
  const afterAnswerMs: number[] = [];
  const afterSendMs: number[] = [];
  for (const { n, dueAtMs, answeredAtMs } of timed) {
    const atMs = came.get(`${2 * pairOf(n) + 1} ${ids[n]}`);
    if (atMs === undefined) throw new Error(`message ${n} never came to the other`);
    afterAnswerMs.push(Math.max(0, atMs - answeredAtMs));
    afterSendMs.push(atMs - dueAtMs);
  }
  return { messages: count, afterAnswerMs, afterSendMs };
}

/** Both sockets of each conversation get each message; none twice. */
async function everySeen({ swarm }: World, expected: number): Promise<readonly Seen[]> {
  for (const giveUpAt = nowMs() + DEADLINE_MS; nowMs() < giveUpAt;) {
    const { packets, seen } = await swarm.ask({ kind: "report", group: "talking" });
    if (packets > expected) throw new Error(`${packets} packets where ${expected} were to come`);
    if (packets === expected) return seen;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`not all of ${expected} packets came`);
}

async function converse({ app, users }: World, pair: number): Promise<string> {
  const participants = users.slice(2 * pair, 2 * pair + 2).map((userId) => `layer:///identities/${userId}`);
  const { body } = await app.client.request("POST", `/apps/${app.appId}/conversations`, { body: { participants } });
  const id = typeof body === "object" && body !== null && "id" in body ? body.id : "";
  return String(id).split("/").at(-1) ?? "";
}
