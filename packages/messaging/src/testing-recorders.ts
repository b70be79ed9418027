import { randomUUID } from "node:crypto";
import type { AnyEvent } from "@strata/contracts";
import type { Delivery } from "./delivery.ts";
import type { Publisher } from "./publisher.ts";
import { newTraceparent } from "./trace.ts";

/** An event as a handler would have published it, its payload read by its contract. */
export interface RecordedEvent {
  readonly type: string;
  readonly app: string;
  readonly payload: unknown;
  readonly id: string | undefined;
  readonly subjectVersion: number | undefined;
}

/** Keeps what would have been published; `failing` makes every publish fail, as with a broker that is away. */
export function recordingPublisher(options: { readonly failing?: boolean } = {}) {
  const events: RecordedEvent[] = [];
  const publisher: Publisher = {
    async emit(event: AnyEvent, app, payload, { id, subjectVersion } = {}) {
      if (options.failing) throw new Error("the broker is away");
      events.push({ type: event.type, app, payload: event.payload.parse(payload), id, subjectVersion });
    },
    send: () => Promise.reject(new Error("this handler sends no commands")),
  };
  return { events, publisher };
}

/** A delivery of this payload, as a handler gets it. Handing the same one over twice is a redelivery of its message. */
export const aDelivery = <Payload>(
  payload: Payload,
  envelope: Partial<Omit<Delivery<Payload>, "payload">> = {},
): Delivery<Payload> => ({
  id: randomUUID(),
  type: "test",
  app: randomUUID(),
  payload,
  sentAt: new Date(),
  attempt: 0,
  isRedelivered: false,
  traceparent: newTraceparent(),
  ...envelope,
});
