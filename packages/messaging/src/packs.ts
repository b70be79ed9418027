import { randomUUID } from "node:crypto";
import type { Message } from "amqplib";
import type { ConfirmedPublisher, OutgoingMessage } from "./confirmed-publisher.ts";
import { header } from "./delivery.ts";
import type { InHand } from "./survivals.ts";

/**
 * CloudEvents' batched content mode (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format):
 * the body is an array of events, each with its attributes beside its `data`.
 */
export const PACK = "application/cloudevents-batch+json";

/** What several events may cost a consumer as one delivery at most. */
const MAX_BYTES = 64 * 1_024;
/** What is larger is a group of facts itself and goes alone: what a prefetch brings into memory is to stay what it was. */
const LARGE_BYTES = 8 * 1_024;
const MAX_EVENTS = 100;

interface Waiting {
  readonly message: OutgoingMessage;
  readonly deadlineAt: number;
  readonly settle: PromiseWithResolvers<void>;
}

/**
 * Publishes events so that those of one type and app that are emitted in one turn go as one message: a broker's work is for
 * each message in each queue, hardly for what is in it. Each call resolves, or throws, as its message does.
 */
export function packing({ publish }: Pick<ConfirmedPublisher, "publish">): ConfirmedPublisher["publish"] {
  const waiting = new Map<string, Waiting[]>();

  const send = async (some: readonly Waiting[]): Promise<void> => {
    const messages = some.map(({ message }) => message);
    const deadlineAt = Math.min(...some.map((one) => one.deadlineAt));
    try {
      await publish(packed(messages), deadlineAt);
      for (const { settle } of some) settle.resolve();
    } catch (error) {
      for (const { settle } of some) settle.reject(error);
    }
  };

  const sendAll = (): void => {
    const all = [...waiting.values()];
    waiting.clear();
    for (const same of all) for (const some of packsOf(same)) void send(some);
  };

  return (message, deadlineAt) => {
    const settle = Promise.withResolvers<void>();
    // Behind this turn: whatever a group's handler emits for its deliveries is there by then.
    if (waiting.size === 0) process.nextTick(sendAll);
    const same = waiting.get(message.routingKey) ?? [];
    waiting.set(message.routingKey, same);
    same.push({ message, deadlineAt, settle });
    return settle.promise;
  };
}

/** In their order, as many together as one message may hold. */
function packsOf(all: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const packs: Waiting[][] = [];
  let bytes = 0;
  for (const one of all) {
    const last = packs.at(-1);
    const room = roomFor(one);
    bytes += room;
    if (last && last.length < MAX_EVENTS && bytes <= MAX_BYTES) last.push(one);
    else {
      packs.push([one]);
      bytes = room;
    }
  }
  return packs;
}

const roomFor = ({ message: { body } }: Waiting): number => (body.length > LARGE_BYTES ? MAX_BYTES : body.length);

/** These events as one message; one alone stays what it is. */
export function packed(messages: readonly OutgoingMessage[]): OutgoingMessage {
  const [first, second] = messages;
  if (!first || !second) return first ?? nothing();
  const properties = { ...first.properties, messageId: randomUUID(), contentType: PACK, headers: {} };
  // What caused an event is an attribute of that event.
  delete properties.correlationId;
  return {
    exchange: first.exchange,
    routingKey: first.routingKey,
    body: Buffer.from(`[${messages.map(structured).join()}]`),
    properties,
  };
}

/** Never asked for: a pack is made for events that wait. */
const nothing = (): never => {
  throw new Error("no event to pack");
};

/** An event with its attributes beside its payload, which is JSON already and is not read again. */
function structured({ body, properties }: OutgoingMessage): string {
  const { headers = {}, correlationId } = properties;
  const attributes = JSON.stringify({
    specversion: headers["cloudEvents_specversion"],
    id: headers["cloudEvents_id"],
    source: headers["cloudEvents_source"],
    type: headers["cloudEvents_type"],
    time: headers["cloudEvents_time"],
    subject: headers["cloudEvents_subject"],
    traceparent: headers[header.traceparent],
    subjectversion: headers[header.subjectVersion],
    correlationid: correlationId,
  });
  return `${attributes.slice(0, -1)},"data":${body.toString()}}`;
}

/** A delivery in hand, or one event of a delivery that holds several; its payload where it has been read with them. */
export interface Part extends InHand {
  readonly payload?: unknown;
}

/**
 * A delivery as the events in it, each as if it had come by itself: it is settled by itself, and whatever is moved on is a
 * message of its own. The delivery is acknowledged with the last of them. One that cannot be read stays whole.
 */
export function unpacked(held: InHand): readonly Part[] {
  if (held.message.properties.contentType !== PACK) return [held];
  const events = eventsIn(held.message);
  if (events === null) return [held];
  const open = new Set(events);
  return events.map((event) => ({
    message: messageOf(event, held.message),
    payload: event["data"],
    isSuspect: held.isSuspect,
    get deaths() {
      return held.deaths;
    },
    blame: () => held.blame(),
    isStale: () => held.isStale(),
    ack() {
      open.delete(event);
      if (open.size === 0) held.ack();
    },
  }));
}

type Attributes = Readonly<Record<string, unknown>>;
type Carrier<Fields> = Pick<Message, "content" | "properties"> & { readonly fields: Fields };

/** The events in a message as the messages that they would have been alone; for tests that look into queues. */
export function messagesIn<Fields>(message: Carrier<Fields>): readonly Carrier<Fields>[] {
  const events = message.properties.contentType === PACK ? eventsIn(message) : null;
  return events?.map((event) => messageOf(event, message)) ?? [message];
}

function eventsIn({ content }: Pick<Message, "content">): readonly Attributes[] | null {
  try {
    const events: unknown = JSON.parse(content.toString());
    return Array.isArray(events) && events.length > 0 && events.every(isEvent) ? events : null;
  } catch {
    return null;
  }
}

/** What it is read for must be there: a time that is none would break whoever measures by it. */
const isEvent = (value: unknown): value is Attributes =>
  typeof value === "object" &&
  value !== null &&
  "data" in value &&
  "id" in value &&
  typeof value.id === "string" &&
  "time" in value &&
  typeof value.time === "string" &&
  !Number.isNaN(Date.parse(value.time));

/** The message that the event would have been alone. */
function messageOf<Fields>(event: Attributes, { fields, properties }: Carrier<Fields>) {
  const { specversion, id, source, type, time, subject, traceparent, subjectversion, correlationid } = event;
  const headers = {
    ...properties.headers,
    cloudEvents_specversion: specversion,
    cloudEvents_id: id,
    cloudEvents_source: source,
    cloudEvents_type: type,
    cloudEvents_time: time,
    cloudEvents_subject: subject,
    [header.traceparent]: traceparent,
    ...(subjectversion === undefined ? {} : { [header.subjectVersion]: subjectversion }),
  };
  return {
    fields,
    properties: {
      ...properties,
      contentType: "application/json",
      messageId: id,
      timestamp: Date.parse(String(time)),
      correlationId: correlationid,
      headers,
    },
    // Asked for only where it is moved on.
    get content() {
      return Buffer.from(JSON.stringify(event["data"]));
    },
  };
}
