import { randomUUID } from "node:crypto";
import { z } from "zod";
import { eventually } from "./eventually.ts";
import type { ManagementHttp } from "./management-http.ts";

const Depth = z.object({ messages: z.number().default(0) });

/**
 * A quorum queue tells the management API its depth only once per tick, and no API tells how long a tick is
 * (`quorum_tick_interval`, 5 s unless configured). So it is measured: a message published right after one tick was seen
 * shows at the next.
 */
const measureTickMs = async (http: ManagementHttp, vhost: string): Promise<number> => {
  const path = encodeURIComponent(vhost);
  const queue = `infra.tick.${randomUUID()}`;
  const queuePath = `/queues/${path}/${queue}`;

  const seenAt = async (messages: number): Promise<number> => {
    await http.post(`/exchanges/${path}/amq.default/publish`, {
      routing_key: queue,
      payload: "",
      payload_encoding: "string",
      properties: {},
    });
    await eventually(
      async () => depthIn(await http.get(`/queues/${path}?disable_stats=true&enable_queue_totals=true`), queue),
      messages,
      { deadlineMs: 30_000, everyMs: 10 },
    );
    return performance.now();
  };

  await http.put(queuePath, { durable: true, arguments: { "x-queue-type": "quorum" } });
  try {
    const firstTickAt = await seenAt(1);
    const nextTickAt = await seenAt(2);
    return nextTickAt - firstTickAt;
  } finally {
    await http.delete(queuePath);
  }
};

const Depths = z.array(Depth.extend({ name: z.string() }));
const depthIn = (totals: unknown, queue: string): number =>
  Depths.parse(totals).find(({ name }) => name === queue)?.messages ?? 0;

const measured = new WeakMap<ManagementHttp, Promise<number>>();

/** How long to wait so that every depth is from after now: a tick, measured once, and what a busy machine adds to it. */
export const tickMs = async (http: ManagementHttp, vhost: string): Promise<number> => {
  const tick = measured.get(http) ?? measureTickMs(http, vhost);
  measured.set(http, tick);
  try {
    return (await tick) * 1.25 + 100;
  } catch (error) {
    measured.delete(http);
    throw error;
  }
};
