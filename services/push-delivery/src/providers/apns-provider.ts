import { constants, type ClientHttp2Stream, type Http2Session } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { Provider, type Notification, type ResponseFailure } from "@parse/node-apn";
import { apnsWord, judgeApnsAnswer, type ApnsAnswer } from "./apns-answers.ts";
import { buildApnsNotification } from "./apns-payload.ts";
import { unwatchStream, watchStream, type WatchedStream } from "./apns-stream-watch.ts";
import { LaneState } from "./lane-state.ts";
import { type Pace, sendAtPace } from "./pace.ts";
import { type ProviderAnswer, unasked } from "./provider-answer.ts";
import {
  MAX_PUSHES_PER_SEND,
  type ProviderLog,
  type Push,
  type PushProvider,
  type PushResult,
} from "./push-provider.ts";
import { QUIET_MS, SessionWatchdog } from "./session-watchdog.ts";
import { StreamWindow } from "./stream-window.ts";

export interface ApnsProviderOptions {
  readonly credential: {
    readonly teamId: string;
    readonly keyId: string;
    /** PKCS#8 PEM of the .p8 file. */
    readonly privateKey: string;
    readonly bundleId: string;
    readonly environment: "production" | "development";
  };
  /** Null: Apple's own host for the credential's environment. */
  readonly endpoint: { readonly address: string; readonly port: number } | null;
  /** PEM of the CA to trust instead of the system's; null in production. */
  readonly ca: string | null;
  readonly log: ProviderLog;
  readonly requestTimeoutMs?: number;
  /** How long a busy connection may be silent before it is pinged, and may then take to answer. */
  readonly quietMs?: number;
  /** Until when a send begins requests, from its own beginning; each of them has its timeout besides. */
  readonly sendDeadlineMs?: number;
  readonly maxStreams?: number;
  readonly lane?: LaneState;
  /** Null: as fast as the provider takes it. */
  readonly pace?: Pace | null;
}

const REQUEST_TIMEOUT_MS = 5_000;
const SEND_DEADLINE_MS = 30_000;
// Well below what overruns the session's 10 MB of memory, and enough for 18,000 pushes per second at 30 ms.
const MAX_STREAMS = 500;
const ATTEMPTS = 3;
const CLOSE_WAIT_MS = 2_000;
const TIMEOUT_GRACE_MS = 500;
const CANNOT_SIGN = "the key can not sign";
const TIMED_OUT = "no answer and no timeout of the library";

/** Opens one client for one APNs key. A key that can not sign makes every push `credential-refused`, not an exception. */
export function openApnsProvider(options: ApnsProviderOptions): PushProvider {
  return new ApnsProvider(options);
}

class ApnsProvider implements PushProvider {
  readonly kind = "apns";
  readonly #options: ApnsProviderOptions;
  readonly #client: Provider | null;
  readonly #lane: LaneState;
  readonly #window: StreamWindow;
  readonly #sending = new Set<Promise<unknown>>();
  readonly #answeredAt = new WeakMap<Http2Session, number>();
  /** The last stream that the peer took before its GOAWAY. */
  readonly #lastStreamId = new WeakMap<Http2Session, number>();
  #session: Http2Session | null = null;
  #watchdog: SessionWatchdog | null = null;
  #isClosed = false;

  constructor(options: ApnsProviderOptions) {
    this.#options = options;
    this.#lane = options.lane ?? new LaneState();
    this.#window = new StreamWindow(() => this.#lane.paced(this.#streamLimit()));
    this.#client = this.#openClient();
  }

