import type { Http2Session } from "node:http2";

export interface WatchdogOptions {
  /** How long a busy connection may be silent before it is asked, and again how long it may take to answer. */
  readonly quietMs: number;
  readonly isBusy: () => boolean;
}

export const QUIET_MS = 2_000;
const IDLE_PING_MS = 30_000;

/**
 * Destroys a session whose peer is gone without a word, so that its streams end now and not at their timeouts. Needed not only
 * for pulled cables: Node 24 can miss a TCP reset on a TLS session that is writing (no close, no error, no pong; measured with 100
 * streams in flight), and node-apn only logs a lost pong.
 */
export class SessionWatchdog {
  readonly #session: Http2Session;
  readonly #options: WatchdogOptions;
  readonly #timer: NodeJS.Timeout;
  #heardAt = Date.now();
  #askedAt: number | null = null;

  constructor(session: Http2Session, options: WatchdogOptions) {
    this.#session = session;
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.quietMs / 2).unref();
    session.once("close", () => clearInterval(this.#timer));
  }

  /** Something came from the peer. */
  heard(): void {
    this.#heardAt = Date.now();
    this.#askedAt = null;
  }

  #look(): void {
    const now = Date.now();
    const { quietMs, isBusy } = this.#options;
    if (this.#askedAt !== null) {
      if (now - this.#askedAt >= quietMs) this.#session.destroy();
      return;
    }
    const isConnected = !this.#session.connecting && !this.#session.destroyed;
    if (!isConnected || now - this.#heardAt < (isBusy() ? quietMs : IDLE_PING_MS)) return;
    this.#askedAt = now;
    this.#session.ping((error) => {
      if (error === null) this.heard();
    });
  }
}
