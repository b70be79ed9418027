import type { Logger } from "@strata/runtime";
import { type Channel, connect, type ConfirmChannel, type RecoveringChannelModel } from "amqplib";
import { closeChannel, closeInTime, supervise, type SupervisedChannel } from "./supervised-channel.ts";

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
  /** Works on a channel that is there for this work alone; waits for the connection, and throws what the work throws. */
  once<T>(name: string, work: (channel: Channel) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

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
  const supervised = new Set<SupervisedChannel<Channel>>();
  const state = { isBlocked: false };
  const setBlocked = (isBlocked: boolean): void => {
    state.isBlocked = isBlocked;
    if (!isBlocked) for (const channel of supervised) channel.lookAgain();
  };
  logLife(model, name, log);
  model.on("disconnect", () => setBlocked(false));
  model.on("blocked", () => setBlocked(true));
  model.on("unblocked", () => setBlocked(false));
  await model.waitForConnect();
  const remember = <C extends Channel>(channel: SupervisedChannel<C>): SupervisedChannel<C> => {
    supervised.add(channel);
    return channel;
  };
  const isBlocked = (): boolean => state.isBlocked;
  return {
    get isBlocked() {
      return state.isBlocked;
    },
    open: (channelName, setUp) =>
      remember(supervise({ create: () => model.createConfirmChannel(), name: channelName, setUp, isBlocked, log })),
    openPlain: (channelName, setUp) =>
      remember(supervise({ create: () => model.createChannel(), name: channelName, setUp, isBlocked, log })),
    async once(channelName, work) {
      const channel = await model.createChannel();
      channel.on("error", (error) => log.debug("channel error", { channel: channelName, error }));
      try {
        return await work(channel);
      } finally {
        await closeChannel(channel);
      }
    },
    async close() {
      await Promise.all([...supervised].map((channel) => channel.close()));
      await closeInTime(model.close());
    },
  };
}

function logLife(model: RecoveringChannelModel, name: string, log: Logger): void {
  model.on("error", (error) => log.warn("broker connection error", { connection: name, error }));
  model.on("disconnect", (error) => log.warn("broker connection lost", { connection: name, error }));
  model.on("reconnect-scheduled", ({ attempt, delay }) =>
    log.info("reconnecting to the broker", { connection: name, attempt, delayMs: delay }),
  );
  model.on("connect", () => log.info("connected to the broker", { connection: name }));
  model.on("blocked", (reason) => log.warn("broker blocks publishers", { connection: name, reason }));
  model.on("unblocked", () => log.info("broker takes messages again", { connection: name }));
}
