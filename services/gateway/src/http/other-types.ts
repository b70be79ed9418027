import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Other forms than JSON in which a route can answer, sent as they come, however long they are. */
export const NDJSON_TYPE = "application/x-ndjson";
export const CSV_TYPE = "text/csv";

/** An answer of any length: text in pieces, made no faster than its reader takes them. */
export interface TextStream {
  readonly type: string;
  readonly pieces: AsyncIterable<string>;
}

/**
 * The one of `offered` that an `Accept` names, the first in the header's order where it names several; null when it names
 * none, or refuses it with `q=0`. Who takes anything (`*` `/*`) gets JSON.
 */
export function otherTypeOf(accept: string | undefined, offered: readonly string[]): string | null {
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((piece) => piece.trim().toLowerCase());
    const isRefused = parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter));
    if (offered.includes(type) && !isRefused) return type;
  }
  return null;
}

/** An answer may take hours to be read, but not a minute without a byte: it keeps a place, and what it was made from. */
const IDLE_MS = 60_000;

/**
 * Resolves when all is sent, or the reader has gone, or has taken nothing for a minute; throws what `pieces` throws, with
 * the connection broken off.
 */
export async function sendStream(
  response: ServerResponse,
  { type, pieces }: TextStream,
  idleMs: number = IDLE_MS,
): Promise<void> {
  response.setTimeout(idleMs, () => response.destroy());
  response.setHeader("Content-Type", `${type}; charset=utf-8`);
  try {
    await pipeline(Readable.from(pieces, { objectMode: false, highWaterMark: 1 }), response);
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ERR_STREAM_PREMATURE_CLOSE" || error.code === "EPIPE");
