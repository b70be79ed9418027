import { once } from "node:events";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { BearerTokens } from "./bearer-tokens.ts";
import type { Certificates } from "./certificates.ts";
import type { ReceivedPush } from "./device-book.ts";
import { apnsDoor, fcmDoor, tokenDoor, type Headers, type Verdict } from "./doors.ts";
import type { Fault, FaultPlan } from "./fault-plan.ts";
import { portOf } from "./port-of.ts";
import { apnsAnswer, type Answer, type Protocol } from "./provider-answers.ts";
import { WebPushService } from "./web-push-service.ts";

export interface PushServerDeps {
  readonly certificates: Certificates;
  readonly tokens: BearerTokens;
  readonly faults: FaultPlan;
  readonly maxConcurrentStreams: number;
  readonly received: (token: string, push: ReceivedPush) => void;
  readonly webPush: WebPushService;
}

/** What a peer does instead of answering. */
type Misbehaviour = Exclude<Fault["kind"], "answer" | "hold">;

/** One request, whichever HTTP version brought it. */
interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  /** The same as it came: what is encrypted is no text. */
  readonly bytes: Buffer;
  /** After GOAWAY the client gives the streams above it up by itself; taking them now would push them twice. */
  isGivenUp(): boolean;
  answer(answer: Answer): void;
  misbehave(kind: Misbehaviour): void;
}

const APNS_PATH = /^\/3\/device\/([^/]+)$/;
const FCM_PATH = /^\/v1\/projects\/([^/]+)\/messages:send$/;
const MAX_BODY_BYTES = 64 * 1_024;

/** The phone's public side: FCM, APNs and Google's token endpoint on one TLS port, by HTTP/2 or HTTP/1.1. */
export class PushServer {
  readonly counts = { sessions_opened: 0, requests: 0, faults: 0, dry_runs: 0 };
  /** Answers by protocol and reason; what was answered well is counted as "ok". */
  readonly answers: Record<string, Record<string, number>> = { fcm: {}, apns: {}, webpush: {}, oauth: {} };
  readonly #deps: PushServerDeps;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<Http2Session>();
  /** Answers that are held back, the oldest first. */
  readonly #held: (() => void)[] = [];
  readonly #sockets = new Map<number, Socket>();
  /** Sessions that got a GOAWAY, with the last stream that is still answered. */
  readonly #leaving = new WeakMap<Http2Session, number>();

