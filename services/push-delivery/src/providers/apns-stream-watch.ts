import { subscribe } from "node:diagnostics_channel";
import type { ClientHttp2Stream, Http2Session } from "node:http2";

/** What node-apn does not tell of a request: its stream, the answer's Retry-After, and that it is over. */
export class WatchedStream {
  stream: ClientHttp2Stream | null = null;
  /** Kept here because a destroyed stream no longer knows its session. */
  session: Http2Session | null = null;
  status: number | null = null;
  retryAfter: unknown = null;
  readonly #onClosed: () => void;
  readonly #onSession: (session: Http2Session) => void;

  constructor(onSession: (session: Http2Session) => void, onClosed: () => void) {
    this.#onSession = onSession;
    this.#onClosed = onClosed;
  }

  created(stream: ClientHttp2Stream): void {
    this.stream = stream;
    if (stream.session === undefined) return;
    this.session = stream.session;
    this.#onSession(stream.session);
  }

  closed(): void {
    this.#onClosed();
  }
}

const watched = new Map<string, WatchedStream>();
let isSubscribed = false;

/**
 * Watches the HTTP/2 stream of the request with this `apns-id`, until `unwatch`. node-apn keeps its session private, reads
 * `Retry-After` under a spelling that HTTP/2 never has, and may never settle a request whose session was destroyed; Node's
 * diagnostics channels show all three without touching the library's inside.
 */
export function watchStream(
  apnsId: string,
  { onSession, onClosed }: { readonly onSession: (session: Http2Session) => void; readonly onClosed: () => void },
): WatchedStream {
  if (!isSubscribed) subscribeOnce();
  const stream = new WatchedStream(onSession, onClosed);
  watched.set(apnsId, stream);
  return stream;
}

export function unwatchStream(apnsId: string): void {
  watched.delete(apnsId);
}

// Once for the process: the channels are the process's, and a subscription per credential would show each one all streams.
function subscribeOnce(): void {
  isSubscribed = true;
  const byStream = new WeakMap<object, WatchedStream>();
  subscribe("http2.client.stream.created", (message) => {
    if (!isStreamMessage(message)) return;
    const id = message.headers?.["apns-id"];
    const request = typeof id === "string" ? watched.get(id) : undefined;
    if (request === undefined) return;
    byStream.set(message.stream, request);
    request.created(message.stream);
  });
  subscribe("http2.client.stream.finish", (message) => {
    const request = isStreamMessage(message) ? byStream.get(message.stream) : undefined;
    if (request === undefined || !isStreamMessage(message)) return;
    request.status = Number(message.headers?.[":status"]);
    request.retryAfter = message.headers?.["retry-after"];
  });
  subscribe("http2.client.stream.close", (message) => {
    if (isStreamMessage(message)) byStream.get(message.stream)?.closed();
  });
}

interface StreamMessage {
  readonly stream: ClientHttp2Stream;
  readonly headers?: Readonly<Record<string, unknown>>;
}

const isStreamMessage = (message: unknown): message is StreamMessage =>
  typeof message === "object" && message !== null && "stream" in message;
