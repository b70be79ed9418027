import { randomUUID } from "node:crypto";
import { DomainError } from "@strata/runtime";
import type { Channel } from "amqplib";
import { z } from "zod";
import { confirmedPublisher, type OutgoingMessage } from "./confirmed-publisher.ts";
import type { Connection } from "./connection.ts";
import { serviceUnavailable } from "./errors.ts";
import type { MessagingMetrics } from "./metrics.ts";

/** RabbitMQ's direct reply-to: a pseudo queue that belongs to the channel which consumes it. */
const REPLY_TO = "amq.rabbitmq.reply-to";

/** How a reply travels: the result, or the error that the caller shall see. */
export const ReplyBody = z.union([
  z.object({ result: z.unknown() }),
  z.object({ error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }) }),
]);
export type ReplyBody = z.infer<typeof ReplyBody>;

/** Sends a message and waits for what its handler says. */
export interface Requester {
  /** A command: durable, confirmed; published again under the same id when the connection is lost meanwhile. */
  command(message: OutgoingMessage, service: string, deadlineAt: number): Promise<unknown>;
  /** A query: transient, gone when its deadline is. */
  query(message: OutgoingMessage, service: string, deadlineAt: number): Promise<unknown>;
  readonly isReady: boolean;
}

/** The channel that the reply would have come back on is gone. */
class ReplyLost extends Error {}

interface Pending {
  readonly settle: (body: ReplyBody) => void;
  readonly fail: (error: Error) => void;
}

/** Requests and their replies on channels of their own: replies come back only on the channel that asked. */
export function openRequester(connection: Connection, metrics: MessagingMetrics): Requester {
  const pending = new Map<string, Pending>();

  const onReply = (correlationId: unknown, content: Buffer): void => {
    const waiting = pending.get(String(correlationId));
    // Late: the caller has gone.
    if (!waiting) return;
    try {
      waiting.settle(ReplyBody.parse(JSON.parse(content.toString())));
    } catch (cause) {
      // Thrown on, it would close the channel and take every other reply on its way with it.
      waiting.fail(new Error("unreadable reply", { cause }));
    }
  };

  const takeReplies = async (channel: Channel, prefix: string): Promise<void> => {
    channel.once("close", () => {
      for (const [id, waiting] of pending) if (id.startsWith(prefix)) waiting.fail(new ReplyLost("connection lost"));
    });
    await channel.consume(
      REPLY_TO,
      (message) => {
        if (message) onReply(message.properties.correlationId, message.content);
      },
      { noAck: true },
    );
  };

  const commands = confirmedPublisher(connection, "requests", metrics, (channel) => takeReplies(channel, "c-"));
  const queries = connection.openPlain("queries", async (channel) => {
    channel.on("return", (message) => {
      pending.get(String(message.properties.correlationId))?.fail(new Error("nobody takes this query"));
    });
    await takeReplies(channel, "q-");
  });

  const awaitReply = (correlationId: string, service: string, deadlineAt: number) => {
    let timer: NodeJS.Timeout | undefined;
    const promise = new Promise<unknown>((resolve, reject) => {
      timer = setTimeout(
        () => reject(serviceUnavailable(service, `${service} did not answer in time`)),
        Math.max(0, deadlineAt - Date.now()),
      );
      pending.set(correlationId, {
        settle: (body) => {
          if ("error" in body) {
            const { code, message, details } = body.error;
            reject(new DomainError(code, details, { message }));
          } else resolve(body.result);
        },
        fail: reject,
      });
    });
    // Whoever sends awaits this too, but may throw first.
    promise.catch(() => undefined);
    const forget = (): void => {
      clearTimeout(timer);
      pending.delete(correlationId);
    };
    return { promise, forget };
  };

  /** Sends under a correlation id of its own and waits for the reply to that. */
  const exchangeOnce = async (
    prefix: string,
    service: string,
    deadlineAt: number,
    send: (addressed: { readonly correlationId: string; readonly replyTo: string }) => Promise<void>,
  ): Promise<unknown> => {
    const correlationId = `${prefix}${randomUUID()}`;
    const { promise, forget } = awaitReply(correlationId, service, deadlineAt);
    try {
      await send({ correlationId, replyTo: REPLY_TO });
      return await promise;
    } finally {
      forget();
    }
  };

  const commandOnce = (message: OutgoingMessage, service: string, deadlineAt: number) =>
    exchangeOnce("c-", service, deadlineAt, (addressed) =>
      commands.publish({ ...message, properties: { ...message.properties, ...addressed } }, deadlineAt),
    );

  const queryOnce = (message: OutgoingMessage, service: string, deadlineAt: number) =>
    exchangeOnce("q-", service, deadlineAt, async (addressed) => {
      const channel = await queries.ready(deadlineAt);
      channel.publish(message.exchange, message.routingKey, message.body, {
        ...message.properties,
        ...addressed,
        mandatory: true,
        persistent: false,
        expiration: String(Math.max(1, deadlineAt - Date.now())),
      });
    });

  const counted = async (type: string, work: () => Promise<unknown>): Promise<unknown> => {
    try {
      const result = await work();
      metrics.requests.inc({ type, result: "answered" });
      return result;
    } catch (error) {
      metrics.requests.inc({ type, result: error instanceof DomainError ? error.code : "error" });
      throw error;
    }
  };

  return {
    get isReady() {
      return commands.isReady && queries.current !== null;
    },
    command: (message, service, deadlineAt) =>
      counted(String(message.properties.type), () => untilNotLost(() => commandOnce(message, service, deadlineAt))),
    query: (message, service, deadlineAt) =>
      counted(String(message.properties.type), async () => {
        try {
          return await untilNotLost(() => queryOnce(message, service, deadlineAt));
        } catch (error) {
          if (error instanceof DomainError) throw error;
          throw serviceUnavailable(service, error instanceof Error ? error.message : String(error));
        }
      }),
  };
}

/** Whether a lost request was handled is unknown. The same id again is safe, and brings the answer. */
async function untilNotLost(exchangeOne: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await exchangeOne();
    } catch (error) {
      if (!(error instanceof ReplyLost)) throw error;
    }
  }
}
