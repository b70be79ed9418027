import { Duplex } from "node:stream";
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  type ConsumeMessage,
  type Options,
} from "amqplib";

/** RabbitMQ's direct reply-to: a pseudo queue that belongs to the channel which consumes it. */
export const REPLY_TO = "amq.rabbitmq.reply-to";

/** A group's pages go out together: at Node's 64 kB amqplib would wait for its socket after every second of them. */
const SOCKET = { noDelay: true, writableHighWaterMark: 4_000_000 };

/** Resolves when the broker has the message on disk in every queue that takes it. */
export type Publish = (exchange: string, key: string, content: Buffer, options?: Options.Publish) => Promise<void>;

export async function openConnection(): Promise<ChannelModel> {
  const model = await connect(String(process.env["AMQP_URL"]), SOCKET);
  writeTogether(model.connection);
  return model;
}

/**
 * What is written within one turn reaches the socket as one write, as packages/messaging does it: amqplib writes each frame
 * by itself, and the broker would wake for each.
 */
function writeTogether(connection: object): void {
  const socket = "stream" in connection ? connection.stream : null;
  if (!(socket instanceof Duplex)) throw new Error("amqplib keeps its socket elsewhere now");
  const write = socket.write.bind(socket);
  let isHeld = false;
  const hold = (): void => {
    if (isHeld) return;
    isHeld = true;
    socket.cork();
    process.nextTick(() => {
      isHeld = false;
      socket.uncork();
    });
  };
  socket.write = new Proxy(write, {
    apply(target, _self, args) {
      hold();
      return Reflect.apply(target, socket, args);
    },
  });
}

/** Publishes confirmed and mandatory. A message that no queue takes is a fault of the bench, and ends the process. */
export function publisherOn(channel: ConfirmChannel): Publish {
  channel.on("return", ({ fields }: ConsumeMessage) => {
    console.error(`no queue takes ${fields.routingKey}`);
    process.exit(1);
  });
  return (exchange, key, content, options = {}) =>
    new Promise((resolve, reject) => {
      const always = { persistent: true, mandatory: true };
      channel.publish(exchange, key, content, { ...options, ...always }, (error: unknown) => {
        if (error) reject(new Error("not confirmed", { cause: error }));
        else resolve();
      });
    });
}

/** Neither mandatory nor confirmed, as DESIGN.md has it for replies. */
export function reply(channel: Channel, { properties }: ConsumeMessage, content: Buffer): void {
  channel.publish("", String(properties.replyTo), content, { correlationId: String(properties.correlationId) });
}

/**
 * Takes whatever waits in these queues as one group, and acknowledges it by one command when it is done; what comes
 * meanwhile is the next one. At most the prefetch is in memory. A group begins when the turn ends, with all that came in it.
 */
export async function takeGroups(
  channel: Channel,
  queues: readonly string[],
  prefetch: number,
  handle: (group: readonly ConsumeMessage[]) => Promise<void>,
): Promise<void> {
  let waiting: ConsumeMessage[] = [];
  let isBusy = false;
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await handle(group);
      const last = group.at(-1);
      if (last) channel.ack(last, true);
    }
    isBusy = false;
  };
  const take = (delivery: ConsumeMessage | null): void => {
    // It would have to find its own rows, which costs a run what no other run has.
    if (delivery === null || delivery.fields.redelivered)
      throw new Error("a delivery came twice, or its queue is gone");
    waiting.push(delivery);
    if (isBusy) return;
    isBusy = true;
    setImmediate(() => void run());
  };
  await channel.prefetch(prefetch);
  for (const queue of queues) await channel.consume(queue, take);
}

/** JSON texts as arrays, each of at most so many and so many bytes (one text alone may be longer). */
export function packed(texts: readonly string[], maxTexts: number, maxBytes: number): readonly Buffer[] {
  const packs: string[][] = [];
  let bytes = Infinity;
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1;
    const last = packs.at(-1);
    if (last === undefined || last.length === maxTexts || bytes + size > maxBytes) {
      packs.push([text]);
      bytes = size;
    } else {
      last.push(text);
      bytes += size;
    }
  }
  return packs.map((pack) => Buffer.from(`[${pack.join(",")}]`));
}
