import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { tickMs } from "./broker-tick.ts";
import type { ManagementHttp } from "./management-http.ts";

/** A queue of the infra's vhost. */
export interface QueueState {
  readonly name: string;
  /** Ready and unacknowledged together. */
  readonly messages: number;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  /** From the broker's statistics, which are seconds old: wait for it with `eventually`, never assert it at once. */
  readonly consumers: number;
}

/** A message as it lies in a queue. */
export interface PeekedMessage {
  readonly payload: string;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routing_key: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What tests ask of the broker behind the back of the code under test, within one vhost. */
export interface ManagementApi {
  /**
   * Every queue with its depths. Depths are exact: never older than the call. For that it waits one tick of the broker's
   * quorum queues (250 ms in our stack, 5 s where the broker has its defaults).
   */
  queues(): Promise<QueueState[]>;
  /** Depth of each queue by name, exact like `queues`; of these queues where named (0 for one that does not exist). */
  depths(names?: readonly string[]): Promise<Record<string, number>>;
  /** The first messages of a queue. They go back to where they were, marked as redelivered, with one delivery more. */
  peek(queue: string, count?: number): Promise<PeekedMessage[]>;
  /** Closes, from the broker's side, all connections of the infra's user, or of one made by `createUser`. */
  closeConnections(user?: string): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** Adds another team's user with these permissions (regular expressions) and returns its AMQP URL. */
  createUser(user: string, password: string, permissions: Permissions): Promise<string>;
}

export interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const Totals = z.array(
  z.object({
    name: z.string(),
    messages: z.number().default(0),
    messages_ready: z.number().default(0),
    messages_unacknowledged: z.number().default(0),
  }),
);
const Consumers = z.array(z.object({ queue: z.object({ name: z.string() }) }));
const Peeked = z.array(
  z.object({
    payload: z.string(),
    redelivered: z.boolean(),
    exchange: z.string(),
    routing_key: z.string(),
    // The plugin writes an empty set of properties as an empty list.
    properties: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown()).transform(() => ({}))]),
  }),
);

/** The broker enters a new connection into the list it closes by a few milliseconds after the client has it. */
const TRACKING_LAG_MS = 100;

/** Names of users are the broker's, not the vhost's: with the vhost in them, parallel files never meet. */
const brokerUser = (vhost: string, user: string): string => `${vhost}.${user}`;

/** The management API of one vhost; `amqpUrl` is that of its own user. */
export const createManagement = (http: ManagementHttp, vhost: string, amqpUrl: URL): ManagementApi => {
  const path = encodeURIComponent(vhost);
  const queuePath = (name: string): string => `/queues/${path}/${encodeURIComponent(name)}`;

  const queues = async (): Promise<QueueState[]> => {
    // Without `disable_stats` these figures come from a cache that is filled every few seconds; with it they are a
    // classic queue's own, and a quorum queue's as of its latest tick.
    await pause(await tickMs(http, vhost));
    const totals = Totals.parse(await http.get(`/queues/${path}?disable_stats=true&enable_queue_totals=true`));
    const consumers = Consumers.parse(await http.get(`/consumers/${path}`)).map(({ queue }) => queue.name);
    return totals.map((queue) =>
      Object.assign(queue, { consumers: consumers.filter((name) => name === queue.name).length }),
    );
  };

  return {
    queues,
    depths: async (names) => {
      const depths = new Map((await queues()).map((queue) => [queue.name, queue.messages]));
      return Object.fromEntries((names ?? [...depths.keys()]).map((name) => [name, depths.get(name) ?? 0]));
    },
    peek: async (queue, count = 10) =>
      Peeked.parse(
        await http.post(`${queuePath(queue)}/get`, { count, ackmode: "reject_requeue_true", encoding: "auto" }),
      ),
    closeConnections: async (user) => {
      await pause(TRACKING_LAG_MS);
      const name = user === undefined ? decodeURIComponent(amqpUrl.username) : brokerUser(vhost, user);
      await http.delete(`/connections/username/${encodeURIComponent(name)}`);
    },
    deleteQueue: (name) => http.delete(queuePath(name)),
    createUser: async (user, password, permissions) => {
      const name = brokerUser(vhost, user);
      await http.put(`/users/${encodeURIComponent(name)}`, { password, tags: "" });
      await http.put(`/permissions/${path}/${encodeURIComponent(name)}`, permissions);
      const url = new URL(amqpUrl);
      url.username = encodeURIComponent(name);
      url.password = encodeURIComponent(password);
      return url.href;
    },
  };
};
