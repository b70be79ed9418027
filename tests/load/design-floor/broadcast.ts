import { userIds } from "@strata/testing";
import type { Db } from "mongodb";
import { announcements } from "../realtime/announcing.ts";
import { startSwarm } from "../realtime/swarm.ts";
import type { Pair } from "../support/report.ts";
import { cpuSecondsByProcess, type Processes } from "./processes.ts";
import { APP, identityKey, TOKEN } from "./world.ts";

const CLIENT_PROCESSES = 2;

/** One announcement to so many named users who are all there, measured as `bench realtime` measures it. */
export async function broadcast(processes: Processes, db: Db, count: number, pairs: number): Promise<readonly Pair[]> {
  const users = userIds(count);
  await db.collection<{ _id: string }>("identities").insertMany(users.map((user) => ({ _id: identityKey(user) })));
  await using swarm = await startSwarm(CLIENT_PROCESSES);
  const measured = await announcements(
    {
      swarm,
      urls: users.map((user) => `ws://127.0.0.1:${processes.consumers.port}/?user=${user}`),
      announce: (announced, id) => announce(processes.gateway.port, users.slice(0, announced), id),
      cpuSeconds: () => cpuSecondsByProcess(processes),
    },
    count,
    pairs,
  );
  // One more than the pairs, to warm up.
  await checkRecipients(db, "batches", "recipients", count * (pairs + 1));
  await checkRecipients(db, "changes", "users", count * (pairs + 1));
  return measured;
}

async function announce(port: number, users: readonly string[], id: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/apps/${APP}/announcements`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({
      id,
      recipients: users.map((user) => `layer:///identities/${user}`),
      sender_id: "layer:///identities/sender",
      parts: [{ mime_type: "text/plain", body: "Your order is on its way and arrives tomorrow between 9 and 11" }],
    }),
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${response.status}: ${text}`);
}

/** Ids in the lists of a collection, all in all. */
async function checkRecipients(db: Db, collection: string, field: string, expected: number): Promise<void> {
  const size = { $size: { $ifNull: [`$${field}`, []] } };
  const [sum] = await db
    .collection(collection)
    .aggregate<{ n: number }>([{ $group: { _id: null, n: { $sum: size } } }])
    .toArray();
  if (sum?.n !== expected) throw new Error(`${sum?.n} recipients in ${collection}, not ${expected}`);
}
