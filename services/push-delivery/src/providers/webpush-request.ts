import type { IncomingMessage } from "node:http";
import { type Agent, request as httpsRequest } from "node:https";
import type { PushServiceAnswer } from "./webpush-answers.ts";

export interface WebPushRequest {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Buffer;
}

/** What came of one request. */
export type Answered =
  | ({ readonly kind: "answered" } & PushServiceAnswer)
  | {
      readonly kind: "unanswered";
      readonly reason: string;
      /** Whether all of it was written to a connection: then the push service may have taken it. */
      readonly isSent: boolean;
      /** The connection was a kept one, which the push service had closed before it saw anything. */
      readonly isStale: boolean;
    };

/** More than any push service says of a push. */
const MAX_ANSWER_BYTES = 4_096;
const STALE = new Set(["ECONNRESET", "EPIPE"]);

/** One POST to a push service. Follows no redirect, holds no more than 4 KiB of the answer, and ends after `timeoutMs`. */
export function postToPushService(
  { endpoint, headers, body }: WebPushRequest,
  { agent, timeoutMs }: { readonly agent: Agent; readonly timeoutMs: number },
): Promise<Answered> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    let isSent = false;
    const request = httpsRequest(endpoint, { method: "POST", headers, agent, signal }, (response) => {
      readAnswer(response).then(resolve, resolve);
    });
    request.once("finish", () => (isSent = true));
    request.once("error", (error) => {
      const code = "code" in error ? String(error.code) : error.name;
      const reason = signal.aborted ? "no answer in time" : code;
      resolve({ kind: "unanswered", reason, isSent, isStale: request.reusedSocket && STALE.has(code) });
    });
    request.end(body);
  });
}

/** An answer that breaks off has said what matters with its status. */
async function readAnswer(response: IncomingMessage): Promise<Answered> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (bytes < MAX_ANSWER_BYTES) chunks.push(chunk.subarray(0, MAX_ANSWER_BYTES - bytes));
      bytes += chunk.length;
    }
  } catch {
    response.destroy();
  }
  const { location = null, "retry-after": retryAfter = null } = response.headers;
  const body = Buffer.concat(chunks).toString("utf8");
  return { kind: "answered", status: response.statusCode ?? 0, location, retryAfter, body };
}
