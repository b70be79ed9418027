import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { invalidRequest, layerError, LayerError, serviceUnavailable } from "@strata/layer-protocol";
import type { BodyAllowance } from "./body-budget.ts";

/** The body is longer than its route takes. The contract has no id of its own for that, only the status (413). */
class BodyTooLarge extends LayerError {
  override readonly status: number = 413;

  constructor(maxBytes: number) {
    super("invalid_request", `The body must have at most ${maxBytes} bytes`);
  }
}

/** The caller went away in the middle of the body; there is nobody to answer. */
export class RequestAborted extends Error {}

const RETRY_AFTER_SECONDS = 1;

/** How slowly a body may come. */
export interface Pace {
  /** So long it may come as it likes. */
  readonly graceMs: number;
  /** From then on no fewer, on average from its beginning. */
  readonly bytesPerSecond: number;
  readonly lookEveryMs: number;
}

/** Below what GPRS has (about 5 kB/s): whoever is slower keeps a place that others need. */
const PACE: Pace = { graceMs: 10_000, bytesPerSecond: 4_096, lookEveryMs: 1_000 };

/**
 * Reads and parses a body; undefined when there is none. A body that is too long is refused as soon as that is known and
 * the rest of it is thrown away as it comes, since a caller who is still sending does not see the answer of a connection
 * that was closed. What was sent is in no error: it may be secret.
 * @throws LayerError 400 `invalid_request`, 408 `request_timeout`, 413; 503 when all bodies together take too much
 */
export async function readJson(
  request: IncomingMessage,
  maxBytes: number,
  allowance: BodyAllowance,
  pace: Pace = PACE,
): Promise<unknown> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") throw invalidRequest("The body must not be compressed");
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw new BodyTooLarge(maxBytes);
  const bytes = await readAll(request, maxBytes, allowance, pace);
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw invalidRequest("The body must be UTF-8");
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    throw invalidRequest("The body is not valid JSON");
  }
}

function readAll(request: IncomingMessage, maxBytes: number, allowance: BodyAllowance, pace: Pace): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const giveUp = (error: Error): void => {
    request.off("data", take).off("end", finish);
    chunks.length = 0;
    request.resume();
    reject(error);
  };
  const take = (chunk: Buffer): void => {
    length += chunk.length;
    if (length > maxBytes) giveUp(new BodyTooLarge(maxBytes));
    else if (allowance.take(chunk.length)) chunks.push(chunk);
    else giveUp(serviceUnavailable(RETRY_AFTER_SECONDS));
  };
  let isRead = false;
  const finish = (): void => {
    isRead = true;
    resolve(Buffer.concat(chunks, length));
  };
  const stopLooking = atPace(
    pace,
    () => length,
    () => giveUp(layerError("request_timeout", "The body came too slowly")),
  );
  promise.then(stopLooking, stopLooking);
  request.on("data", take).on("end", finish);
  request.once("error", (cause) => reject(new RequestAborted("the request broke off", { cause })));
  request.once("close", () => {
    // Every request closes. An error, which takes its stack along, is made only where somebody waits for it.
    if (!isRead) reject(new RequestAborted("the request broke off"));
  });
  return promise;
}

/** Says once that what came is behind the pace. Answers how to stop looking. */
function atPace({ graceMs, bytesPerSecond, lookEveryMs }: Pace, came: () => number, onBehind: () => void): () => void {
  const begunAt = performance.now();
  const timer = setInterval(() => {
    const forMs = performance.now() - begunAt;
    if (forMs < graceMs || came() >= (forMs / 1_000) * bytesPerSecond) return;
    clearInterval(timer);
    onBehind();
  }, lookEveryMs);
  return () => clearInterval(timer);
}
