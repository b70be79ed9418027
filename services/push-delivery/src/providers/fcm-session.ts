import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { ProviderLog } from "./push-provider.ts";
import { SessionWatchdog } from "./session-watchdog.ts";

/** What came of one request. `isUnprocessed`: the peer certainly did not take it, so sending it again can not repeat it. */
export type HttpAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfter: unknown; readonly body: string }
  | { readonly kind: "unanswered"; readonly reason: string; readonly isUnprocessed: boolean };

export interface SessionOptions {
  readonly url: string;
  readonly ca: string | null;
  readonly maxStreams: number;
  readonly requestTimeoutMs: number;
  readonly quietMs: number;
  readonly log: ProviderLog;
  /** Called when there may be more room than before, or less. */
  readonly onChange: () => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** One long-lived HTTP/2 connection, used until the peer says goodbye, breaks off, or stops answering. */
export class FcmSession {
  readonly #options: SessionOptions;
  readonly #session: ClientHttp2Session;
  readonly #watchdog: SessionWatchdog;
  /** Resolves once SETTINGS are here (true), or the connection failed (false). */
  readonly ready: Promise<boolean>;
  #isReady = false;
  #isLeaving = false;
  #inFlight = 0;
  #lastStreamId: number | null = null;
  #answeredAt = 0;
  #failure = "connection lost";

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#session = connect(options.url, options.ca === null ? {} : { ca: options.ca });
    this.ready = this.#becomeReady();
    this.#session.on("goaway", (code, lastStreamId) => this.#onGoaway(code, lastStreamId));
    this.#session.on("error", (error) => (this.#failure = error.message));
    this.#session.on("remoteSettings", options.onChange);
    this.#session.on("close", () => {
      this.#isLeaving = true;
      options.onChange();
    });
    const isBusy = () => this.#inFlight > 0;
    this.#watchdog = new SessionWatchdog(this.#session, { quietMs: options.quietMs, isBusy });
  }

  /** Whether new requests may go here. */
  get isOpen(): boolean {
    return !this.#isLeaving && !this.#session.closed && !this.#session.destroyed;
  }

  get failure(): string {
    return this.#failure;
  }

  /** How many streams may be open at once: the peer's SETTINGS and our own bound; one until the SETTINGS are here. */
  get limit(): number {
    if (!this.#isReady) return 1;
    return Math.min(
      this.#session.remoteSettings.maxConcurrentStreams ?? this.#options.maxStreams,
      this.#options.maxStreams,
    );
  }

  get free(): number {
    return this.#isReady ? this.limit - this.#inFlight : 0;
  }

  /** Always settles: with the answer, or with why there is none, at the latest after the request timeout. */
  request(headers: Readonly<Record<string, string>>, body: string): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      let stream: ClientHttp2Stream;
      try {
        stream = this.#session.request(headers);
      } catch (error) {
        // The connection went away between the choice of this session and now.
        resolve({ kind: "unanswered", reason: String(error), isUnprocessed: true });
        return;
      }
      this.#inFlight += 1;
      this.#follow(stream, (answer) => {
        this.#inFlight -= 1;
        resolve(answer);
      });
      stream.end(body);
    });
  }

  destroy(): void {
    this.#session.destroy();
  }

  #follow(stream: ClientHttp2Stream, settle: (answer: HttpAnswer) => void): void {
    const sentAt = Date.now();
    let status: number | null = null;
    let retryAfter: unknown;
    let body = "";
    let isTimedOut = false;
    let isWhole = false;
    const timer = setTimeout(() => {
      isTimedOut = true;
      stream.close(constants.NGHTTP2_CANCEL);
      // It may still answer pings, but no requests any more: whoever is still waiting here is waiting in vain.
      if (this.#answeredAt <= sentAt) this.#session.destroy();
    }, this.#options.requestTimeoutMs);
    stream.setEncoding("utf8");
    stream.on("response", (headers) => {
      this.#answeredAt = Date.now();
      this.#watchdog.heard();
      status = headers[":status"] ?? null;
      retryAfter = headers["retry-after"];
    });
    stream.on("data", (chunk: string) => (body += chunk));
    stream.on("end", () => (isWhole = true));
    stream.on("error", (error) => (this.#failure = error.message));
    // The one event that every stream ends with, whatever became of it and of its session.
    stream.on("close", () => {
      clearTimeout(timer);
      if (status !== null && isWhole) settle({ kind: "answered", status, retryAfter, body });
      else
        settle({
          kind: "unanswered",
          reason: isTimedOut ? "timeout" : this.#failure,
          isUnprocessed: this.#isUnprocessed(stream),
        });
    });
  }

  #isUnprocessed(stream: ClientHttp2Stream): boolean {
    if (stream.id === undefined || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true;
    return this.#lastStreamId !== null && stream.id > this.#lastStreamId;
  }

  #onGoaway(code: number, lastStreamId: number): void {
    this.#isLeaving = true;
    this.#lastStreamId = lastStreamId;
    this.#failure = `GOAWAY ${code}`;
    this.#options.log.info("fcm session said goodbye", { code, lastStreamId, inFlight: this.#inFlight });
    if (!this.#session.closed) this.#session.close();
    this.#options.onChange();
  }

  #becomeReady(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#failure = "connect timeout";
        this.#session.destroy();
      }, CONNECT_TIMEOUT_MS);
      this.#session.once("remoteSettings", () => {
        clearTimeout(timer);
        this.#isReady = true;
        resolve(true);
        this.#options.onChange();
      });
      this.#session.once("close", () => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  }
}