  async send(pushes: readonly Push[]): Promise<readonly PushResult[]> {
    if (pushes.length > MAX_PUSHES_PER_SEND) throw new RangeError(`At most ${MAX_PUSHES_PER_SEND} pushes in one send`);
    if (this.#isClosed) return pushes.map(() => this.#notSent("provider closed"));
    const deadline = Date.now() + (this.#options.sendDeadlineMs ?? SEND_DEADLINE_MS);
    // One library call per push: the payload carries the user's id, so no two are alike, and each has an apns-id of its own.
    const sending = this.#sendAll(pushes, deadline);
    this.#sending.add(sending);
    return sending.finally(() => this.#sending.delete(sending));
  }

  /** APNs has no dry run: what no phone is to get goes to a token that no phone has. */
  async ask(push: Push): Promise<ProviderAnswer> {
    const client = this.#client;
    if (client === null) return unasked("refused", CANNOT_SIGN);
    const built = buildApnsNotification(push, this.#options.credential.bundleId);
    if (built.kind === "unsendable") return unasked("unsendable", built.reason);
    if (!(await this.#window.enter(REQUEST_TIMEOUT_MS))) return unasked("unanswered", "no stream free in time");
    try {
      const answer = await this.#request(client, built.payload, push.device.token);
      const isExpired = answer.kind === "answered" && answer.reason === "ExpiredProviderToken";
      // The library has signed a new token by now.
      const last = isExpired ? await this.#request(client, built.payload, push.device.token) : answer;
      return apnsWord(last, built.payload.id);
    } finally {
      this.#window.leave();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#sending);
    const client = this.#client;
    if (client === null) return;
    const shutDown = new Promise<void>((resolve) => void client.shutdown(resolve));
    // The library waits for its session to close by itself, which a peer that hangs can put off for ever.
    await Promise.race([shutDown, delay(CLOSE_WAIT_MS, undefined, { ref: false })]);
    this.#session?.destroy();
  }

  #openClient(): Provider | null {
    const { credential, endpoint, ca, log, requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    try {
      return new Provider({
        token: { key: credential.privateKey, keyId: credential.keyId, teamId: credential.teamId },
        production: credential.environment === "production", // Else NODE_ENV would decide.
        ...(endpoint === null ? {} : { address: endpoint.address, port: endpoint.port }),
        ...(ca === null ? {} : { ca: [ca] }),
        requestTimeout: requestTimeoutMs,
        // Its retries ignore Retry-After (they look for a header name in capitals) and would ask again at once.
        connectionRetryLimit: 0,
      });
    } catch (error) {
      log.error("apns key refused by the library", { keyId: credential.keyId, error });
      return null;
    }
  }

  async #sendAll(pushes: readonly Push[], deadline: number): Promise<readonly PushResult[]> {
    const pace = this.#options.pace ?? null;
    const results = await sendAtPace(pace, this.#lane, pushes, (push) => this.#sendOne(push, deadline));
    return this.#lane.tokens.review(results);
  }

  async #sendOne(push: Push, deadline: number): Promise<PushResult> {
    const client = this.#client;
    if (client === null) return { kind: "credential-refused", reason: CANNOT_SIGN };
    if (!(await this.#window.enter(Math.max(0, deadline - Date.now())))) return this.#notSent("no stream free in time");
    try {
      // Made only now: tens of thousands may wait for a stream, and their bodies would fill the memory.
      const built = buildApnsNotification(push, this.#options.credential.bundleId);
      if (built.kind === "unsendable") return { kind: "rejected", reason: built.reason };
      // Asked only now: what the pushes before this one were answered may have closed the lane meanwhile.
      return await this.#lane.run(() => this.#attempt(client, built.payload, push.device.token, deadline));
    } finally {
      this.#window.leave();
    }
  }

  async #attempt(client: Provider, notification: Notification, token: string, deadline: number): Promise<PushResult> {
    let isTokenRenewed = false;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#request(client, notification, token);
      const mayTryAgain = attempt < ATTEMPTS && Date.now() < deadline && this.#lane.blocked() === null;
      // Refused streams (above the GOAWAY's last one) were not looked at, so sending them again, with the same id, repeats nothing.
      if (answer.kind === "unanswered" && answer.isUnprocessed && answer.isConnected && mayTryAgain) continue;
      // The library has signed a new token by now, one for all that failed with the old one.
      const isExpired = answer.kind === "answered" && answer.reason === "ExpiredProviderToken";
      if (isExpired && !isTokenRenewed && mayTryAgain) {
        isTokenRenewed = true;
        continue;
      }
      return this.#judge(answer, notification.id);
    }
  }

  async #request(client: Provider, notification: Notification, token: string): Promise<ApnsAnswer> {
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const onSession = (session: Http2Session) => this.#onSession(session);
    // The library has heard of a closed stream by the next turn, or it never will.
    const onClosed = () => setImmediate(resolve, { lost: "connection lost" });
    const watched = watchStream(notification.id, { onSession, onClosed });
    const timer = setTimeout(resolve, requestTimeoutMs + TIMEOUT_GRACE_MS, { lost: TIMED_OUT });
    client.send(notification, token).then(
      ({ sent, failed }) => resolve(sent.length === 1 ? "accepted" : (failed[0] ?? { lost: "no result" })),
      (error: unknown) => resolve({ lost: String(error) }),
    );
    const outcome = await promise;
    clearTimeout(timer);
    unwatchStream(notification.id);
    return this.#answerOf(outcome, watched);
  }

  #answerOf(outcome: Outcome, watched: WatchedStream): ApnsAnswer {
    const { stream, session, retryAfter } = watched;
    const failure = outcome === "accepted" || "lost" in outcome ? null : outcome;
    // After GOAWAY the library forgets the answers that it would have retried; the stream has their status.
    const status = outcome === "accepted" ? 200 : (failure?.status ?? watched.status ?? Number.NaN);
    if (Number.isInteger(status)) {
      if (session !== null) this.#answeredAt.set(session, Date.now());
      if (session === this.#session) this.#watchdog?.heard();
      // A shutting-down server answers 503 on a connection that it will not serve again; the next push dials anew.
      if (status >= 500) session?.close();
    }
    if (status === 200) return { kind: "accepted" };
    const reason = knownReason(failure, status);
    if (Number.isInteger(status) && reason !== null) {
      const timestamp = Number(failure?.response?.timestamp ?? Number.NaN);
      return { kind: "answered", status, reason, timestamp: Number.isFinite(timestamp) ? timestamp : null, retryAfter };
    }
    const lost =
      outcome !== "accepted" && "lost" in outcome ? outcome.lost : (failure?.error?.message ?? "connection lost");
    const isTimeout = lost === TIMED_OUT || lost === "apn write timeout";
    if (isTimeout && session !== null) this.#onTimeout(session);
    return {
      kind: "unanswered",
      reason: isTimeout ? "timeout" : lost,
      isUnprocessed: Number.isInteger(status) || this.#isUnprocessed(stream, session),
      // Without a stream: either there is no connection to be had, or one that worked closed in the moment between.
      isConnected: stream?.id !== undefined || this.#hasAnswered(session ?? this.#session),
    };
  }

  #isUnprocessed(stream: ClientHttp2Stream | null, session: Http2Session | null): boolean {
    if (stream?.id === undefined || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true;
    const lastStreamId = session === null ? undefined : this.#lastStreamId.get(session);
    return lastStreamId !== undefined && stream.id > lastStreamId;
  }

  #hasAnswered(session: Http2Session | null): boolean {
    return session !== null && this.#answeredAt.has(session);
  }

  // A session on which nothing was answered meanwhile is dead without knowing; the library would keep it for hours.
  #onTimeout(session: Http2Session): void {
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    if ((this.#answeredAt.get(session) ?? 0) <= Date.now() - requestTimeoutMs) session.destroy();
  }

  #judge(answer: ApnsAnswer, apnsId: string): PushResult {
    const wasOpen = this.#lane.blocked() === null;
    const result = judgeApnsAnswer(answer, this.#lane, apnsId);
    const isTooMany =
      answer.kind === "answered" && answer.status === 429 && answer.reason !== "TooManyProviderTokenUpdates";
    if (isTooMany && wasOpen && this.#lane.blocked() !== null && result.kind === "unavailable") {
      this.#options.pace?.slowDown(result.retryAfterMs);
    }
    return result;
  }

  #onSession(session: Http2Session): void {
    if (session === this.#session) return;
    this.#session = session;
    const { quietMs = QUIET_MS } = this.#options;
    this.#watchdog = new SessionWatchdog(session, { quietMs, isBusy: () => this.#window.inFlight > 0 });
    session.on("goaway", (_code, lastStreamId) => this.#lastStreamId.set(session, lastStreamId));
    session.on("remoteSettings", () => this.#window.wake());
  }

  // APNs allows one stream on a new connection until the first push has proved the token.
  #streamLimit(): number {
    const { maxStreams = MAX_STREAMS } = this.#options;
    const session = this.#session;
    if (session === null || session.destroyed || session.closed || !this.#hasAnswered(session)) return 1;
    return Math.min(session.remoteSettings.maxConcurrentStreams ?? maxStreams, maxStreams);
  }

  #notSent(reason: string): PushResult {
    return { kind: "unavailable", reason, retryAfterMs: this.#lane.backOffMs(), scope: "push", mayHaveArrived: false };
  }
}

type Outcome = "accepted" | ResponseFailure | { readonly lost: string };

/** Apple's word for a refusal; null when the library lost it and the status alone does not say enough. */
function knownReason(failure: ResponseFailure | null, status: number): string | null {
  if (failure?.response !== undefined) return failure.response.reason;
  // The library hides this one in an error of its own.
  if (failure?.error?.message.includes("ExpiredProviderToken") === true) return "ExpiredProviderToken";
  if (status === 500) return "InternalServerError";
  return status === 503 || status === 429 ? `status ${status}` : null;
}
