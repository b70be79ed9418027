import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";

interface Options {
  readonly timeoutMs: number;
  /** A message has been coming in for so long. */
  readonly onStuck: () => void;
}

/** Of one frame, from a client: two bytes, four of its mask, and those that say how long it is. */
const frameBytes = (payloadBytes: number): number =>
  payloadBytes + (payloadBytes < 126 ? 6 : payloadBytes < 65_536 ? 8 : 14);
/** A message may come in many frames, of whose number nothing is told: their heads, and no more, may be left over. */
const HEADS_BYTES = 1_024;

/**
 * Notices a message of which only a part comes: ws keeps it for as long as the socket lives, and tells nobody. So the bytes
 * of the line are counted, and whatever comes in whole is taken from them. `line` must be one that ws listens to already.
 * Answers how to stop it.
 */
export function watchUnfinished(line: Duplex, socket: WebSocket, { timeoutMs, onStuck }: Options): () => void {
  let unfinishedBytes = 0;
  let chunkBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  const stop = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const lookAfter = (): void => {
    if (unfinishedBytes === 0) stop();
    else timer ??= setTimeout(onStuck, timeoutMs);
  };
  const came = (chunk: Buffer): void => {
    chunkBytes = chunk.length;
    unfinishedBytes += chunk.length;
  };
  const finished = (data: RawData): void => {
    // All of it that came in chunks before this one is finished now.
    const left = Math.min(unfinishedBytes, chunkBytes) - frameBytes(bytesOf(data));
    unfinishedBytes = chunkBytes = left > HEADS_BYTES ? left : 0;
    stop();
  };
  const control = (data: Buffer): void => {
    unfinishedBytes = Math.max(0, unfinishedBytes - frameBytes(data.length));
  };
  // Before ws reads a chunk, which it does at once, and after it has.
  line.prependListener("data", came);
  line.on("data", lookAfter);
  socket.on("message", finished).on("ping", control).on("pong", control);
  return stop;
}

function bytesOf(data: RawData): number {
  if (Array.isArray(data)) return data.reduce((sum, { length }) => sum + length, 0);
  return data.byteLength;
}
