import { setTimeout as wait } from "node:timers/promises";
import type { ConfirmChannel, Options } from "amqplib";
import type { Connection, SupervisedChannel } from "./connection.ts";
import { brokerUnavailable } from "./errors.ts";
import type { MessagingMetrics } from "./metrics.ts";

/** A message ready for the wire. `messageId` stays the same when it must be published again. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Options.Publish & { readonly messageId: string };
}

/** Publishes so that success means: the broker has it on disk, in at least one queue. */
export interface ConfirmedPublisher {
  /**
   * Resolves when the message is confirmed and was not returned. Lost confirms (cut connection) are published again
   * under the same id until `deadlineAt`; then throws `service_unavailable`. Unroutable throws at once.
   */
  publish(message: OutgoingMessage, deadlineAt: number): Promise<void>;
  readonly isReady: boolean;
  /** Waits until everything under way is confirmed or has failed. */
  flush(): Promise<void>;
}

/** Published, but no queue takes this routing key: the consuming service has never been started here. */
class Unroutable extends Error {}

/** Above 1,000 unconfirmed messages the broker gains nothing and only latency grows (RabbitMQ's own measurements). */
const WINDOW = 1_000;
const NACK_DELAY_MS = 50;

interface Slot {
  isReturned: boolean;
}

/** A confirmed, mandatory publisher on a channel of its own, with a bounded window of unconfirmed messages. */
export function confirmedPublisher(
  connection: Connection,
  name: string,
  metrics: MessagingMetrics,
  setUp: (channel: ConfirmChannel) => Promise<void> = async () => undefined,
): ConfirmedPublisher & { readonly channel: SupervisedChannel } {
  const slots = new Map<string, Slot>();
  const queue: (() => void)[] = [];
  let inFlight = 0;

  const channel = connection.open(name, async (opened) => {
    opened.on("return", (message) => {
      const slot = slots.get(String(message.properties.messageId));
      if (slot) slot.isReturned = true;
    });
    await setUp(opened);
  });

  const acquire = async (): Promise<void> => {
    if (inFlight >= WINDOW) await new Promise<void>((resume) => queue.push(resume));
    else inFlight += 1;
    metrics.unconfirmed.set(inFlight);
  };
  const release = (): void => {
    const next = queue.shift();
    // The slot passes straight on to whoever waits, so the window can never be overrun in between.
    if (next) next();
    else inFlight -= 1;
    metrics.unconfirmed.set(inFlight);
  };

  /** One try: settled by the broker's confirm, its return, or the loss of the channel. */
  const attempt = (open: ConfirmChannel, message: OutgoingMessage, deadlineAt: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const { exchange, routingKey, body, properties } = message;
      const timer = setTimeout(
        () => reject(brokerUnavailable("the broker did not confirm in time")),
        Math.max(0, deadlineAt - Date.now()),
      );
      const slot: Slot = { isReturned: false };
      slots.set(properties.messageId, slot);
      const settle = (error: unknown): void => {
        clearTimeout(timer);
        if (slots.get(properties.messageId) === slot) slots.delete(properties.messageId);
        // A return comes before its confirm, and the confirm alone looks like success.
        if (slot.isReturned) reject(new Unroutable(`no queue takes ${routingKey} of ${exchange}`));
        else if (error) reject(error instanceof Error ? error : new Error(String(error)));
        else resolve();
      };
      try {
        open.publish(exchange, routingKey, body, { persistent: true, ...properties, mandatory: true }, settle);
      } catch (error) {
        // amqplib throws synchronously on a channel that has just died.
        settle(error);
      }
    });

  const publishUntil = async (message: OutgoingMessage, deadlineAt: number): Promise<void> => {
    for (;;) {
      const open = await channel.ready(deadlineAt);
      const stop = metrics.confirmSeconds.startTimer();
      try {
        await attempt(open, message, deadlineAt);
        stop();
        return;
      } catch (error) {
        if (error instanceof Unroutable) {
          metrics.unroutable.inc();
          throw brokerUnavailable(error.message, error);
        }
        if (Date.now() + NACK_DELAY_MS >= deadlineAt) throw brokerUnavailable("publish not confirmed", error);
        // Refused (queue full) or cut off: the same id again, shortly.
        await wait(NACK_DELAY_MS);
      }
    }
  };

  return {
    channel,
    get isReady() {
      return channel.current !== null && !connection.isBlocked;
    },
    async publish(message, deadlineAt) {
      await acquire();
      try {
        await publishUntil(message, deadlineAt);
      } finally {
        release();
      }
    },
    async flush() {
      while (inFlight > 0) await wait(10);
    },
  };
}
