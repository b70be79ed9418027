import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "@strata/runtime";
import type { Channel, ConfirmChannel } from "amqplib";
import { brokerUnavailable } from "./errors.ts";
import { pause } from "./pause.ts";
import { writeTogether } from "./write-together.ts";

/** A channel that is opened anew, and set up anew, whenever it is lost. */
export interface SupervisedChannel<C extends Channel = ConfirmChannel> {
  /** The live channel, or null while there is none. */
  readonly current: C | null;
  /**
   * The live channel, waiting until the deadline (ms since 1970) for one on which the broker takes messages; then throws
   * `service_unavailable`.
   */
  ready(deadlineAt: number): Promise<C>;
  /** Throws the present channel away, also one that is still being set up; a new one follows. */
  reopen(): Promise<void>;
  /** The connection has changed: whoever waits looks again. */
  lookAgain(): void;
  close(): Promise<void>;
}

export interface SupervisionOptions<C extends Channel> {
  readonly create: () => Promise<C>;
  readonly name: string;
  /** Must ask the broker something: a channel that died before anybody listened to it shows by its first answer. */
  readonly setUp: (channel: C) => Promise<void>;
  /** While the broker blocks publishers, what is written waits in memory: nobody gets the channel then. */
  readonly isBlocked: () => boolean;
  readonly log: Logger;
}

const REOPEN_DELAY_MS = 100;
const REOPEN_DELAY_MAX_MS = 5_000;
/** A broker that hangs never answers a close; its heartbeat ends the connection later. */
const CLOSE_DEADLINE_MS = 1_000;

export function supervise<C extends Channel>(options: SupervisionOptions<C>): SupervisedChannel<C> {
  const { create, name, setUp, isBlocked, log } = options;
  let opened: C | null = null;
  let current: C | null = null;
  const waiting = new Set<() => void>();
  const closing = new AbortController();

  const lookAgain = (): void => {
    for (const look of waiting) look();
  };

  /** Until something changes, or the deadline; leaves nothing behind either way, however long an outage lasts. */
  const change = (deadlineAt: number): Promise<void> =>
    new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        waiting.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, Math.max(0, deadlineAt - Date.now()));
      waiting.add(settle);
    });

  /** One life of a channel: created, set up, lived until it closed. */
  const live = async (): Promise<void> => {
    const channel = await create();
    writeTogether(channel);
    const closed = new Promise<void>((resolve) => {
      channel.once("close", () => resolve());
    });
    // Without a listener amqplib's error event would end the process; the close event follows it.
    channel.on("error", (error) => log.warn("channel error", { channel: name, error }));
    if (closing.signal.aborted) return closeChannel(channel);
    opened = channel;
    try {
      await Promise.race([setUp(channel), closed.then(() => Promise.reject(new Error("closed during set-up")))]);
      current = channel;
      lookAgain();
      await closed;
    } catch (error) {
      await closeChannel(channel);
      throw error;
    } finally {
      opened = null;
      current = null;
    }
  };

  const supervision = (async () => {
    let delayMs = REOPEN_DELAY_MS;
    while (!closing.signal.aborted) {
      try {
        await live();
        delayMs = REOPEN_DELAY_MS;
      } catch (error) {
        if (closing.signal.aborted) break;
        log.warn("channel could not be opened", { channel: name, error });
        delayMs = Math.min(delayMs * 2, REOPEN_DELAY_MAX_MS);
      }
      // Jittered, so that a restarted broker is not met by every channel of every replica at once.
      await pause(delayMs * (0.5 + Math.random()), closing.signal);
    }
  })();

  const reopen = async (): Promise<void> => {
    const channel = opened;
    current = null;
    if (channel) await closeChannel(channel);
  };

  return {
    get current() {
      return current;
    },
    async ready(deadlineAt) {
      for (;;) {
        const channel = current;
        if (channel !== null && !isBlocked()) return channel;
        if (closing.signal.aborted) throw brokerUnavailable("the connection to the broker is closed");
        if (Date.now() >= deadlineAt) {
          throw brokerUnavailable(channel ? "the broker takes no messages now" : "no connection to the broker");
        }
        await change(deadlineAt);
      }
    },
    reopen,
    lookAgain,
    async close() {
      closing.abort();
      lookAgain();
      await reopen();
      // A channel still being created waits for a connection that may never come; the connection's own close ends it.
      await Promise.race([supervision, wait(500, undefined, { ref: false })]);
    },
  };
}

/** Closes a channel in whatever state. amqplib's own close never settles when the connection is lost before the answer. */
export async function closeChannel(channel: Channel): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    channel.once("close", () => resolve());
  });
  await closeInTime(Promise.race([closed, channel.close()]));
}

/** Waits for a close, but not for ever; that it was closed already, by the broker or with its connection, is fine. */
export async function closeInTime(closed: Promise<unknown>): Promise<void> {
  await Promise.race([closed.catch(() => undefined), wait(CLOSE_DEADLINE_MS, undefined, { ref: false })]);
}
