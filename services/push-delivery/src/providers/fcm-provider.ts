import { buildFcmBody } from "@strata/push-payload";
import { FcmAccessToken, type AccessTokenResult, type ServiceAccountKey } from "./fcm-access-token.ts";
import { fcmWord, judgeFcmAnswer } from "./fcm-answers.ts";
import { FcmSessions } from "./fcm-sessions.ts";
import { LaneState } from "./lane-state.ts";
import { type Pace, sendAtPace } from "./pace.ts";
import { type AskOptions, type ProviderAnswer, unasked } from "./provider-answer.ts";
import {
  MAX_PUSHES_PER_SEND,
  type ProviderLog,
  type Push,
  type PushProvider,
  type PushResult,
} from "./push-provider.ts";
import { QUIET_MS } from "./session-watchdog.ts";
import { StreamWindow } from "./stream-window.ts";

export interface FcmProviderOptions {
  readonly serviceAccount: ServiceAccountKey;
  /** Null: Google's own. */
  readonly url: string | null;
  /** Null: Google's own token endpoint. */
  readonly tokenUrl: string | null;
  /** PEM of the CA to trust instead of the system's; null in production. */
  readonly ca: string | null;
  readonly log: ProviderLog;
  readonly sessions?: number;
  readonly maxStreamsPerSession?: number;
  readonly requestTimeoutMs?: number;
  /** How long a busy connection may be silent before it is pinged, and may then take to answer. */
  readonly quietMs?: number;
  /** Until when a send begins requests, from its own beginning; each of them has its timeout besides. */
  readonly sendDeadlineMs?: number;
  readonly lane?: LaneState;
  /** Null: as fast as the provider takes it. */
  readonly pace?: Pace | null;
}

const FCM_URL = "https://fcm.googleapis.com";
const SESSIONS = 4; // Four sessions of 100 streams carried 23,500 pushes per second, one carried 14,700.
const MAX_STREAMS_PER_SESSION = 100;
const REQUEST_TIMEOUT_MS = 10_000;
const SEND_DEADLINE_MS = 30_000;
const ATTEMPTS = 3;

/** Opens one client for one service account; it connects with the first push. */
export function openFcmProvider(options: FcmProviderOptions): PushProvider {
  return new FcmProvider(options);
}

class FcmProvider implements PushProvider {
  readonly kind = "fcm";
  readonly #options: FcmProviderOptions;
  readonly #accessToken: FcmAccessToken;
  readonly #sessions: FcmSessions;
  readonly #lane: LaneState;
  readonly #window: StreamWindow;
  readonly #sending = new Set<Promise<unknown>>();
  readonly #authority: string;
  readonly #path: string;
  #isClosed = false;

