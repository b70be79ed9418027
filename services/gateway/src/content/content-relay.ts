import { Agent, type ClientRequest, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { ContentRefusal } from "@strata/contracts";
import { isErrorId } from "@strata/doors";
import { layerError, serviceUnavailable } from "@strata/layer-protocol";
import { RequestAborted } from "../http/read-json.ts";
import { contextOf } from "../http/request-context.ts";

/** Passes bytes between a caller and the conversation service, which alone knows where they are kept. */
export interface ContentRelay {
  relay(request: IncomingMessage, response: ServerResponse, options: RelayOptions): Promise<void>;
}

interface RelayOptions {
  readonly token: string;
  /** How long whoever gets the bytes may keep them. */
  readonly maxAgeSeconds: number;
}

/** A transfer may take hours, but not a minute without a byte. */
const IDLE_MS = 60_000;
const RETRY_AFTER_SECONDS = 2;
const MAX_REFUSAL_BYTES = 16_384;

const REQUEST_HEADERS = ["content-length", "content-range", "range", "if-range"] as const;
const ANSWER_HEADERS = [
  "accept-ranges",
  "content-length",
  "content-range",
  "content-type",
  "etag",
  "location",
  "range",
] as const;

/**
 * Streams with back-pressure both ways: what is held here is what fits into two sockets' buffers, whatever the length.
 * Nobody waits for a whole body: a refusal is answered as soon as it comes, and the rest of the body thrown away.
 */
export function contentRelay(contentUrl: string): ContentRelay {
  const agent = new Agent({ keepAlive: true });
  return {
    async relay(request, response, { token, maxAgeSeconds }) {
      const { cause } = contextOf(response);
      const upstream = send(new URL(`/content/${token}`, contentUrl), {
        agent,
        method: request.method ?? "GET",
        headers: {
          ...pick(request.headers, REQUEST_HEADERS),
          "x-request-id": cause.id,
          traceparent: cause.traceparent,
        },
      });
      try {
        await passOn(await answerOf(upstream, request), response, maxAgeSeconds);
      } finally {
        // An answer before the end of the body leaves a connection on which nothing else can follow.
        if (!upstream.writableEnded) upstream.destroy();
      }
    },
  };
}

async function passOn(answer: IncomingMessage, response: ServerResponse, maxAgeSeconds: number): Promise<void> {
  const { statusCode: status = 0 } = answer;
  if (status >= 400 && status !== 416) throw await refusalIn(answer);
  response.statusCode = status;
  for (const [name, value] of Object.entries(pick(answer.headers, ANSWER_HEADERS))) response.setHeader(name, value);
  if (status === 200 || status === 206) response.setHeader("Cache-Control", `private, max-age=${maxAgeSeconds}`);
  await pipeline(answer, response).catch((error: unknown) => {
    throw new RequestAborted("the transfer broke off", { cause: error });
  });
}

/** Sends the body on and waits for the answer, which may come before the end of the body. */
async function answerOf(upstream: ClientRequest, request: IncomingMessage): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const stopReading = (): void => {
    request.unpipe(upstream);
    request.resume();
  };
  const abort = (): void => {
    if (request.complete) return;
    upstream.destroy();
    reject(new RequestAborted("the upload broke off"));
  };
  upstream.once("response", (answer) => {
    stopReading();
    resolve(answer);
  });
  upstream.once("error", (cause) => {
    stopReading();
    reject(serviceUnavailable(RETRY_AFTER_SECONDS, cause));
  });
  upstream.setTimeout(IDLE_MS, () => upstream.destroy(new Error("the conversation service is silent")));
  request.once("close", abort);
  request.once("error", abort);
  // Without a listener Node itself ends a connection that is silent for so long.
  request.socket.setTimeout(IDLE_MS);
  request.pipe(upstream);
  return promise;
}

async function refusalIn(answer: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_REFUSAL_BYTES) chunks.push(chunk);
  }
  const refusal = ContentRefusal.safeParse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  if (!refusal.success || !isErrorId(refusal.data.code)) {
    return new Error(`the conversation service answered ${answer.statusCode}`);
  }
  const { code, message, data } = refusal.data;
  if (code === "service_unavailable") return serviceUnavailable(RETRY_AFTER_SECONDS);
  return layerError(code, message, data);
}

function pick(headers: IncomingMessage["headers"], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
}
