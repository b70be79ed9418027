import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Dependency, Logger } from "@strata/runtime";
import type { Channel, ConsumeMessage } from "amqplib";
import type { Connection, SupervisedChannel } from "./connection.ts";
import type { Consumer } from "./consumer.ts";
import { deliveryCount } from "./delivery.ts";
import type { MessagingMetrics } from "./metrics.ts";
import type { QueueMode } from "./queue-mode.ts";
import { SUSPECT_DELIVERIES } from "./queue-mode.ts";

/** One delivery in hand, tied to the channel that it came on: on a later channel it cannot be acknowledged. */
export interface InHand {
  readonly message: ConsumeMessage;
  isStale(): boolean;
  ack(): void;
}

export interface Intake {
  readonly isLive: boolean;
  /** Stops consuming until the dependency answers; resolves then. Deliveries in hand stay in hand. */
  pause(dependency: Dependency): Promise<void>;
  readonly isClosing: boolean;
}

/** What is done with the deliveries taken together; settles each of them. */
export type Process = (taken: readonly InHand[], intake: Intake) => Promise<void>;

export interface QueueConsumerOptions {
  readonly connection: Connection;
  readonly row: Consumer;
  readonly mode: QueueMode;
  readonly queue: string;
  readonly declare: (channel: Channel, queue: string) => Promise<void>;
  readonly process: Process;
  readonly metrics: MessagingMetrics;
  readonly log: Logger;
}

/** RabbitMQ takes deliveries back after 30 minutes unacknowledged; a pause gives them back itself before that. */
const HOLD_MAX_MS = 15 * 60_000;
const PROBE_EVERY_MS = 500;
const DRAIN_DEADLINE_MS = 20_000;

/**
 * Consumes one queue: takes what is waiting (up to the prefetch, never waiting for more), hands it over, and starts
 * again after every lost channel, cancelled consumer or pause.
 */
export class QueueConsumer implements Intake {
  readonly #options: QueueConsumerOptions;
  readonly #channel: SupervisedChannel<Channel>;
  readonly #takesGroups: boolean;
  /** The channel whose deliveries may be acknowledged; set before its set-up ends, since deliveries may come by then. */
  #openChannel: Channel | null = null;
  #buffer: InHand[] = [];
  #running = 0;
  #isPumpDue = false;
  #consumerTag: string | null = null;
  #paused: Promise<void> | null = null;
  #isClosing = false;
  /** Ordered only: a suspect is about, so one delivery at a time is taken from the broker. */
  #isIsolating = false;
  #wasOpen = false;

  constructor(options: QueueConsumerOptions) {
    this.#options = options;
    this.#takesGroups = options.mode !== "alone" && options.row.handlers.some(({ takesGroups }) => takesGroups);
    this.#channel = options.connection.openPlain(options.queue, (channel) => this.#open(channel));
  }

