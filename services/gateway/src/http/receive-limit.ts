import type { IncomingMessage } from "node:http";

interface Limit {
  readonly timer: NodeJS.Timeout;
  readonly timeoutMs: number;
  readonly giveUp: () => void;
}

const limits = new WeakMap<IncomingMessage, Limit>();

/**
 * Calls `giveUp` once when a request has not come in whole after this time. Node's own limit (`requestTimeout`) is one
 * for all requests of a server, and would cut off the upload of a gigabyte over a slow line.
 */
export function limitReceiving(request: IncomingMessage, timeoutMs: number, giveUp: () => void): void {
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  if (!hasBody) return;
  request.once("close", () => unlimitReceiving(request));
  arm(request, timeoutMs, giveUp);
}

function arm(request: IncomingMessage, timeoutMs: number, giveUp: () => void): void {
  const timer = setTimeout(() => {
    if (!request.complete) giveUp();
  }, timeoutMs);
  timer.unref();
  limits.set(request, { timer, timeoutMs, giveUp });
}

/** For a request that has less time than others, from now on. */
export function hurryReceiving(request: IncomingMessage, timeoutMs: number): void {
  const limit = limits.get(request);
  if (limit === undefined || limit.timeoutMs <= timeoutMs) return;
  clearTimeout(limit.timer);
  arm(request, timeoutMs, limit.giveUp);
}

/** For a request that may take its time: whoever calls this limits it otherwise. */
export function unlimitReceiving(request: IncomingMessage): void {
  clearTimeout(limits.get(request)?.timer);
}
