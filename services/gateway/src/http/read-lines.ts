import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { invalidProperty, invalidRequest } from "@strata/layer-protocol";
import { NDJSON_TYPE } from "./other-types.ts";
import { RequestAborted } from "./read-json.ts";
import { unlimitReceiving } from "./receive-limit.ts";

/** One JSON value of a body that has one on each line. */
export interface Line {
  /** From 1, empty ones counted too. */
  readonly number: number;
  readonly value: unknown;
}

/** A body may take hours to come, but not a minute without a byte. */
const IDLE_MS = 60_000;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = "\uFEFF";

export const isNdjson = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() === NDJSON_TYPE;

/**
 * Reads a body of any length line by line, no faster than they are taken: what is held is one line and what fits into a
 * socket's buffer. Empty lines, and a byte order mark before the first, are passed over. Whoever stops in the middle leaves the rest to be thrown away.
 * @throws LayerError 400 `invalid_request` for a body that is compressed; 422 `invalid_property` `line <n>` for a line
 * that is too long, no UTF-8 or no JSON; RequestAborted when the caller went away
 */
export async function* readLines(request: IncomingMessage, maxLineBytes: number): AsyncGenerator<Line> {
  if ((request.headers["content-encoding"] ?? "identity").toLowerCase() !== "identity") {
    throw invalidRequest("The body must not be compressed");
  }
  unlimitReceiving(request);
  request.setTimeout(IDLE_MS, () => request.destroy());
  let number = 0;
  try {
    for await (const bytes of lineBytes(request, maxLineBytes)) {
      number += 1;
      if (bytes === null) throw invalidProperty(`line ${number}`, `must have at most ${maxLineBytes} bytes`);
      const value = parseLine(bytes, number);
      if (value !== undefined) yield { number, value };
    }
  } finally {
    request.setTimeout(0);
  }
}

/** The bytes of each line; null for one that is too long. */
async function* lineBytes(request: IncomingMessage, maxLineBytes: number): AsyncGenerator<Buffer | null> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunksOf(request)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE, from); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      yield end - from > maxLineBytes ? null : bytes.subarray(from, end);
      from = end + 1;
    }
    rest = bytes.subarray(from);
    if (rest.length > maxLineBytes) yield null;
  }
  if (rest.length > 0) yield rest;
}

async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    // Not destroyed: there is still an answer to be sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (Buffer.isBuffer(chunk)) yield chunk;
    }
  } catch (cause) {
    throw new RequestAborted("the request broke off", { cause });
  }
}

function parseLine(bytes: Buffer, number: number): unknown {
  if (!isUtf8(bytes)) throw invalidProperty(`line ${number}`, "must be UTF-8");
  const said = bytes.toString("utf8");
  const text = (number === 1 && said.startsWith(BYTE_ORDER_MARK) ? said.slice(1) : said).trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalidProperty(`line ${number}`, "is not valid JSON");
  }
}
