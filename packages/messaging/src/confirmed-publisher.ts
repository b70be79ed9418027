import { setTimeout as wait } from "node:timers/promises";
import { type ConfirmChannel, IllegalOperationError, type Options } from "amqplib";
import { boundedWindow } from "./bounded-window.ts";
import type { Connection } from "./connection.ts";
import { brokerUnavailable } from "./errors.ts";
import type { MessagingMetrics } from "./metrics.ts";
import type { SupervisedChannel } from "./supervised-channel.ts";

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
/** It cannot be put on the wire at all, now or later. */
class Unsendable extends Error {}

/** True for a publish that failed because no queue takes it, although the broker is there. */
export const isUnroutable = (error: unknown): boolean => error instanceof Error && error.cause instanceof Unroutable;

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
  setUp: (channel: ConfirmChannel) => Promise<void>,
): ConfirmedPublisher & { readonly channel: SupervisedChannel } {
  const slots = returnedSlots();
  const window = boundedWindow(WINDOW);

  const channel = connection.open(name, async (opened) => {
    opened.on("return", ({ fields, properties }) =>
      slots.markReturned(fields.exchange, fields.routingKey, properties.messageId),
    );
    await setUp(opened);
  });

  /** One try: settled by the broker's confirm, its return, or the loss of the channel. */
  const send = (open: ConfirmChannel, message: OutgoingMessage): Promise<void> =>
    new Promise((resolve, reject) => {
      const { exchange, routingKey, body, properties } = message;
      const { slot, forget } = slots.add(message);
      metrics.unconfirmed.inc();
      const settle = (error: Error | null): void => {
        metrics.unconfirmed.dec();
        forget();
        // A return comes before its confirm, and the confirm alone looks like success.
        if (slot.isReturned) reject(new Unroutable(`no queue takes ${routingKey} of ${exchange}`));
        else if (error) reject(error);
        else resolve();
      };
      try {
        open.publish(
          exchange,
          routingKey,
          body,
          { persistent: true, ...properties, mandatory: true },
          (error: unknown) => settle(error ? new Error("not confirmed", { cause: error }) : null),
        );
      } catch (cause) {
        // amqplib throws on a channel that has just died, and on properties that AMQP cannot carry.
        const isGone = cause instanceof IllegalOperationError;
        settle(isGone ? cause : new Unsendable("the message cannot be put on the wire", { cause }));
      }
    });

  const publishUntil = async (attempt: (open: ConfirmChannel) => Promise<void>, deadlineAt: number): Promise<void> => {
    for (;;) {
      const open = await channel.ready(deadlineAt);
      const stop = metrics.confirmSeconds.startTimer();
      try {
        await inTime(attempt(open), deadlineAt);
        stop();
        return;
      } catch (error) {
        if (error instanceof Unsendable) throw error;
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
      if (!(await window.enter(deadlineAt))) throw brokerUnavailable("too much waits for the broker's confirm");
      let sent = Promise.resolve();
      try {
        await publishUntil((open) => (sent = send(open, message)), deadlineAt);
      } finally {
        // What was written and is not settled lies in our memory or the broker's: it keeps its place in the window even
        // when its caller has given up, or a broker that hangs would fill the one or the other.
        void sent.catch(() => undefined).finally(() => window.leave());
      }
    },
    async flush() {
      while (window.taken > 0) await wait(10);
    },
  };
}

/** The outcome of a try, or an error at the deadline; the try itself goes on. */
const inTime = (sent: Promise<void>, deadlineAt: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error("the broker did not confirm in time")),
      Math.max(0, deadlineAt - Date.now()),
    );
    sent.then(resolve, reject).finally(() => clearTimeout(timer));
  });

const keyOf = (exchange: string, routingKey: string, id: unknown): string =>
  `${exchange}\n${routingKey}\n${String(id)}`;

/**
 * Which of the messages under way came back. A return names its message but not the try: of two under one id to one
 * place, both count as returned, since publishing once too often is harmless and once too seldom is a loss.
 */
function returnedSlots() {
  const slots = new Map<string, Set<Slot>>();
  return {
    /** Remembers a try; the answer forgets it. */
    add({ exchange, routingKey, properties }: OutgoingMessage): { readonly slot: Slot; readonly forget: () => void } {
      const slot = { isReturned: false };
      const key = keyOf(exchange, routingKey, properties.messageId);
      const same = slots.get(key) ?? new Set();
      slots.set(key, same.add(slot));
      const forget = (): void => {
        same.delete(slot);
        if (same.size === 0) slots.delete(key);
      };
      return { slot, forget };
    },
    markReturned(exchange: string, routingKey: string, id: unknown): void {
      for (const slot of slots.get(keyOf(exchange, routingKey, id)) ?? []) slot.isReturned = true;
    },
  };
}
