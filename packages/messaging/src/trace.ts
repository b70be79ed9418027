import { randomBytes } from "node:crypto";

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A fresh W3C trace context (https://www.w3.org/TR/trace-context/): the start of a trace. */
export const newTraceparent = (): string =>
  `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;

/** The context of work caused by `parent`: same trace, a span of its own. An unreadable parent starts a new trace. */
export function childTraceparent(parent: unknown): string {
  const match = typeof parent === "string" ? TRACEPARENT.exec(parent) : null;
  return match ? `00-${match[1]}-${randomBytes(8).toString("hex")}-${match[2]}` : newTraceparent();
}
