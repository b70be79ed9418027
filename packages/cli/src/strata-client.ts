import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";

/** An answer of the gateway that is no success: its status, and the error body's id and message. */
export class StrataError extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.status = status;
    this.id = id;
  }
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly count: number | null;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** The id of what is to be created: a repeat is answered 409 with the object. */
  readonly ifNoneMatch?: string;
}

/** Talks to the gateway in the newest version. 503 and 429 are tried again for a while, as their Retry-After says. */
export interface StrataClient {
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
}

const ErrorBody = z.object({ id: z.string(), message: z.string() });
const TRIES = 10;
const RETRY_DEFAULT_S = 1;

export function strataClient(baseUrl: string, token: string): StrataClient {
  const send = async (method: string, path: string, { body, ifNoneMatch }: RequestOptions): Promise<Response> =>
    fetch(new URL(path, baseUrl), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/vnd.layer+json; version=3.0",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  return {
    async request(method, path, options = {}) {
      for (let attempt = 1; ; attempt += 1) {
        const response = await send(method, path, options);
        const text = await response.text();
        if (response.ok) {
          const total = response.headers.get("layer-count");
          const parsed: unknown = text === "" ? null : JSON.parse(text);
          return { status: response.status, body: parsed, count: total === null ? null : Number(total) };
        }
        const isPassing = response.status === 503 || response.status === 429;
        if (!isPassing || attempt === TRIES) throw errorOf(response.status, text);
        await wait(Number(response.headers.get("retry-after") ?? RETRY_DEFAULT_S) * 1_000);
      }
    },
  };
}

function errorOf(status: number, text: string): StrataError {
  try {
    const { id, message } = ErrorBody.parse(JSON.parse(text));
    return new StrataError(status, id, message);
  } catch {
    // Not one of the gateway's own bodies: a proxy in between, perhaps.
    return new StrataError(status, "unknown", text.slice(0, 200));
  }
}
