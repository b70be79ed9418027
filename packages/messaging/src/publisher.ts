import { type Command, type Event, laneQueue, type Query, type ServiceName } from "@strata/contracts";
import { randomUUIDv7 } from "node:crypto";
import type { z } from "zod";
import type { ConfirmedPublisher, OutgoingMessage } from "./confirmed-publisher.ts";
import { type Cause, envelope, header } from "./delivery.ts";
import { exchange } from "./names.ts";
import { packing } from "./packs.ts";
import type { Requester } from "./requester.ts";
import { childTraceparent } from "./trace.ts";
import { replyReader } from "./trusted-replies.ts";

export interface PublishOptions {
  /** The idempotency key: the same id for the same intent, however often it is published. Default: a new UUID. */
  readonly id?: string;
  /** The delivery, or the HTTP request, that this follows from; carries the trace on. */
  readonly cause?: Cause;
  /** Gives up after this long with `service_unavailable`; default 10 s. */
  readonly timeoutMs?: number;
}

export interface EventOptions extends PublishOptions {
  /** The version, after the change, of the thing the event is about. */
  readonly subjectVersion?: number;
}

/** Publishes facts and commands. Every call resolves once the broker has the message durably in a queue. */
export interface Publisher {
  emit<Payload>(event: Event<Payload>, app: string, payload: Payload, options?: EventOptions): Promise<void>;
  send<Payload, Reply>(
    command: Command<Payload, Reply>,
    app: string,
    payload: Payload,
    options?: PublishOptions,
  ): Promise<void>;
}

/** Asks other services. What a handler refuses is thrown here as the same DomainError; no answer in time is 503. */
export interface Client {
  request<Payload, Reply>(
    command: Command<Payload, Reply>,
    app: string,
    payload: Payload,
    options?: PublishOptions,
  ): Promise<Reply>;
  ask<Payload, Reply>(
    query: Query<Payload, Reply>,
    app: string,
    payload: Payload,
    options?: PublishOptions,
  ): Promise<Reply>;
}

const PUBLISH_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 5_000;

export function publisherOver(confirmed: ConfirmedPublisher, service: ServiceName): Publisher {
  const publishEvent = packing(confirmed);
  return {
    emit(event, app, payload, options = {}) {
      const message = outgoing(event, service, app, payload, options, exchange.events, `${event.type}.${app}`);
      return publishEvent(message, deadlineOf(options, PUBLISH_TIMEOUT_MS));
    },
    send(command, app, payload, options = {}) {
      const message = commandMessage(command, service, app, payload, options);
      return confirmed.publish(message, deadlineOf(options, PUBLISH_TIMEOUT_MS));
    },
  };
}

export function clientOver(requester: Requester, service: ServiceName): Client {
  const readReply = replyReader();
  return {
    async request(command, app, payload, options = {}) {
      const deadlineAt = deadlineOf(options, REQUEST_TIMEOUT_MS);
      const message = commandMessage(command, service, app, payload, options);
      // A consumer drops what it could not start in time: after a 503 nothing may happen behind the caller's back.
      message.properties.headers = { ...message.properties.headers, [header.deadline]: deadlineAt };
      return command.reply.parse(await requester.command(message, command.service, deadlineAt));
    },
    async ask(query, app, payload, options = {}) {
      const deadlineAt = deadlineOf(options, QUERY_TIMEOUT_MS);
      const message = outgoing(query, service, app, payload, options, exchange.queries, query.service);
      return readReply(query, await requester.query(message, query.service, deadlineAt));
    },
  };
}

const deadlineOf = ({ timeoutMs }: PublishOptions, fallbackMs: number): number =>
  Date.now() + (timeoutMs ?? fallbackMs);

function commandMessage<Payload>(
  command: Command<Payload, unknown>,
  service: ServiceName,
  app: string,
  payload: Payload,
  options: PublishOptions,
): OutgoingMessage {
  const message = outgoing(command, service, app, payload, options, exchange.commands, laneQueue(command));
  if (command.orderedBy) {
    // The app is part of the key: equal user ids of two apps have nothing to do with each other.
    const key = `${app}/${command.orderedBy(payload)}`;
    message.properties.headers = { ...message.properties.headers, [header.orderKey]: key };
  }
  return message;
}

function outgoing<Payload>(
  contract: (Event<Payload> | Command<Payload, unknown> | Query<Payload, unknown>) & {
    readonly payload: z.ZodType<Payload>;
  },
  source: ServiceName,
  app: string,
  payload: Payload,
  { id = randomUUIDv7(), cause, subjectVersion }: EventOptions,
  exchangeName: string,
  routingKey: string,
): OutgoingMessage {
  // Parsed on the way out too: a message that its consumers would refuse must fail where it is made.
  const body = Buffer.from(JSON.stringify(contract.payload.parse(payload)));
  const traceparent = childTraceparent(cause?.traceparent);
  const properties = envelope({ contract, source, id, app, traceparent, causedBy: cause?.id, subjectVersion });
  return { exchange: exchangeName, routingKey, body, properties: { ...properties, messageId: id } };
}
