import { setTimeout as wait } from "node:timers/promises";
import { WebSocket } from "ws";
import { nowMs, type Report, type Seen } from "./protocol.ts";

interface Slot {
  readonly url: string;
  readonly index: number;
  socket: WebSocket | null;
  isReached: boolean;
  isCaughtUp: boolean;
}

/** Upgrades under way of one process while nothing is measured. */
const OPENING = 100;
const HANDSHAKE_MS = 30_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
const MESSAGE_ID = /"id":"layer:\/\/\/messages\/([0-9a-f-]{36})"/;
const REPLAYED = /"type":"response".*"method":"Event\.replay"/;

/** Sockets of one purpose, as light as they can be: nothing is parsed, packets are searched for a text. */
export class ClientGroup {
  #slots: Slot[] = [];
  #marker: Buffer | null = null;
  #records = false;
  #counted = fresh();
  #refused = 0;
  #lost = 0;
  #caughtUp = 0;
  #caughtUpAtMs = 0;
  #replay = "";
  #failedReplays = 0;
  /** Called after whatever may end a wait. */
  #changed: () => void = () => undefined;

  async open(urls: readonly string[]): Promise<void> {
    const added = urls.map((url, index) => slotOf(url, this.#slots.length + index));
    this.#slots = [...this.#slots, ...added];
    const queue = added.values();
    const opener = async (): Promise<void> => {
      for (const slot of queue) await this.#connect(slot, null);
    };
    await Promise.all(Array.from({ length: OPENING }, opener));
  }

  watch(marker: string, records: boolean): void {
    this.#marker = Buffer.from(marker);
    this.#records = records;
    this.#counted = fresh();
    for (const slot of this.#slots) slot.isReached = false;
  }

  reached(deadlineMs: number): Promise<void> {
    return this.#until(() => this.#counted.reached === this.#slots.length, deadlineMs, "the packet");
  }

  drop(): void {
    for (const slot of this.#slots) {
      const { socket } = slot;
      slot.socket = null;
      socket?.terminate();
    }
  }

  async return(since: string, deadlineMs: number): Promise<void> {
    this.#caughtUp = 0;
    this.#replay = JSON.stringify({
      type: "request",
      body: { request_id: "replay", method: "Event.replay", data: { from_timestamp: since } },
    });
    for (const slot of this.#slots) {
      slot.isCaughtUp = false;
      void this.#connect(slot, this.#replay);
    }
    await this.#until(() => this.#caughtUp === this.#slots.length, deadlineMs, "the answer to its replay");
  }

  report(): Report {
    return {
      ...this.#counted,
      open: this.#slots.filter(({ socket }) => socket?.readyState === WebSocket.OPEN).length,
      caughtUp: this.#caughtUp,
      caughtUpAtMs: this.#caughtUpAtMs,
      refused: this.#refused,
      failedReplays: this.#failedReplays,
      lost: this.#lost,
    };
  }

  /** Opens a socket, however often it takes, and sends what is to be said first. */
  async #connect(slot: Slot, first: string | null): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS)) {
      const socket = await attempt(slot.url);
      if (socket !== null) {
        slot.socket = socket;
        socket.on("message", (data) => void (data instanceof Buffer && this.#got(slot, data)));
        socket.on("close", () => {
          if (slot.socket === socket) this.#lost += 1;
        });
        if (first !== null) socket.send(first);
        return;
      }
      this.#refused += 1;
      await wait(retryMs * (0.5 + Math.random()));
    }
  }

  #got(slot: Slot, data: Buffer): void {
    if (this.#marker !== null && data.includes(this.#marker)) this.#count(slot, data);
    if (!slot.isCaughtUp && data.length < 1_000) this.#replayed(slot, data.toString());
    this.#changed();
  }

  #count(slot: Slot, data: Buffer): void {
    const counted = this.#counted;
    const atMs = nowMs();
    counted.packets += 1;
    if (this.#records) {
      const messageId = MESSAGE_ID.exec(data.toString())?.[1] ?? "";
      counted.seen.push({ socket: slot.index, messageId, atMs });
    }
    if (slot.isReached) return;
    slot.isReached = true;
    counted.reached += 1;
    counted.lastAtMs = atMs;
    if (counted.sample === "") counted.sample = data.toString();
  }

  #replayed(slot: Slot, text: string): void {
    if (!REPLAYED.test(text)) return;
    if (!text.includes('"success":true')) return this.#replayLater(slot, text);
    slot.isCaughtUp = true;
    this.#caughtUp += 1;
    this.#caughtUpAtMs = nowMs();
  }

  #replayLater(slot: Slot, text: string): void {
    if (!text.includes('"id":"service_unavailable"')) throw new Error(`a replay failed: ${text}`);
    this.#failedReplays += 1;
    setTimeout(() => slot.socket?.send(this.#replay), LONGEST_RETRY_MS * Math.random());
  }

  #until(isDone: () => boolean, deadlineMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const { seen: _seen, sample: _sample, ...counts } = this.report();
        reject(new Error(`not every socket got ${what} within ${deadlineMs} ms: ${JSON.stringify(counts)}`));
      }, deadlineMs);
      this.#changed = () => {
        if (!isDone()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#changed();
    });
  }
}

interface Counted {
  reached: number;
  packets: number;
  lastAtMs: number;
  sample: string;
  readonly seen: Seen[];
}

const fresh = (): Counted => ({ reached: 0, packets: 0, lastAtMs: 0, sample: "", seen: [] });

const slotOf = (url: string, index: number): Slot => ({
  url,
  index,
  socket: null,
  isReached: false,
  isCaughtUp: true,
});

/** One upgrade; null where it is refused or breaks. */
function attempt(url: string): Promise<WebSocket | null> {
  return new Promise((resolve) => {
    const options = { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_MS };
    const socket = new WebSocket(url, "layer-3.0", options);
    socket.once("open", () => resolve(socket));
    socket.on("error", () => resolve(null));
  });
}
