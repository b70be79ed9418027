import type { Channel } from "amqplib";
import type { Consumer } from "./consumer.ts";
import { exchange } from "./names.ts";
import { eventBindings } from "./topology.ts";

/** How much may wait for one process before it is told that it missed some: messages, each of which may hold many events. */
const INSTANCE_MAX_LENGTH = 10_000;
const INSTANCE_MAX_BYTES = 32_000_000;

/**
 * A queue of this process alone: gone with its connection, bounded. What overflows lands in a second queue of length
 * one, and anything there means that something was missed.
 */
export async function declareInstanceQueue(channel: Channel, row: Consumer, queue: string): Promise<void> {
  const overflow = `${queue}.overflow`;
  await channel.assertExchange(exchange.events, "topic", { durable: true });
  await channel.assertQueue(overflow, { exclusive: true, autoDelete: true, durable: false, maxLength: 1 });
  await channel.assertQueue(queue, {
    exclusive: true,
    autoDelete: true,
    durable: false,
    maxLength: INSTANCE_MAX_LENGTH,
    arguments: {
      "x-max-length-bytes": INSTANCE_MAX_BYTES,
      "x-overflow": "drop-head",
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": overflow,
    },
  });
  for (const { source, pattern } of eventBindings(row, queue)) await channel.bindQueue(queue, source, pattern);
  await channel.consume(overflow, (message) => message && row.onGap(), { noAck: true, exclusive: true });
}
