import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestMetrics } from "./metrics.ts";
import { contextOf } from "./request-context.ts";

/** nginx's number for a caller who went away before the answer. */
const CLIENT_CLOSED = 499;

/** One line and one observation per request, when its answer is through: never a body, a token or a path with user ids. */
export function logWhenClosed(request: IncomingMessage, response: ServerResponse, metrics: RequestMetrics): void {
  const { method = "?" } = request;
  response.once("close", () => {
    const { log, route, app, startedAt } = contextOf(response);
    const durationMs = performance.now() - startedAt;
    const status = response.writableFinished ? response.statusCode : CLIENT_CLOSED;
    metrics.requestSeconds.observe({ method, route, status }, durationMs / 1_000);
    log.info("request", { method, route, status, durationMs: Math.round(durationMs * 10) / 10, app });
  });
}
