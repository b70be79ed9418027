import { ApiError } from "./session.js";

const ANSWER_MS = 15_000;
const SILENCE_MS = 30_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/**
 * One socket, opened again whenever it ends. Every packet has a number and a time: a missing number, like a lost connection,
 * is made good by Event.replay from the time of the last packet that had nothing missing before it.
 *
 * `onPacket` gets changes, signals and operations; the same may come twice. `onReload` is called where REST must say how
 * things are: when the first socket is open, and when the server's log does not reach back far enough.
 */
export class Socket {
  #options;
  #socket = null;
  #pending = new Map();
  #expected = 0;
  /** The server's time of the last packet, and of the last one that nothing is missing before. */
  #lastTime = null;
  #caughtUpTo = null;
  #isLive = false;
  /** What comes while everything is being read over REST: it is news to that. */
  #held = null;
  #retryMs = FIRST_RETRY_MS;
  #heardAt = 0;
  #timers = [];
  #isClosed = false;

  constructor(options) {
    this.#options = options;
    this.#timers.push(setInterval(() => this.#listen(), SILENCE_MS / 6));
    this.#open();
  }

  /** Resolves with `data` of the answer. @throws ApiError, or another error where nobody answered */
  request(method, data, objectId) {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("not connected"));
    const requestId = crypto.randomUUID();
    return new Promise((resolve, reject) => {
      // A socket that does not answer is as good as none.
      const timer = setTimeout(() => socket.close(), ANSWER_MS);
      this.#pending.set(requestId, { resolve, reject, timer });
      const body = { request_id: requestId, method, ...(objectId && { object_id: objectId }), data };
      socket.send(JSON.stringify({ type: "request", body }));
    });
  }

  /** Sends what nobody answers and nobody keeps. */
  signal(body) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: "signal", body }));
  }

  close() {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#socket?.close();
  }

  #open() {
    const { websocketUrl, session, onState } = this.#options;
    onState("connecting");
    const url = `${websocketUrl}/?session_token=${session.token}&client-id=${crypto.randomUUID()}`;
    const socket = new WebSocket(url, "layer-3.0");
    this.#socket = socket;
    this.#expected = 0;
    this.#isLive = false;
    socket.addEventListener("open", () => {
      this.#heardAt = Date.now();
      void this.#catchUp(socket);
    });
    socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(data), socket));
    socket.addEventListener("close", () => this.#ended());
  }

  #hear(packet, socket) {
    this.#heardAt = Date.now();
    const isGap = packet.counter !== this.#expected;
    this.#expected = packet.counter + 1;
    this.#lastTime = packet.timestamp;
    if (isGap && this.#isLive) void this.#catchUp(socket);
    // While something is missing, what came meanwhile is no point to go on from.
    if (this.#isLive) this.#caughtUpTo = packet.timestamp;
    if (packet.type === "response") this.#answered(packet);
    else if (this.#held) this.#held.push(packet);
    else this.#options.onPacket(packet);
  }

  #answered({ body }) {
    const { request_id: requestId, success, data } = body;
    const asked = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    clearTimeout(asked?.timer);
    if (success) asked?.resolve(data);
    else asked?.reject(new ApiError(data));
  }

  async #catchUp(socket) {
    this.#isLive = false;
    try {
      if (this.#caughtUpTo === null) await this.#reload();
      else await this.request("Event.replay", { from_timestamp: this.#caughtUpTo });
    } catch (error) {
      // Too long ago: REST knows. Anything else is tried again, with a new socket.
      if (error.id === "invalid_operation") await this.#reload().catch(() => socket.close());
      else socket.close();
    }
    if (this.#socket !== socket || socket.readyState !== WebSocket.OPEN) return;
    this.#isLive = true;
    this.#caughtUpTo = this.#lastTime ?? this.#caughtUpTo;
    this.#retryMs = FIRST_RETRY_MS;
    this.#options.onState("live");
  }

  async #reload() {
    this.#held = [];
    try {
      await this.#options.onReload();
    } finally {
      const held = this.#held;
      this.#held = null;
      for (const packet of held) this.#options.onPacket(packet);
    }
  }

  #ended() {
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new Error("the connection was lost"));
    }
    this.#pending.clear();
    if (this.#isClosed) return;
    this.#options.onState("offline");
    // Spread, so that not all pages come back in the same moment.
    this.#timers.push(setTimeout(() => this.#comeBack(), this.#retryMs * (0.5 + Math.random())));
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  async #comeBack() {
    // Pages cannot see why an upgrade was refused: REST says whether the session still lives, and begins another.
    await this.#options.session.api("GET", "/?action=validateConnectionForWebsocket").catch(() => undefined);
    if (!this.#isClosed) this.#open();
  }

  /** Notices a connection that is gone without a word. */
  #listen() {
    if (Date.now() - this.#heardAt > SILENCE_MS) this.request("Counter.read").catch(() => undefined);
  }
}
