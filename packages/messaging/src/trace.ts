import { randomFillSync } from "node:crypto";

/** Each call into the random generator costs more than what it brings: one brings the ids of hundreds of messages. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A fresh W3C trace context (https://www.w3.org/TR/trace-context/): the start of a trace. */
export const newTraceparent = (): string => `00-${randomHex(16)}-${randomHex(8)}-01`;

/** The context of work caused by `parent`: same trace, a span of its own. An unreadable parent starts a new trace. */
export function childTraceparent(parent: unknown): string {
  const match = typeof parent === "string" ? TRACEPARENT.exec(parent) : null;
  return match ? `00-${match[1]}-${randomHex(8)}-${match[2]}` : newTraceparent();
}