  private constructor(deps: PushServerDeps) {
    this.#deps = deps;
    const { certPem, keyPem } = deps.certificates;
    this.#server = createSecureServer({
      cert: certPem,
      key: keyPem,
      allowHTTP1: true,
      maxSessionMemory: 200,
      streamResetBurst: 100_000, // A client that gives up 1,000 hung streams is a test of ours, not an attack.
      streamResetRate: 100_000,
      settings: { maxConcurrentStreams: deps.maxConcurrentStreams },
    });
    this.#server.on("request", (request, response) => {
      this.#onHttp1(request, response).catch(() => request.destroy());
    });
    // The listener above also installs node's compatibility layer for HTTP/2, which would answer every stream a second time.
    this.#server.removeAllListeners("stream");
    this.#server.on("stream", (stream, headers) => this.#onStream(stream, headers));
    this.#server.on("connection", (socket: Socket) => this.#track(socket));
    this.#server.on("session", (session) => {
      this.counts.sessions_opened += 1;
      this.#sessions.add(session);
      session.on("error", ignoreLostPeer);
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server.on("tlsClientError", ignoreLostPeer);
  }

  static async listen(deps: PushServerDeps, port: number, host: string): Promise<PushServer> {
    const server = new PushServer(deps);
    server.#server.listen(port, host);
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return portOf(this.#server);
  }

  get openSessions(): number {
    return this.#sessions.size;
  }

  /** The stream limit of new sessions, and at once of the open ones. */
  setMaxConcurrentStreams(maxConcurrentStreams: number): void {
    this.#server.updateSettings({ maxConcurrentStreams });
    for (const session of this.#sessions) session.settings({ maxConcurrentStreams });
  }

  get held(): number {
    return this.#held.length;
  }

  /** Answers the oldest of the pushes that are held back. */
  release(count: number): void {
    for (const answer of this.#held.splice(0, count)) answer();
  }

  /** Cuts every connection, as a provider's restart does. */
  dropConnections(): void {
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets.values()) socket.destroy();
    if (this.#server.listening) await once(this.#server, "close");
  }

  resetCounts(): void {
    Object.assign(this.counts, { requests: 0, faults: 0, dry_runs: 0 });
    for (const protocol of Object.keys(this.answers)) this.answers[protocol] = {};
    this.#held.length = 0;
  }

  #track(socket: Socket): void {
    const { remotePort } = socket;
    if (remotePort === undefined) return;
    this.#sockets.set(remotePort, socket);
    socket.on("close", () => this.#sockets.delete(remotePort));
    socket.on("error", ignoreLostPeer);
  }

  #onStream(stream: ServerHttp2Stream, headers: Headers): void {
    stream.on("error", ignoreLostPeer);
    const { session } = stream;
    if (session === undefined) return;
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    stream.on("end", () => {
      if (stream.aborted) return; // A connection that breaks off ends its streams too, in the middle of a body.
      this.#handle({
        method: String(headers[":method"]),
        path: String(headers[":path"]),
        headers,
        ...bodyOf(chunks),
        isGivenUp: () => (stream.id ?? 0) > (this.#leaving.get(session) ?? Number.MAX_SAFE_INTEGER),
        answer: ({ status, headers: fields, body }) => {
          if (stream.destroyed || stream.headersSent) return;
          stream.respond({ ...fields, ":status": status }, { endStream: body === "" });
          if (body !== "") stream.end(body);
        },
        misbehave: (kind) => this.#misbehave(kind, stream, session),
      }).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
  }

  // Node hands HTTP/1.1 requests to the same listener; these types name the part that both versions have in common.
  async #onHttp1(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    await this.#handle({
      method: request.method,
      path: request.url,
      headers: request.headers,
      ...bodyOf(chunks),
      isGivenUp: () => false,
      answer: ({ status, headers, body }) => {
        response.writeHead(status, headers);
        response.end(body);
      },
      misbehave: (kind) => {
        if (kind !== "hang") request.socket.destroy();
      },
    });
  }

  async #handle(exchange: Exchange): Promise<void> {
    this.counts.requests += 1;
    const { method, path, headers, body } = exchange;
    if (path === "/token") return this.#onToken(exchange);
    if (WebPushService.isPath(path) && method === "POST") {
      return this.#onPush("webpush", exchange, await this.#deps.webPush.door({ path, headers, body: exchange.bytes }));
    }
    const token = APNS_PATH.exec(path)?.[1];
    const projectId = FCM_PATH.exec(path)?.[1];
    if (method !== "POST") return this.#answer("apns", exchange, "MethodNotAllowed", apnsAnswer("MethodNotAllowed"));
    if (token !== undefined) {
      const verdict = await apnsDoor(this.#deps.tokens, { token: decodeURIComponent(token), headers, body });
      return this.#onPush("apns", exchange, verdict);
    }
    if (projectId !== undefined) {
      return this.#onPush("fcm", exchange, fcmDoor(this.#deps.tokens, { projectId, headers, body }));
    }
    this.#answer("apns", exchange, "BadPath", apnsAnswer("BadPath"));
  }

  async #onToken(exchange: Exchange): Promise<void> {
    const fault = this.#deps.faults.next("oauth", "");
    if (fault !== null && fault.kind !== "hold") return this.#fault("oauth", exchange, fault);
    const answer = await tokenDoor(this.#deps.tokens, exchange.body);
    const giveAnswer = () => this.#answer("oauth", exchange, answer.status === 200 ? "ok" : "invalid_grant", answer);
    if (fault === null) giveAnswer();
    else this.#hold(giveAnswer);
  }

  #onPush(protocol: Protocol, exchange: Exchange, verdict: Verdict): void {
    if (exchange.isGivenUp()) return;
    if (verdict.kind === "refused") return this.#answer(protocol, exchange, verdict.reason, verdict.answer);
    const { token, push, answer, isDryRun } = verdict;
    const fault = this.#deps.faults.next(protocol, token);
    if (isDryRun) this.counts.dry_runs += 1;
    const receiver = protocol === "webpush" ? this.#deps.webPush : this.#deps;
    const take = () => {
      if (!isDryRun) receiver.received(token, push);
    };
    if (fault?.arrives === true) take();
    if (fault?.kind === "hold") {
      return this.#hold(() => {
        if (exchange.isGivenUp()) return;
        if (!fault.arrives) take();
        this.#answer(protocol, exchange, "ok", answer);
      });
    }
    if (fault !== null) return this.#fault(protocol, exchange, fault);
    take();
    this.#answer(protocol, exchange, "ok", answer);
  }

  #hold(answer: () => void): void {
    this.counts.faults += 1;
    this.#held.push(answer);
  }

  #fault(protocol: string, exchange: Exchange, fault: Exclude<Fault, { readonly kind: "hold" }>): void {
    this.counts.faults += 1;
    if (fault.kind === "answer") {
      return this.#answer(protocol, exchange, `scripted_${fault.answer.status}`, fault.answer);
    }
    this.#count(protocol, `scripted_${fault.kind}`);
    exchange.misbehave(fault.kind);
  }

  #answer(protocol: string, exchange: Exchange, reason: string, answer: Answer): void {
    this.#count(protocol, reason);
    exchange.answer(answer);
  }

  #count(protocol: string, reason: string): void {
    const counts = (this.answers[protocol] ??= {});
    counts[reason] = (counts[reason] ?? 0) + 1;
  }

  #misbehave(kind: Misbehaviour, stream: ServerHttp2Stream, session: Http2Session): void {
    const port = session.socket.remotePort;
    switch (kind) {
      case "hang":
        return;
      case "refuse":
        return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      case "reset":
        if (port !== undefined) this.#sockets.get(port)?.resetAndDestroy();
        return;
      case "goaway":
        this.#goaway(session, (stream.id ?? 0) - 2); // Client streams are odd: the one before this one.
        // A last stream id of 0 would mean "the latest", so this stream is refused by itself too.
        return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      case "goaway-unanswered":
        this.#goaway(session, stream.id ?? 0);
        // The frame leaves with the next write of this turn; the connection goes right behind it.
        setImmediate(() => session.destroy());
    }
  }

  #goaway(session: Http2Session, lastStreamId: number): void {
    this.#leaving.set(session, lastStreamId);
    session.goaway(constants.NGHTTP2_NO_ERROR, Math.max(lastStreamId, 0));
  }
}

function bodyOf(chunks: readonly Buffer[]): { readonly body: string; readonly bytes: Buffer } {
  const bytes = Buffer.concat(chunks);
  return { body: bytes.toString("utf8"), bytes };
}

// A client that goes away in the middle is what this server is for; the client's side of the story is what tests look at.
function ignoreLostPeer(): void {}
