import type { Channel } from "amqplib";
import type { Topology } from "./topology.ts";

/** Declares everything; what exists already stays as it is. Different arguments close the channel with 406. */
export async function declareTopology(channel: Channel, topology: Topology): Promise<void> {
  // Pipelined on one channel: the broker answers in order, so queues exist before their bindings are made.
  await Promise.all([
    ...topology.exchanges.map(({ name, type, arguments: args }) =>
      channel.assertExchange(name, type, { durable: true, ...(args ? { arguments: args } : {}) }),
    ),
    ...topology.queues.map(({ name, options }) => channel.assertQueue(name, options)),
    ...topology.bindings.map(({ kind, destination, source, pattern }) =>
      kind === "queue"
        ? channel.bindQueue(destination, source, pattern)
        : channel.bindExchange(destination, source, pattern),
    ),
  ]);
}
