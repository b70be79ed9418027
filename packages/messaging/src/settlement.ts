import { DomainError } from "@strata/runtime";
import type { ConsumeMessage } from "amqplib";
import type { ConfirmedPublisher } from "./confirmed-publisher.ts";
import { header } from "./delivery.ts";
import { aloneQueue, deadLetterQueue, ladderQueue } from "./names.ts";
import type { Outcome } from "./outcome.ts";
import type { ReplyBody } from "./requester.ts";

/** How long a message may take to reach its next queue before the consumer counts the broker as down. */
const MOVE_DEADLINE_MS = 15_000;

/** Moves messages on: to a rung of the ladder, to the alone queue, to the dead-letter queue. Always confirmed. */
export interface Mover {
  /** Down the ladder; false when the message has been on every rung and must be given up. */
  toLadder(message: ConsumeMessage, queue: string, afterMs: number): Promise<boolean>;
  /** To where suspects of a lane are tried one at a time. */
  toAlone(message: ConsumeMessage, lane: string, queue: string): Promise<void>;
  toDeadLetter(message: ConsumeMessage, lane: string, queue: string, reason: string, cause?: unknown): Promise<void>;
}

export function mover(publisher: ConfirmedPublisher, service: string, ladderMs: readonly number[]): Mover {
  const publish = (message: ConsumeMessage, exchange: string, routingKey: string, headers: Record<string, unknown>) =>
    publisher.publish(
      {
        exchange,
        routingKey,
        body: message.content,
        properties: {
          ...definedProperties(message),
          messageId: String(message.properties.messageId),
          headers: { ...ownHeaders(message), ...headers },
        },
      },
      Date.now() + MOVE_DEADLINE_MS,
    );
  return {
    async toLadder(message, queue, afterMs) {
      const attempt = attemptOf(message);
      const rungMs = rungFor(ladderMs, attempt, afterMs);
      if (rungMs === null) return false;
      // The routing key is the queue that the rung lets the message fall back to.
      await publish(message, ladderQueue(service, rungMs), queue, { [header.attempt]: attempt + 1 });
      return true;
    },
    toAlone: (message, lane, queue) =>
      publish(message, "", aloneQueue(lane), {
        [header.sourceQueue]: queue,
        // It may be half done, and the new queue does not know; past its deadline, half done must still be finished.
        [header.deadline]: undefined,
      }),
    toDeadLetter: (message, lane, queue, reason, cause) =>
      publish(message, "", deadLetterQueue(lane), {
        [header.reason]: reason,
        [header.sourceQueue]: queue,
        ...(cause === undefined ? {} : { [header.error]: describe(cause) }),
      }),
  };
}

export const attemptOf = (message: ConsumeMessage): number => Number(message.properties.headers?.[header.attempt] ?? 0);

/** The rung for this attempt, or a longer one where the handler asked for more; null when the ladder is at its end. */
export function rungFor(ladderMs: readonly number[], attempt: number, afterMs: number): number | null {
  if (attempt >= ladderMs.length) return null;
  const rungs = ladderMs.slice(attempt);
  return rungs.find((ms) => ms >= afterMs) ?? rungs.at(-1) ?? null;
}

/** The broker's own headers (x-death, x-delivery-count) belong to one queue's history and are not carried on. */
function ownHeaders(message: ConsumeMessage): Record<string, unknown> {
  const entries = Object.entries(message.properties.headers ?? {});
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith("x-")));
}

function definedProperties({ properties }: ConsumeMessage) {
  const { type, appId, timestamp, contentType, correlationId, replyTo } = properties;
  const entries = Object.entries({ type, appId, timestamp, contentType, correlationId, replyTo });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** An error in a header: short, and without a stack. */
const describe = (cause: unknown): string => String(cause instanceof Error ? cause.message : cause).slice(0, 1_000);

/** What the requester of a delivery is told, or null when this outcome leaves it waiting. */
export function replyFor(outcome: Outcome): ReplyBody | null {
  switch (outcome.kind) {
    case "ack":
      return { result: {} };
    case "reply":
      return { result: outcome.reply };
    case "refuse":
      return errorReply(outcome.error);
    case "retry":
      return null;
    case "dead-letter":
      return errorReply(new DomainError("internal_server_error", {}, { message: "the command could not be handled" }));
    default:
      return outcome satisfies never;
  }
}

const errorReply = ({ code, message, details }: DomainError): ReplyBody => ({ error: { code, message, details } });
