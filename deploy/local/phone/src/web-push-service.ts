import { createECDH, type ECDH, randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import type { ReceivedPush } from "./device-book.ts";
import type { Headers, Verdict } from "./doors.ts";
import type { Answer } from "./provider-answers.ts";
import { verifyVapid } from "./vapid.ts";
import { decryptPush, type SubscriptionSecrets } from "./web-push-cipher.ts";

/** A browser's `PushSubscription`, as it gives it to its page's backend. */
export interface WebPushSubscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

interface Subscription extends SubscriptionSecrets {
  readonly ecdh: ECDH;
  /** The VAPID key that alone may send to it, where its page named one. */
  readonly applicationServerKey: string | null;
  isOnline: boolean;
  /** What it gets once it is online again, oldest first. */
  held: { readonly topic: string | null; readonly push: ReceivedPush }[];
}

const WEB_PUSH_PATH = "/webpush/";
const MAX_BODY_BYTES = 4_096;
const MAX_SUBSCRIPTIONS = 100_000;
const MAX_HELD = 100;
const TOPIC = /^[\w-]{1,32}$/;
const URGENCIES = new Set(["very-low", "low", "normal", "high"]);
const HEADERS = ["ttl", "topic", "urgency", "content-encoding"];

const Text = z.string().nullish();
/** What a service worker of Strata's is given. */
const Shown = z.looseObject({
  title: Text,
  body: Text,
  tag: Text,
  data: z.looseObject({ announcement_id: Text, user_id: Text }).default({}),
});

/** A push service of browsers (RFC 8030), and the browsers behind it: they decrypt what it brings them. */
export class WebPushService {
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #ended = new Set<string>();
  readonly #delivered: (endpoint: string, push: ReceivedPush) => void;

  constructor(delivered: (endpoint: string, push: ReceivedPush) => void) {
    this.#delivered = delivered;
  }

  subscribe(origin: string, applicationServerKey: string | null): WebPushSubscription {
    const ecdh = createECDH("prime256v1");
    const p256dh = ecdh.generateKeys("base64url");
    const auth = randomBytes(16);
    const endpoint = `${origin}${WEB_PUSH_PATH}${randomUUID()}`;
    const [oldest] = this.#subscriptions.keys();
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS && oldest !== undefined) this.#subscriptions.delete(oldest);
    this.#subscriptions.set(pathOf(endpoint), { ecdh, auth, applicationServerKey, isOnline: true, held: [] });
    return { endpoint, keys: { p256dh, auth: auth.toString("base64url") } };
  }

  /** As if its user had taken the permission away: what is sent there is answered 410. */
  unsubscribe(endpoint: string): void {
    if (this.#ended.size >= MAX_SUBSCRIPTIONS) this.#ended.clear();
    if (this.#subscriptions.delete(pathOf(endpoint))) this.#ended.add(pathOf(endpoint));
  }

  /** A browser that is offline gets its pushes later; of those with one topic the last alone. */
  setOnline(endpoint: string, isOnline: boolean): void {
    const subscription = this.#subscriptions.get(pathOf(endpoint));
    if (subscription === undefined) return;
    subscription.isOnline = isOnline;
    if (!isOnline) return;
    for (const { push } of subscription.held) this.#delivered(endpoint, push);
    subscription.held = [];
  }

  /** Brings what was accepted to its browser, or keeps it for then. */
  received(endpoint: string, push: ReceivedPush): void {
    const subscription = this.#subscriptions.get(pathOf(endpoint));
    if (subscription === undefined || subscription.isOnline) return this.#delivered(endpoint, push);
    if (Number(push.headers["ttl"]) === 0) return;
    const topic = push.headers["topic"] ?? null;
    const others = subscription.held.filter((held) => topic === null || held.topic !== topic);
    subscription.held = [...others, { topic, push }].slice(-MAX_HELD);
  }

  static isPath(path: string): boolean {
    return path.startsWith(WEB_PUSH_PATH);
  }

  /** What a push service checks of a push, and what the browser makes of it. */
  async door(request: { readonly path: string; readonly headers: Headers; readonly body: Buffer }): Promise<Verdict> {
    const { path, headers, body } = request;
    const subscription = this.#subscriptions.get(path);
    if (subscription === undefined) return this.#ended.has(path) ? refused(410, "gone") : refused(404, "unknown");
    const origin = `https://${text(headers["host"] ?? headers[":authority"])}`;
    const vapid = await verifyVapid(text(headers["authorization"]), origin);
    if (vapid.kind === "refused") return refused(vapid.status, vapid.reason);
    const { applicationServerKey } = subscription;
    if (applicationServerKey !== null && applicationServerKey !== vapid.publicKey) return refused(403, "another key");
    const malformed = malformedHeader(headers);
    if (malformed !== null) return refused(400, malformed);
    if (body.length > MAX_BODY_BYTES) return refused(413, "too large");
    const endpoint = `${origin}${path}`;
    const location = `${endpoint}/messages/${randomUUID()}`;
    const answer: Answer = { status: 201, headers: { location }, body: "" };
    try {
      const payload = decryptPush(body, subscription).toString("utf8");
      return { kind: "push", token: endpoint, push: pushOf(location, headers, payload), answer, isDryRun: false };
    } catch {
      // The push service cannot tell; the browser drops it.
      return { kind: "refused", reason: "undecryptable", answer };
    }
  }
}

function malformedHeader(headers: Headers): string | null {
  if (!/^\d+$/.test(text(headers["ttl"]))) return "TTL";
  if (headers["topic"] !== undefined && !TOPIC.test(text(headers["topic"]))) return "Topic";
  if (headers["urgency"] !== undefined && !URGENCIES.has(text(headers["urgency"]))) return "Urgency";
  return text(headers["content-encoding"]) === "aes128gcm" ? null : "Content-Encoding";
}

function pushOf(id: string, headers: Headers, payload: string): ReceivedPush {
  const { title = null, body = null, tag = null, data } = Shown.parse(JSON.parse(payload));
  return {
    id,
    protocol: "webpush",
    received_at: new Date().toISOString(),
    collapse_id: tag,
    silent: title === null && body === null,
    title,
    text: body,
    announcement_id: data.announcement_id ?? null,
    user_id: data.user_id ?? null,
    headers: Object.fromEntries(HEADERS.flatMap((name) => (name in headers ? [[name, text(headers[name])]] : []))),
    payload: JSON.parse(payload),
  };
}

const refused = (status: number, reason: string): Verdict => ({
  kind: "refused",
  reason,
  answer: { status, headers: { "content-type": "application/json" }, body: JSON.stringify({ reason }) },
});

const pathOf = (endpoint: string): string => new URL(endpoint).pathname;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
