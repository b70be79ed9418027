import type { ConsumeMessage } from "amqplib";
import { type Delivery, deliveryCount, header } from "./delivery.ts";
import { attemptOf } from "./settlement.ts";
import { childTraceparent } from "./trace.ts";

export type Incoming =
  | { readonly kind: "delivery"; readonly delivery: Delivery<unknown> }
  | { readonly kind: "unreadable"; readonly reason: string; readonly cause: unknown };

/** Reads the envelope and the JSON of a message; the payload is parsed against its contract by the subscription. */
export function readMessage(message: ConsumeMessage): Incoming {
  const { properties, fields, content } = message;
  const headers = properties.headers ?? {};
  try {
    return {
      kind: "delivery",
      delivery: {
        id: String(properties.messageId ?? ""),
        type: String(properties.type ?? ""),
        app: String(properties.appId ?? ""),
        payload: JSON.parse(content.toString()) as unknown,
        sentAt: new Date(Number(properties.timestamp ?? Date.now())),
        attempt: attemptOf(message),
        isRedelivered: fields.redelivered || deliveryCount(headers) > 0 || attemptOf(message) > 0,
        traceparent: childTraceparent(headers[header.traceparent]),
      },
    };
  } catch (cause) {
    return { kind: "unreadable", reason: "malformed_json", cause };
  }
}

/**
 * True when the sender has given up on this command and no consumer had it before: what was answered 503 must not be
 * started afterwards. One that came before may be half done, and half done is finished.
 */
export function isExpired(message: ConsumeMessage, now = Date.now()): boolean {
  const { headers } = message.properties;
  const deadline = Number(headers?.[header.deadline] ?? Number.POSITIVE_INFINITY);
  return now > deadline && !message.fields.redelivered && deliveryCount(headers) === 0 && attemptOf(message) === 0;
}
