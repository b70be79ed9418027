import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Dependency, Logger } from "@strata/runtime";
import type { Channel, ConsumeMessage } from "amqplib";
import type { Connection } from "./connection.ts";
import type { Consumer } from "./consumer.ts";
import type { MessagingMetrics } from "./metrics.ts";
import type { QueueMode } from "./queue-mode.ts";
import { type Part, unpacked } from "./packs.ts";
import { pause } from "./pause.ts";
import { closeInTime, type SupervisedChannel } from "./supervised-channel.ts";
import { type ChannelHoldings, survivals } from "./survivals.ts";

export interface Intake {
  /** Stops consuming until the dependency answers; resolves then. Deliveries in hand stay in hand. */
  pause(dependency: Dependency): Promise<void>;
  /** Aborted when consuming ends: whoever waits to try again gives up, and what is in hand goes back to its queue. */
  readonly closing: AbortSignal;
}

/** What is done with the deliveries taken together; settles each of them. */
export type Process = (taken: readonly Part[], intake: Intake) => Promise<void>;

export interface QueueConsumerOptions {
  readonly connection: Connection;
  readonly row: Consumer;
  readonly mode: QueueMode;
  readonly queue: string;
  readonly declare: (channel: Channel, queue: string) => Promise<void>;
  readonly process: Process;
  /** How long a pause keeps its deliveries in hand. */
  readonly holdMaxMs: number;
  readonly metrics: MessagingMetrics;
  readonly log: Logger;
}

const PROBE_EVERY_MS = 500;
/** Shorter than what a service's shutdown gives one step. */
const DRAIN_DEADLINE_MS = 8_000;

/**
 * Consumes one queue: takes what is waiting (up to the prefetch, never waiting for more), hands it over, and starts
 * again after every lost channel, cancelled consumer or pause.
 *
 * An ordered queue has one writer, and the broker passes that role on when the writer cancels its consumer, even while
 * it still has deliveries in hand. So an ordered queue is never cancelled: a pause holds on to it, and closing drops the
 * channel, which returns what is not done. Returned deliveries go behind others that were returned before and are not
 * out again, so all of them must always be: the prefetch of an ordered queue never shrinks, not even for a suspect.
 */
export class QueueConsumer implements Intake {
  readonly #options: QueueConsumerOptions;
  readonly #channel: SupervisedChannel<Channel>;
  readonly #takesGroups: boolean;
  readonly #isOrdered: boolean;
  readonly #survivals = survivals();
  /** Of the channel whose deliveries may be acknowledged; set before its set-up ends, since deliveries may come by then. */
  #holdings: ChannelHoldings | null = null;
  #name: string;
  #buffer: Part[] = [];
  #running = 0;
  #isPumpDue = false;
  /** When work was begun last, as performance.now() says it. */
  #begunAt = Number.NEGATIVE_INFINITY;
  #waiting: NodeJS.Timeout | null = null;
  /** Chosen by us and set as soon as we ask to consume, so that a cancel at any moment names it. */
  #consumerTag: string | null = null;
  #paused: Promise<void> | null = null;
  readonly #closing = new AbortController();
  #wasOpen = false;

  constructor(options: QueueConsumerOptions) {
    this.#options = options;
    this.#name = options.queue;
    this.#isOrdered = options.mode === "ordered";
    this.#takesGroups = options.mode !== "alone" && options.row.handlers.some(({ takesGroups }) => takesGroups);
    this.#channel = options.connection.openPlain(options.queue, (channel) => this.#open(channel));
  }

  /** True while the broker has our consumer; readiness asks this, since a process can live on and consume nothing. */
  get isLive(): boolean {
    const isOpen = this.#consumerTag !== null && this.#channel.current !== null;
    return isOpen && this.#paused === null && !this.#isClosing;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** True while no delivery is in hand here. */
  get isIdle(): boolean {
    return this.#running + this.#buffer.length === 0;
  }

  /** True while a delivery is in hand that a process may have died of. */
  get hasSuspects(): boolean {
    return this.#holdings?.hasSuspects() ?? false;
  }

  get #prefetch(): number {
    return this.#options.mode === "alone" ? 1 : this.#options.row.prefetch;
  }

  /** Resolves when the first consumer is up. */
  async started(deadlineAt: number): Promise<void> {
    await this.#channel.ready(deadlineAt);
  }

