import { randomUUID } from "node:crypto";
import type { ChannelModel } from "amqplib";
import { publisherOn, REPLY_TO } from "./amqp.ts";
import { QUERIES } from "./world.ts";

export interface Requester {
  /** A transient query; answers what is replied. */
  readonly ask: (question: string) => Promise<Buffer>;
  /** A command, answered when it is confirmed and replied to. What it is about travels beside the body, so that nobody unpacks that. */
  readonly command: (queue: string, content: Buffer, about?: string) => Promise<Buffer>;
}

export async function openRequester(connection: ChannelModel): Promise<Requester> {
  const queries = await connection.createChannel();
  const commands = await connection.createConfirmChannel();
  const waiting = new Map<string, (content: Buffer) => void>();
  for (const channel of [queries, commands]) {
    const settle = (correlationId: string, content: Buffer): void => {
      waiting.get(correlationId)?.(content);
      waiting.delete(correlationId);
    };
    await channel.consume(
      REPLY_TO,
      (reply) => void (reply && settle(String(reply.properties.correlationId), reply.content)),
      { noAck: true },
    );
  }
  let last = 0;
  const replyTo = (correlationId: string): Promise<Buffer> =>
    new Promise((resolve) => waiting.set(correlationId, resolve));
  const next = (): string => String((last += 1));
  const publish = publisherOn(commands);
  return {
    ask(question) {
      const correlationId = next();
      const replied = replyTo(correlationId);
      queries.publish("", QUERIES, Buffer.from(question), { replyTo: REPLY_TO, correlationId });
      return replied;
    },
    async command(queue, content, about = "") {
      const correlationId = next();
      const replied = replyTo(correlationId);
      // Its rows get this id, by which a command that comes again would find them.
      const addressed = { messageId: randomUUID(), type: about, replyTo: REPLY_TO, correlationId };
      const [reply] = await Promise.all([replied, publish("", queue, content, addressed)]);
      return reply;
    },
  };
}
