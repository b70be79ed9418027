import { type AnyEvent, eventsOf, type ServiceName } from "@strata/contracts";
import { type Channel, connect, type GetMessage } from "amqplib";
import { commonTopology } from "./topology.ts";
import { declareTopology } from "./declare.ts";
import { exchange } from "./names.ts";

export { messagesIn } from "./packs.ts";
export { aDelivery, type RecordedCommand, type RecordedEvent, recordingPublisher } from "./testing-recorders.ts";

/** What tests need of the broker beyond a service's own API. Not part of the public face of this package. */
export interface BrokerProbe extends AsyncDisposable {
  /** Exact number of messages ready in a queue, now. */
  depth(queue: string): Promise<number>;
  /** Depths of several queues; missing queues are absent. */
  depths(queues: readonly string[]): Promise<Readonly<Record<string, number>>>;
  /** Takes everything out of a queue. */
  drain(queue: string): Promise<readonly GetMessage[]>;
  deleteQueue(queue: string): Promise<void>;
  /** A queue as another team would make it: bounded, dropping its oldest, bound to some events. */
  declareForeignQueue(queue: string, pattern: string, maxLength: number): Promise<void>;
  /** Publishes raw bytes to a queue: what no publisher of ours would send. */
  sendRaw(queue: string, body: Buffer, properties?: Parameters<Channel["sendToQueue"]>[2]): Promise<void>;
}

/** Opens a plain connection of its own, so that looking never disturbs what is looked at. */
export async function probeBroker(url: string): Promise<BrokerProbe> {
  const model = await connect(url, { noDelay: true });
  model.on("error", () => undefined);
  const onChannel = async <T>(work: (channel: Channel) => Promise<T>): Promise<T> => {
    const channel = await model.createConfirmChannel();
    // A look at a missing queue closes the channel; the call itself rejects too.
    channel.on("error", () => undefined);
    try {
      const result = await work(channel);
      await channel.waitForConfirms();
      await channel.close();
      return result;
    } catch (error) {
      await channel.close().catch(() => undefined);
      throw error;
    }
  };
  const depth = (queue: string): Promise<number> =>
    onChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  return {
    depth,
    async depths(queues) {
      const entries: [string, number][] = [];
      for (const queue of queues) {
        const count = await depth(queue).catch(() => null);
        if (count !== null) entries.push([queue, count]);
      }
      return Object.fromEntries(entries);
    },
    drain: (queue) =>
      onChannel(async (channel) => {
        const messages: GetMessage[] = [];
        for (;;) {
          const message = await channel.get(queue, { noAck: true });
          if (!message) return messages;
          messages.push(message);
        }
      }),
    deleteQueue: (queue) =>
      onChannel(async (channel) => {
        await channel.deleteQueue(queue);
      }),
    declareForeignQueue: (queue, pattern, maxLength) =>
      onChannel(async (channel) => {
        const bounds = { "x-queue-type": "quorum", "x-overflow": "drop-head" };
        await channel.assertQueue(queue, { durable: true, maxLength, arguments: bounds });
        await channel.bindQueue(queue, exchange.events, pattern);
      }),
    sendRaw: (queue, body, properties = {}) =>
      onChannel(async (channel) => {
        channel.sendToQueue(queue, body, { persistent: true, ...properties });
      }),
    async [Symbol.asyncDispose]() {
      await model.close().catch(() => undefined);
    },
  };
}

/**
 * Makes the queues that a service's events need (their `consumedBy`), bound as their owners would bind them. With them a
 * service can be tested alone; with `owner`, beside peers that make their own: those of that service only.
 */
export async function declareSubscriberQueues(url: string, service: ServiceName, owner?: ServiceName): Promise<void> {
  const model = await connect(url, { noDelay: true });
  const channel = await model.createChannel();
  await declareTopology(channel, commonTopology);
  for (const event of eventsOf(service)) {
    const queues = event.consumedBy.filter((queue) => owner === undefined || queue.startsWith(`${owner}.`));
    await declareConsumers(channel, event, queues);
  }
  await model.close();
}

async function declareConsumers(channel: Channel, event: AnyEvent, queues: readonly string[]): Promise<void> {
  for (const queue of queues) {
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.bindQueue(queue, exchange.events, `${event.type}.*`);
  }
}
