import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "@strata/runtime";
import { type Channel, connect, type ConfirmChannel, type RecoveringChannelModel } from "amqplib";
import { brokerUnavailable } from "./errors.ts";

/** One TCP connection that comes back by itself, and the supervised channels on it. */
export interface Connection {
  readonly isBlocked: boolean;
  /**
   * Opens a channel that is opened anew whenever it or its connection is lost; `setUp` runs on each new one (declare,
   * consume there) before anybody gets it.
   */
  open(name: string, setUp: (channel: ConfirmChannel) => Promise<void>): SupervisedChannel;
  /** Like `open`, without confirms. */
  openPlain(name: string, setUp: (channel: Channel) => Promise<void>): SupervisedChannel<Channel>;
  close(): Promise<void>;
}

export interface SupervisedChannel<C extends Channel = ConfirmChannel> {
  /** The live channel, or null while there is none. */
  readonly current: C | null;
  /** The live channel, waiting for one until the deadline (ms since 1970); then throws `service_unavailable`. */
  ready(deadlineAt: number): Promise<C>;
  /** Throws the present channel away; a new one follows. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

const REOPEN_DELAY_MS = 100;
const REOPEN_DELAY_MAX_MS = 5_000;

/** Connects; fails after a few tries at the start (a bad deploy shows at once), but never gives up afterwards. */
export async function openConnection(url: string, name: string, log: Logger): Promise<Connection> {
  const target = new URL(url);
  if (!target.searchParams.has("heartbeat")) target.searchParams.set("heartbeat", "10");
  const model = await connect(target.href, {
    // Nagle's algorithm turned a 1 ms round trip into 44 ms here.
    noDelay: true,
    clientProperties: { connection_name: name },
    recovery: { initialDelay: 100, maxDelay: 5_000, jitter: 0.5, initialMaxRetries: 5, waitForConnect: false },
  });
  const state = { isBlocked: false };
  model.on("error", (error) => log.warn("broker connection error", { connection: name, error }));
  model.on("disconnect", (error) => {
    state.isBlocked = false;
    log.warn("broker connection lost", { connection: name, error });
  });
  model.on("reconnect-scheduled", ({ attempt, delay }) =>
    log.info("reconnecting to the broker", { connection: name, attempt, delayMs: delay }),
  );
  model.on("connect", () => log.info("connected to the broker", { connection: name }));
  model.on("blocked", (reason) => {
    state.isBlocked = true;
    log.warn("broker blocks publishers", { connection: name, reason });
  });
  model.on("unblocked", () => {
    state.isBlocked = false;
    log.info("broker takes messages again", { connection: name });
  });
  await model.waitForConnect();
  const supervised: SupervisedChannel<Channel>[] = [];
  const remember = <C extends Channel>(channel: SupervisedChannel<C>): SupervisedChannel<C> => {
    supervised.push(channel);
    return channel;
  };
  return {
    get isBlocked() {
      return state.isBlocked;
    },
    open: (channelName, setUp) => remember(supervise(() => model.createConfirmChannel(), channelName, setUp, log)),
    openPlain: (channelName, setUp) => remember(supervise(() => model.createChannel(), channelName, setUp, log)),
    async close() {
      await Promise.all(supervised.map((channel) => channel.close()));
      await closeModel(model);
    },
  };
}

function supervise<C extends Channel>(
  create: () => Promise<C>,
  name: string,
  setUp: (channel: C) => Promise<void>,
  log: Logger,
): SupervisedChannel<C> {
  let current: C | null = null;
  let isClosing = false;
  let waiters: (() => void)[] = [];
  const closing = new AbortController();

  const wake = (): void => {
    const woken = waiters;
    waiters = [];
    for (const resume of woken) resume();
  };

  /** One life of a channel: created, set up, lived until it closed. */
  const live = async (): Promise<void> => {
    const channel = await create();
    const closed = new Promise<void>((resolve) => {
      channel.once("close", () => resolve());
    });
    // Without a listener amqplib's error event would end the process; the close event follows it.
    channel.on("error", (error) => log.warn("channel error", { channel: name, error }));
    if (isClosing) return closeChannel(channel);
    try {
      await Promise.race([setUp(channel), closed.then(() => Promise.reject(new Error("closed during set-up")))]);
    } catch (error) {
      await closeChannel(channel);
      throw error;
    }
    current = channel;
    wake();
    await closed;
    current = null;
  };

  const supervision = (async () => {
    let delayMs = REOPEN_DELAY_MS;
    while (!isClosing) {
      try {
        await live();
        delayMs = REOPEN_DELAY_MS;
      } catch (error) {
        if (isClosing) break;
        log.warn("channel could not be opened", { channel: name, error });
        delayMs = Math.min(delayMs * 2, REOPEN_DELAY_MAX_MS);
      }
      // Jittered, so that a restarted broker is not met by every channel of every replica at once.
      if (!isClosing) await wait(delayMs * (0.5 + Math.random()), undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();

  return {
    get current() {
      return current;
    },
    async ready(deadlineAt) {
      while (current === null) {
        const remainingMs = deadlineAt - Date.now();
        if (isClosing || remainingMs <= 0) throw brokerUnavailable("no connection to the broker");
        await Promise.race([
          new Promise<void>((resume) => {
            waiters.push(resume);
          }),
          wait(remainingMs, undefined, { ref: false }),
        ]);
      }
      return current;
    },
    async reopen() {
      if (current) await closeChannel(current);
    },
    async close() {
      isClosing = true;
      closing.abort();
      wake();
      if (current) await closeChannel(current);
      // A channel still being created waits for a connection that may never come; the connection's own close ends it.
      await Promise.race([supervision, wait(500, undefined, { ref: false })]);
    },
  };
}

/** Closing what is already closed throws in amqplib; for us the aim is reached either way. */
async function closeChannel(channel: Channel): Promise<void> {
  try {
    await channel.close();
  } catch {
    // Already closed, by the broker or with its connection.
  }
}

async function closeModel(model: RecoveringChannelModel): Promise<void> {
  try {
    await model.close();
  } catch {
    // Already gone.
  }
}
