import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Cause, newTraceparent } from "@strata/messaging";
import type { Logger } from "@strata/runtime";

/** What is known of a request before anybody has looked into it, and what is learnt on the way, for its log line. */
export interface RequestContext {
  readonly cause: Cause;
  /** Writes the request's and the trace's id on every line. */
  readonly log: Logger;
  readonly startedAt: number;
  /** The route's pattern: paths hold user ids and would be different labels without end. */
  route: string;
  app: string | null;
}

const contexts = new WeakMap<ServerResponse, RequestContext>();

/** Reads who asks to be traced how. Ids that cannot be ones are replaced, not refused: they are a courtesy. */
export function openContext(request: IncomingMessage, response: ServerResponse, log: Logger): RequestContext {
  const id = requestId(request.headers["x-request-id"]);
  const traceparent = traceparentOf(request.headers["traceparent"]);
  const context: RequestContext = {
    cause: { id, traceparent },
    log: log.child({ requestId: id, traceId: traceparent.split("-")[1] }),
    startedAt: performance.now(),
    route: "unknown",
    app: null,
  };
  contexts.set(response, context);
  return context;
}

export function contextOf(response: ServerResponse): RequestContext {
  const context = contexts.get(response);
  if (!context) throw new Error("unreachable: every request is given a context first");
  return context;
}

/** It goes into AMQP properties and log lines, so its length and characters are bounded. */
const requestId = (header: string | string[] | undefined): string =>
  typeof header === "string" && /^[\w.:/+=-]{1,128}$/.test(header) ? header : randomUUID();

/** W3C trace context; ids of zeros alone are invalid there. */
const traceparentOf = (header: string | string[] | undefined): string =>
  typeof header === "string" && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(header)
    ? header
    : newTraceparent();