  async #open(channel: Channel): Promise<void> {
    const { row, mode, queue, declare } = this.#options;
    this.#attach(channel);
    if (mode === "instance") this.#name = `${queue}.${randomUUID()}`;
    await declare(channel, this.#name);
    await channel.prefetch(this.#prefetch);
    if (!this.#paused && !this.#isClosing) await this.#consume(channel);
    if (mode === "instance") {
      if (this.#wasOpen) row.onGap();
      this.#wasOpen = true;
    }
  }

  #attach(channel: Channel): void {
    const holdings = this.#survivals.attach(channel, () => channel.prefetch(this.#prefetch));
    this.#holdings = holdings;
    this.#consumerTag = null;
    this.#buffer = [];
    channel.once("close", () => {
      if (this.#holdings !== holdings) return;
      this.#holdings = null;
      this.#consumerTag = null;
      this.#buffer = [];
    });
  }

  async #consume(channel: Channel): Promise<void> {
    const holdings = this.#holdings;
    if (this.#consumerTag !== null || holdings === null) return;
    const consumerTag = randomUUID();
    this.#consumerTag = consumerTag;
    await channel.consume(this.#name, (message) => this.#take(holdings, message), {
      consumerTag,
      exclusive: this.#options.mode === "instance",
    });
  }

  #take(holdings: ChannelHoldings, message: ConsumeMessage | null): void {
    if (message === null) {
      // The broker cancelled us (queue deleted, node gone): declare and consume afresh.
      this.#consumerTag = null;
      void this.#channel.reopen();
      return;
    }
    if (message.fields.redelivered) this.#options.metrics.redeliveries.inc({ queue: this.#options.queue });
    const held = holdings.hold(message);
    // What comes while an ordered queue is being given up goes back with the channel.
    if (this.#isClosing && this.#isOrdered) return;
    this.#buffer.push(...unpacked(held));
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
    const concurrency = this.#isOrdered || mode === "alone" ? 1 : row.concurrency;
    if (this.#running >= concurrency || this.#buffer.length === 0 || this.#paused || this.#waitsForMore()) return;
    this.#begunAt = performance.now();
    while (this.#running < concurrency && this.#buffer.length > 0 && !this.#paused) {
      const taken = this.#buffer.splice(0, this.#groupSize());
      this.#running += 1;
      void this.#handle(taken);
    }
  }

  /** Whether it is too soon to begin again; then it is looked again when it is not. */
  #waitsForMore(): boolean {
    const isFull = this.#running + this.#buffer.length >= this.#prefetch;
    const tooSoonMs = this.#begunAt + this.#options.row.everyMs - performance.now();
    if (tooSoonMs <= 0 || isFull || this.#isClosing) return false;
    this.#waiting ??= setTimeout(() => {
      this.#waiting = null;
      this.#pump();
    }, tooSoonMs);
    return true;
  }

  /** How many are taken together now; suspects of an ordered queue go one by one, so that the first to go is to blame. */
  #groupSize(): number {
    if (!this.#takesGroups) return 1;
    if (!this.#isOrdered) return this.#options.row.prefetch;
    const firstSuspect = this.#buffer.findIndex(({ isSuspect }) => isSuspect);
    return firstSuspect === -1 ? this.#buffer.length : Math.max(1, firstSuspect);
  }

  async #handle(taken: readonly Part[]): Promise<void> {
    const { process, log, queue } = this.#options;
    try {
      await process(taken, this);
      // Were the next delivery to kill us before the broker has our acks, one that is done would be found at the head of
      // the queue, and take the blame.
      if (this.#isOrdered) await this.#holdings?.untilAcked();
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
    const { queue, holdMaxMs, metrics, log } = this.#options;
    const labels = { queue, dependency: dependency.name };
    log.warn("consumption paused", labels);
    metrics.paused.set(labels, 1);
    if (!this.#isOrdered) await this.#cancel();
    let heldSince = Date.now();
    while (!this.#isClosing && !(await dependency.answers())) {
      await pause(PROBE_EVERY_MS * (0.75 + Math.random() / 2), this.closing);
      if (Date.now() - heldSince > holdMaxMs) {
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
      if (channel && !this.#isClosing && !this.#paused) await this.#consume(channel);
    } catch (error) {
      this.#options.log.warn("consumer could not be resumed", { queue: this.#options.queue, error });
      void this.#channel.reopen();
    }
    this.#pump();
  }

  async #cancel(): Promise<void> {
    const tag = this.#consumerTag;
    this.#consumerTag = null;
    const channel = this.#channel.current;
    // When the channel is gone the consumer is, too.
    if (tag !== null && channel) await closeInTime(channel.cancel(tag));
  }

  /**
   * Stops intake, lets what is in hand finish (up to a deadline), then closes the channel. Of an ordered queue only what
   * is being handled is finished.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#isOrdered) this.#buffer = [];
    else await this.#cancel();
    clearTimeout(this.#waiting ?? undefined);
    this.#pump();
    const deadlineAt = Date.now() + DRAIN_DEADLINE_MS;
    while (!this.isIdle && !this.#paused && Date.now() < deadlineAt) await wait(10);
    // The acks of the turn in which the last one ended leave before the channel does.
    await wait(0);
    await this.#channel.close();
  }
}
