import type { IncomingMessage } from "node:http";

const timers = new WeakMap<IncomingMessage, NodeJS.Timeout>();

/**
 * Calls `giveUp` once when a request has not come in whole after this time. Node's own limit (`requestTimeout`) is one
 * for all requests of a server, and would cut off the upload of a gigabyte over a slow line.
 */
export function limitReceiving(request: IncomingMessage, timeoutMs: number, giveUp: () => void): void {
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  if (!hasBody) return;
  const timer = setTimeout(() => {
    if (!request.complete) giveUp();
  }, timeoutMs);
  timer.unref();
  timers.set(request, timer);
  request.once("close", () => clearTimeout(timer));
}

/** For a request that may take its time: whoever calls this limits it otherwise. */
export function unlimitReceiving(request: IncomingMessage): void {
  clearTimeout(timers.get(request));
}
