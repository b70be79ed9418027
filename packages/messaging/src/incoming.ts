import type { ConsumeMessage } from "amqplib";
import { type Delivery, deliveryCount, header } from "./delivery.ts";
import { PACK, type Part } from "./packs.ts";
import { attemptOf } from "./settlement.ts";
import { childTraceparent } from "./trace.ts";

export type Incoming =
  | { readonly kind: "delivery"; readonly delivery: Delivery<unknown> }
  | { readonly kind: "unreadable"; readonly reason: string; readonly cause: unknown };

/** Reads the envelope and the JSON of a message; the payload is parsed against its contract by the subscription. */
export function readMessage({ message, payload }: Pick<Part, "message" | "payload">): Incoming {
  const { properties, fields } = message;
  const headers = properties.headers ?? {};
  if (properties.contentType === PACK) return { kind: "unreadable", reason: "malformed_pack", cause: undefined };
  try {
    return {
      kind: "delivery",
      delivery: {
        id: String(properties.messageId ?? ""),
        type: String(properties.type ?? ""),
        app: String(properties.appId ?? ""),
        payload: payload ?? (JSON.parse(message.content.toString()) as unknown),
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
