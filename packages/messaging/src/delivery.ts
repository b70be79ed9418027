import type { AnyContract } from "@strata/contracts";
import type { Options } from "amqplib";

/** What a message carries on from the one that caused it. */
export interface Cause {
  readonly id: string;
  readonly traceparent: string;
}

/** One message as a handler sees it: envelope read, payload parsed. */
export interface Delivery<Payload> extends Cause {
  readonly type: string;
  /** The app it belongs to. */
  readonly app: string;
  readonly payload: Payload;
  readonly sentAt: Date;
  /** How often it went down the ladder before. */
  readonly attempt: number;
  /** True when a consumer had it before and did not finish: every step must bear being repeated. */
  readonly isRedelivered: boolean;
}

/** AMQP headers of ours. None begins with `x-`: RabbitMQ 4 would turn those into annotations. */
export const header = {
  attempt: "strata-attempt",
  deadline: "strata-deadline",
  orderKey: "strata-key",
  reason: "strata-reason",
  error: "strata-error",
  sourceQueue: "strata-source-queue",
  subjectVersion: "strata-subject-version",
  traceparent: "traceparent",
} as const;

/** The broker's own count of earlier deliveries that were not acknowledged (quorum queues only). */
export const deliveryCount = (headers: Readonly<Record<string, unknown>> | undefined): number =>
  Number(headers?.["x-delivery-count"] ?? 0);

/** What every message of ours has in its properties and headers; events carry CloudEvents 1.0 attributes besides. */
export function envelope(message: {
  readonly contract: AnyContract;
  readonly source: string;
  readonly id: string;
  readonly app: string;
  readonly traceparent: string;
  readonly causedBy: string | undefined;
  readonly subjectVersion: number | undefined;
}): Options.Publish & { headers: Record<string, string | number> } {
  const { contract, source, id, app, traceparent, causedBy, subjectVersion } = message;
  const now = new Date();
  const headers: Record<string, string | number> = { [header.traceparent]: traceparent };
  if (subjectVersion !== undefined) headers[header.subjectVersion] = subjectVersion;
  if (contract.kind === "event") {
    headers["cloudEvents_specversion"] = "1.0";
    headers["cloudEvents_id"] = id;
    headers["cloudEvents_source"] = `/strata/${source}`;
    headers["cloudEvents_type"] = contract.type;
    headers["cloudEvents_time"] = now.toISOString();
    headers["cloudEvents_subject"] = app;
  }
  return {
    messageId: id,
    type: contract.type,
    appId: app,
    timestamp: now.getTime(),
    contentType: "application/json",
    ...(causedBy === undefined ? {} : { correlationId: causedBy }),
    headers,
  };
}