  constructor(options: FcmProviderOptions) {
    const { maxStreamsPerSession = MAX_STREAMS_PER_SESSION, requestTimeoutMs = REQUEST_TIMEOUT_MS, ca, log } = options;
    const url = options.url ?? FCM_URL;
    this.#options = options;
    this.#lane = options.lane ?? new LaneState();
    this.#authority = new URL(url).host;
    this.#path = `/v1/projects/${encodeURIComponent(options.serviceAccount.project_id)}/messages:send`;
    this.#accessToken = new FcmAccessToken(options);
    const onChange = () => this.#window.wake();
    this.#sessions = new FcmSessions(
      {
        url,
        ca,
        log,
        requestTimeoutMs,
        quietMs: options.quietMs ?? QUIET_MS,
        maxStreams: maxStreamsPerSession,
        onChange,
      },
      options.sessions ?? SESSIONS,
    );
    this.#window = new StreamWindow(() => this.#lane.paced(this.#sessions.capacity));
  }

  async send(pushes: readonly Push[]): Promise<readonly PushResult[]> {
    if (pushes.length > MAX_PUSHES_PER_SEND) throw new RangeError(`At most ${MAX_PUSHES_PER_SEND} pushes in one send`);
    if (this.#isClosed) return pushes.map(() => this.#notSent("provider closed"));
    const deadline = Date.now() + (this.#options.sendDeadlineMs ?? SEND_DEADLINE_MS);
    const sending = this.#sendAll(pushes, deadline);
    this.#sending.add(sending);
    return sending.finally(() => this.#sending.delete(sending));
  }

  async ask(push: Push, { isDryRun }: AskOptions): Promise<ProviderAnswer> {
    const built = buildFcmBody(push);
    if (built.kind === "unsendable") return unasked("unsendable", built.reason);
    const body = isDryRun ? asDryRun(built.payload) : built.payload;
    if (!(await this.#window.enter(REQUEST_TIMEOUT_MS))) return unasked("unanswered", "no stream free in time");
    try {
      let access = await this.#accessToken.get();
      for (let attempt = 1; ; attempt += 1) {
        if (access.kind !== "token")
          return unasked(access.kind === "refused" ? "refused" : "unanswered", access.reason);
        const answer = await this.#sessions.request(this.#headers(access.token), body);
        if (answer.kind === "unanswered") return unasked("unanswered", answer.reason);
        // The access token ran out, which says nothing yet about the service account.
        if (answer.status !== 401 || attempt > 1) return fcmWord(answer);
        access = await this.#accessToken.renewed(access.token);
      }
    } finally {
      this.#window.leave();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#sending);
    this.#sessions.destroy();
  }

  async #sendAll(pushes: readonly Push[], deadline: number): Promise<readonly PushResult[]> {
    const pace = this.#options.pace ?? null;
    const results = await sendAtPace(pace, this.#lane, pushes, (push) => this.#sendOne(push, deadline));
    return this.#lane.tokens.review(results);
  }

  async #sendOne(push: Push, deadline: number): Promise<PushResult> {
    if (!(await this.#window.enter(Math.max(0, deadline - Date.now())))) return this.#notSent("no stream free in time");
    try {
      // Made only now: tens of thousands may wait for a stream, and their bodies would fill the memory.
      const built = buildFcmBody(push);
      if (built.kind === "unsendable") return { kind: "rejected", reason: built.reason };
      // Asked only now: what the pushes before this one were answered may have closed the lane meanwhile.
      return await this.#lane.run(() => this.#attempt(built.payload, deadline));
    } finally {
      this.#window.leave();
    }
  }

  async #attempt(body: string, deadline: number): Promise<PushResult> {
    let access = await this.#accessToken.get();
    let isRenewed = false;
    for (let attempt = 1; ; attempt += 1) {
      if (access.kind !== "token") return this.#withoutToken(access);
      const answer = await this.#sessions.request(this.#headers(access.token), body);
      const mayTryAgain = attempt < ATTEMPTS && Date.now() < deadline && this.#lane.blocked() === null;
      if (answer.kind === "unanswered") {
        // Refused streams (above the GOAWAY's last one) were not looked at, so sending them again repeats nothing.
        if (answer.isUnprocessed && answer.isConnected && mayTryAgain) continue;
        return this.#unanswered(answer);
      }
      if (answer.status === 401 && !isRenewed && mayTryAgain) {
        isRenewed = true;
        access = await this.#accessToken.renewed(access.token);
        continue;
      }
      const isOpen = this.#lane.blocked() === null;
      const result = judgeFcmAnswer(answer, this.#lane);
      if (answer.status === 429 && isOpen && result.kind === "unavailable") {
        this.#options.pace?.slowDown(result.retryAfterMs);
      }
      return result;
    }
  }

  #headers(token: string): Readonly<Record<string, string>> {
    return {
      ":method": "POST",
      ":path": this.#path,
      ":authority": this.#authority,
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
    };
  }

  #withoutToken(access: Exclude<AccessTokenResult, { kind: "token" }>): PushResult {
    const { kind, reason } = access;
    if (kind === "refused") {
      this.#lane.refuse();
      return { kind: "credential-refused", reason };
    }
    this.#lane.failed();
    const retryAfterMs = this.#lane.backOffMs();
    return { kind: "unavailable", reason, retryAfterMs, scope: "lane", mayHaveArrived: false };
  }

  #unanswered(answer: {
    readonly reason: string;
    readonly isUnprocessed: boolean;
    readonly isConnected: boolean;
  }): PushResult {
    const { reason, isUnprocessed, isConnected } = answer;
    this.#lane.failed();
    return {
      kind: "unavailable",
      reason,
      retryAfterMs: this.#lane.backOffMs(),
      // Without a connection every further push would only dial once more.
      scope: isConnected ? "push" : "lane",
      mayHaveArrived: !isUnprocessed,
    };
  }

  #notSent(reason: string): PushResult {
    return { kind: "unavailable", reason, retryAfterMs: this.#lane.backOffMs(), scope: "push", mayHaveArrived: false };
  }
}

/** The same message, which FCM then looks at and does not deliver. */
const asDryRun = (body: string): string => `{"validate_only":true,${body.slice(1)}`;
