import { randomUUID } from "node:crypto";
import type { AnyCommand, AnyEvent } from "@strata/contracts";
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

/** A command as a handler would have sent it, its payload read by its contract. */
export interface RecordedCommand {
  readonly type: string;
  readonly app: string;
  readonly payload: unknown;
  readonly id: string | undefined;
}

/**
 * Keeps what would have been published. `failing` makes every publish fail, as with a broker that is away; `failNext`
 * makes one fail, as with a process that dies there.
 */
export function recordingPublisher(options: { readonly failing?: boolean } = {}) {
  const events: RecordedEvent[] = [];
  const commands: RecordedCommand[] = [];
  const failures: Error[] = [];
  const takes = (): void => {
    const failure = options.failing ? new Error("the broker is away") : failures.shift();
    if (failure) throw failure;
  };
  const publisher: Publisher = {
    async emit(event: AnyEvent, app, payload, { id, subjectVersion } = {}) {
      takes();
      events.push({ type: event.type, app, payload: event.payload.parse(payload), id, subjectVersion });
    },
    async send(command: AnyCommand, app, payload, { id } = {}) {
      takes();
      commands.push({ type: command.type, app, payload: command.payload.parse(payload), id });
    },
  };
  return { events, commands, publisher, failNext: (error: Error) => void failures.push(error) };
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
