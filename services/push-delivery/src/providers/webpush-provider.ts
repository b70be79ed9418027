import { Agent } from "node:https";
import { isPushService, type WebPushCredential } from "@strata/contracts";
import webPush from "web-push";
import type { z } from "zod";
import { LaneState } from "./lane-state.ts";
import { type ProviderAnswer, unasked } from "./provider-answer.ts";
import {
  MAX_PUSHES_PER_SEND,
  type ProviderLog,
  type Push,
  type PushProvider,
  type PushResult,
} from "./push-provider.ts";
import { StreamWindow } from "./stream-window.ts";
import { judgeWebPushAnswer, type PushServiceLane, wordOf } from "./webpush-answers.ts";
import { buildWebPushPayload, topicOf } from "./webpush-payload.ts";
import { type Answered, postToPushService, type WebPushRequest } from "./webpush-request.ts";

export interface WebPushProviderOptions {
  readonly credential: z.infer<typeof WebPushCredential>;
  /** Where it may send, as `PushServiceHosts` has them. */
  readonly hosts: readonly string[];
  /** PEM of the CA to trust instead of the system's; null in production. */
  readonly ca: string | null;
  readonly log: ProviderLog;
  /** Makes the lane of one more push service; absent: nobody looks at them. */
  readonly newLane?: () => LaneState;
  readonly socketsPerHost?: number;
  readonly requestTimeoutMs?: number;
  /** Until when a send begins requests, from its own beginning; each of them has its timeout besides. */
  readonly sendDeadlineMs?: number;
}

/** One push service with what it said lately. */
interface Host extends PushServiceLane {
  readonly name: string;
  readonly window: StreamWindow;
  authorization: { readonly header: string; readonly renewAt: number } | null;
}

/** Over HTTP/1.1 a connection carries one push at a time. */
const SOCKETS_PER_HOST = 64;
const SOCKETS_IN_ALL = 256;
const IDLE_SOCKET_MS = 30_000;
const REQUEST_TIMEOUT_MS = 10_000;
const SEND_DEADLINE_MS = 30_000;
const ATTEMPTS = 2;
/** Far above the push services there are; a bound, since Microsoft's have many names. */
const MAX_HOSTS = 256;
/** What all of them keep for, at most. */
const LONGEST_TTL_SECONDS = 28 * 86_400;
/** RFC 8292 allows a day; half of it bears clocks that differ. Signed once an hour, not once a push. */
const AUTHORIZATION_VALID_S = 12 * 3_600;
const AUTHORIZATION_USED_MS = 3_600_000;

/** Opens one client for one VAPID key pair; it connects with the first push, to each push service that it is for. */
export function openWebPushProvider(options: WebPushProviderOptions): PushProvider {
  return new WebPushProvider(options);
}

