import type { KnownSession } from "@strata/doors";
import { formatTime, type LayerVersion, type Packet, type PresenceStatus } from "@strata/layer-protocol";
import { randomUUID } from "node:crypto";
import type { WebSocket } from "ws";
import { type SentPacket, textOf } from "../views/packets.ts";

/** Why we close a socket: codes of RFC 6455, and what is told with them. */
export const CLOSE = {
  goingAway: [1001, "this server is going away"],
  sessionEnded: [1008, "the session has ended"],
  tooMany: [1008, "too many sockets of this user"],
  tooManyRequests: [1008, "too many requests are waiting"],
  unfinished: [1008, "a packet did not come in whole"],
  notText: [1003, "packets are text"],
  behind: [1013, "catch up"],
  slow: [1013, "too slow"],
  expired: [1008, "the session has expired"],
} as const satisfies Record<string, readonly [number, string]>;
export type CloseReason = keyof typeof CLOSE;

/** A broadcast is thousands of packets within a millisecond. */
const timeText = latestOf(formatTime);

interface ConnectionOptions {
  readonly socket: WebSocket;
  readonly session: KnownSession;
  /** Of the session's token. */
  readonly hash: string;
  readonly version: LayerVersion;
  readonly maxBufferedBytes: number;
  readonly onClosing: (reason: CloseReason) => void;
  /** The time that packets carry. */
  readonly now: () => number;
}

/**
 * One client's socket. Whatever is sent takes the next number, from 0 on, without a gap: a client that finds one asks for
 * everything again (client API 6.3). What a slow client has not taken is bounded: beyond that it is closed, and catches up
 * from the log when it is back.
 */
export class Connection {
  readonly id = randomUUID();
  readonly version: LayerVersion;
  readonly session: KnownSession;
  readonly hash: string;
  /** She has asked to be told of others' presence. */
  isSubscribed = false;
  /** What she is to be seen as while this socket is there; null before it has announced her. */
  shownAs: PresenceStatus | null = null;
  readonly #options: ConnectionOptions;
  #counter = 0;
  #isClosing = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.version = options.version;
    this.session = options.session;
    this.hash = options.hash;
  }

  /** Of the last packet that was sent; -1 before the first. */
  get lastCounter(): number {
    return this.#counter - 1;
  }

  get isOpen(): boolean {
    return !this.#isClosing && this.#options.socket.readyState === this.#options.socket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#options.socket.bufferedAmount;
  }

  /** Sends what is written for all who read it alike: `body` is JSON. Nothing is sent once it closes. */
  sendBody(type: Packet["type"], body: string): void {
    if (!this.isOpen) return;
    const { socket, maxBufferedBytes, now } = this.#options;
    if (socket.bufferedAmount > maxBufferedBytes) return this.close("slow");
    const timestamp = timeText(now());
    socket.send(`{"type":"${type}","counter":${this.#counter},"timestamp":"${timestamp}","body":${body}}`);
    this.#counter += 1;
  }

  send(packet: SentPacket): void {
    this.sendBody(packet.type, textOf(packet));
  }

  /** Ends it without a word. */
  terminate(): void {
    this.#options.socket.terminate();
  }

  close(reason: CloseReason): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const [code, text] = CLOSE[reason];
    this.#options.onClosing(reason);
    // Who does not read does not answer a close either, and what waits for her is to be gone.
    if (reason === "slow") this.#options.socket.terminate();
    else this.#options.socket.close(code, text);
  }
}

/** Remembers the latest answer. */
function latestOf<In, Out>(work: (input: In) => Out): (input: In) => Out {
  let latest: { readonly input: In; readonly output: Out } | null = null;
  return (input) => {
    if (latest?.input !== input) latest = { input, output: work(input) };
    return latest.output;
  };
}