  /** True while the broker has our consumer; readiness asks this, since a process can live on and consume nothing. */
  get isLive(): boolean {
    return this.#consumerTag !== null;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Resolves when the first consumer is up. */
  async started(deadlineAt: number): Promise<void> {
    await this.#channel.ready(deadlineAt);
  }

  async #open(channel: Channel): Promise<void> {
    const { row, mode, queue, declare } = this.#options;
    this.#consumerTag = null;
    this.#openChannel = channel;
    this.#buffer = [];
    channel.once("close", () => {
      if (this.#openChannel !== channel) return;
      this.#openChannel = null;
      this.#consumerTag = null;
      this.#buffer = [];
    });
    const name = mode === "instance" ? `${queue}.${randomUUID()}` : queue;
    await declare(channel, name);
    const isAlone = mode === "alone" || this.#isIsolating;
    await channel.prefetch(isAlone ? 1 : row.prefetch);
    if (!this.#paused && !this.#isClosing) await this.#consume(channel, name);
    if (mode === "instance") {
      if (this.#wasOpen) row.onGap();
      this.#wasOpen = true;
    }
  }

  async #consume(channel: Channel, queue: string): Promise<void> {
    const { consumerTag } = await channel.consume(queue, (message) => this.#take(channel, message), {
      exclusive: this.#options.mode === "instance",
    });
    this.#consumerTag = consumerTag;
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (message === null) {
      // The broker cancelled us (queue deleted, node gone): declare and consume afresh.
      this.#consumerTag = null;
      void this.#channel.reopen();
      return;
    }
    const { mode, row, queue, metrics } = this.#options;
    if (message.fields.redelivered) metrics.redeliveries.inc({ queue });
    if (mode === "ordered") {
      const isSuspect = deliveryCount(message.properties.headers) >= SUSPECT_DELIVERIES;
      if (isSuspect !== this.#isIsolating && (isSuspect || this.#running + this.#buffer.length === 0)) {
        this.#isIsolating = isSuspect;
        if (row.prefetch > 1) {
          void this.#channel.reopen();
          return;
        }
      }
    }
    let isSettled = false;
    const isStale = (): boolean => this.#openChannel !== channel;
    this.#buffer.push({
      message,
      isStale,
      ack: () => {
        if (isSettled || isStale()) return;
        isSettled = true;
        try {
          channel.ack(message);
        } catch {
          // The channel died a moment ago: the broker delivers it again, and every handler bears that.
        }
      },
    });
    this.#schedulePump();
  }

  #schedulePump(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    // One turn of the loop later, so that all deliveries of one socket read are taken together.
    setImmediate(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { row, mode } = this.#options;
    const concurrency = mode === "ordered" || mode === "alone" ? 1 : row.concurrency;
    while (this.#running < concurrency && this.#buffer.length > 0 && !this.#paused) {
      const taken = this.#buffer.splice(0, this.#takesGroups ? row.prefetch : 1);
      this.#running += 1;
      void this.#handle(taken);
    }
  }

  async #handle(taken: readonly InHand[]): Promise<void> {
    const { process, log, queue } = this.#options;
    try {
      await process(taken, this);
    } catch (error) {
      // Settling failed beyond repair; giving up the channel returns the deliveries to the queue.
      log.error("deliveries could not be settled", { queue, error });
      void this.#channel.reopen();
    } finally {
      this.#running -= 1;
      this.#pump();
    }
  }

  pause(dependency: Dependency): Promise<void> {
    this.#paused ??= this.#untilUp(dependency).finally(() => {
      this.#paused = null;
    });
    return this.#paused;
  }

  async #untilUp(dependency: Dependency): Promise<void> {
    const { queue, metrics, log } = this.#options;
    const labels = { queue, dependency: dependency.name };
    log.warn("consumption paused", labels);
    metrics.paused.set(labels, 1);
    await this.#cancel();
    let heldSince = Date.now();
    while (!this.#isClosing && !(await dependency.answers())) {
      await wait(PROBE_EVERY_MS * (0.75 + Math.random() / 2));
      if (Date.now() - heldSince > HOLD_MAX_MS) {
        heldSince = Date.now();
        await this.#channel.reopen();
      }
    }
    metrics.paused.set(labels, 0);
    if (this.#isClosing) return;
    log.info("consumption resumed", labels);
    // After this turn, when `paused` is cleared and the deliveries in hand go first.
    setImmediate(() => void this.#resume());
  }

  async #resume(): Promise<void> {
    const channel = this.#channel.current;
    try {
      if (channel && this.#consumerTag === null && !this.#isClosing) await this.#consume(channel, this.#options.queue);
    } catch (error) {
      this.#options.log.warn("consumer could not be resumed", { queue: this.#options.queue, error });
      void this.#channel.reopen();
    }
    this.#pump();
  }

  async #cancel(): Promise<void> {
    const tag = this.#consumerTag;
    this.#consumerTag = null;
    try {
      if (tag !== null) await this.#channel.current?.cancel(tag);
    } catch {
      // The channel is gone, and the consumer with it.
    }
  }

  /** Stops intake, lets what is in hand finish (up to a deadline), then closes the channel. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#cancel();
    const deadlineAt = Date.now() + DRAIN_DEADLINE_MS;
    while (this.#running + this.#buffer.length > 0 && !this.#paused && Date.now() < deadlineAt) await wait(10);
    await this.#channel.close();
  }
}