class WebPushProvider implements PushProvider {
  readonly kind = "webpush";
  readonly #options: WebPushProviderOptions;
  readonly #agent: Agent;
  readonly #hosts = new Map<string, Host>();
  readonly #sending = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: WebPushProviderOptions) {
    this.#options = options;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: options.socketsPerHost ?? SOCKETS_PER_HOST,
      maxTotalSockets: SOCKETS_IN_ALL,
      timeout: IDLE_SOCKET_MS,
      ...(options.ca === null ? {} : { ca: options.ca }),
    });
  }

  async send(pushes: readonly Push[]): Promise<readonly PushResult[]> {
    if (pushes.length > MAX_PUSHES_PER_SEND) throw new RangeError(`At most ${MAX_PUSHES_PER_SEND} pushes in one send`);
    if (this.#isClosed) return pushes.map(() => notSent("provider closed", new LaneState()));
    const deadline = Date.now() + (this.#options.sendDeadlineMs ?? SEND_DEADLINE_MS);
    const sending = this.#sendAll(pushes, deadline);
    this.#sending.add(sending);
    return sending.finally(() => this.#sending.delete(sending));
  }

  /** A push service has no dry run: it is sent. */
  async ask(push: Push): Promise<ProviderAnswer> {
    const built = buildWebPushPayload(push);
    if (built.kind === "unsendable") return unasked("unsendable", built.reason);
    const { token: endpoint } = push.device;
    if (!isPushService(this.#options.hosts, endpoint)) return unasked("unsendable", "push_service_not_allowed");
    const request = this.#encrypted(push, built.payload, this.#hostOf(new URL(endpoint)));
    if (request === null) return unasked("unsendable", "subscription_keys_invalid");
    const { requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    const answer = await postToPushService(request, { agent: this.#agent, timeoutMs });
    if (answer.kind === "unanswered") return unasked("unanswered", answer.reason);
    const { status, location, body } = answer;
    const isTaken = status >= 200 && status < 300;
    return {
      kind: "answered",
      status,
      reason: isTaken ? null : (wordOf(body) ?? `status ${status}`),
      providerId: isTaken ? location : null,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#sending);
    this.#agent.destroy();
  }

  async #sendAll(pushes: readonly Push[], deadline: number): Promise<readonly PushResult[]> {
    let results: readonly PushResult[] = await Promise.all(pushes.map((push) => this.#sendOne(push, deadline)));
    // Each looks at what its own push service said.
    for (const { state } of this.#hosts.values()) results = state.tokens.review(results);
    return results;
  }

  async #sendOne(push: Push, deadline: number): Promise<PushResult> {
    const built = buildWebPushPayload(push);
    if (built.kind === "unsendable") return { kind: "rejected", reason: built.reason };
    const { token: endpoint } = push.device;
    // Asked at the registration too, but the list may have become shorter since.
    if (!isPushService(this.#options.hosts, endpoint)) return { kind: "rejected", reason: "push_service_not_allowed" };
    const host = this.#hostOf(new URL(endpoint));
    if (!(await host.window.enter(Math.max(0, deadline - Date.now())))) {
      return notSent("no connection free in time", host.state);
    }
    try {
      // Asked only now: what the pushes before this one were answered may have closed the lane meanwhile.
      return await host.state.run(() => this.#attempt(push, built.payload, host));
    } finally {
      host.window.leave();
    }
  }

  async #attempt(push: Push, payload: string, host: Host): Promise<PushResult> {
    const request = this.#encrypted(push, payload, host);
    if (request === null) return { kind: "rejected", reason: "subscription_keys_invalid" };
    const { requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await postToPushService(request, { agent: this.#agent, timeoutMs });
      // Should the push service have seen it after all, the topic lets the second replace the first.
      if (answer.kind === "unanswered" && answer.isStale && attempt < ATTEMPTS) continue;
      const wasOpen = host.state.blocked() === null;
      const result = answer.kind === "answered" ? judgeWebPushAnswer(answer, host) : unanswered(answer, host.state);
      return this.#noteClosed(result, wasOpen, host);
    }
  }

  /** The request with its body encrypted for this browser alone; null where its keys are none. */
  #encrypted({ device, ...push }: Push, payload: string, host: Host): WebPushRequest | null {
    const { token: endpoint, webPushKeys: keys } = device;
    if (keys === undefined) return null;
    try {
      const { headers, body } = webPush.generateRequestDetails({ endpoint, keys: { ...keys } }, payload, {
        TTL: Math.min(push.ttlSeconds, LONGEST_TTL_SECONDS),
        urgency: push.priority,
        topic: topicOf(push),
        contentEncoding: "aes128gcm",
        headers: { Authorization: this.#authorizationFor(host) },
      });
      return { endpoint, headers, body };
    } catch {
      return null;
    }
  }

  #authorizationFor(host: Host): string {
    const now = Date.now();
    if (host.authorization === null || now >= host.authorization.renewAt) {
      const { subject, publicKey, privateKey } = this.#options.credential;
      const expiresAtS = Math.floor(now / 1_000) + AUTHORIZATION_VALID_S;
      const audience = `https://${host.name}`;
      const { Authorization: header } = webPush.getVapidHeaders(
        audience,
        subject,
        publicKey,
        privateKey,
        "aes128gcm",
        expiresAtS,
      );
      host.authorization = { header, renewAt: now + AUTHORIZATION_USED_MS };
    }
    return host.authorization.header;
  }

  #hostOf({ host: name }: URL): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const idle = [...this.#hosts.values()].find(({ window }) => window.inFlight === 0);
    if (this.#hosts.size >= MAX_HOSTS && idle !== undefined) this.#hosts.delete(idle.name);
    const state = this.#options.newLane?.() ?? new LaneState();
    const window = new StreamWindow(() => state.paced(this.#options.socketsPerHost ?? SOCKETS_PER_HOST));
    const host: Host = { name, state, window, hasAccepted: false, authorization: null };
    this.#hosts.set(name, host);
    return host;
  }

  /** One line in the log for the answer that closed a lane, none for those that were under way with it. */
  #noteClosed(result: PushResult, wasOpen: boolean, host: Host): PushResult {
    if (!wasOpen || host.state.blocked() === null || result.kind === "accepted") return result;
    this.#options.log.warn("web push lane closed", { host: host.name, outcome: result.kind, reason: result.reason });
    return result;
  }
}

function unanswered({ reason, isSent }: Extract<Answered, { kind: "unanswered" }>, state: LaneState): PushResult {
  state.failed();
  const backOffMs = state.backOffMs();
  // Without a connection every further push would only dial once more.
  return {
    kind: "unavailable",
    reason,
    retryAfterMs: backOffMs,
    scope: isSent ? "push" : "lane",
    mayHaveArrived: isSent,
  };
}

const notSent = (reason: string, state: LaneState): PushResult => ({
  kind: "unavailable",
  reason,
  retryAfterMs: state.backOffMs(),
  scope: "push",
  mayHaveArrived: false,
});
