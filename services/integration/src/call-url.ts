import { type Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from "request-filtering-agent";

export interface UrlCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the look-up of the name to the last byte of the answer. */
  readonly timeoutMs: number;
}

/** What the other side said, whatever its status. */
export interface UrlAnswer {
  readonly status: number;
  readonly body: string;
}

/** Nobody answered. The message is for whoever set the URL: it says nothing of what is reachable from here. */
export class CallError extends Error {
  override readonly name = "CallError";
}

export interface UrlCaller {
  /**
   * Posts to a URL that a stranger gave: no redirect is followed, and the address that its name leads to at that moment must
   * be on the open internet.
   * @throws CallError
   */
  post(call: UrlCall): Promise<UrlAnswer>;
  close(): Promise<void>;
}

/** More of an answer is not read. */
const MAX_ANSWER_BYTES = 64 * 1_024;
const MAX_SOCKETS_PER_HOST = 64;
/** How long a connection is kept that nobody uses; longer than any call may take. */
const IDLE_MS = 30_000;

export function urlCaller({ isLocalAllowed, ca }: { isLocalAllowed: boolean; ca: string[] | null }): UrlCaller {
  const options = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS_PER_HOST,
    timeout: IDLE_MS,
    allowPrivateIPAddress: isLocalAllowed,
    ...(ca ? { ca } : {}),
  };
  const agents = { "https:": new RequestFilteringHttpsAgent(options), "http:": new RequestFilteringHttpAgent(options) };
  return {
    async post(call) {
      const { protocol } = new URL(call.url);
      if (protocol !== "https:" && !(isLocalAllowed && protocol === "http:")) throw new CallError("it is no https URL");
      const agent = protocol === "https:" ? agents["https:"] : agents["http:"];
      const signal = AbortSignal.timeout(call.timeoutMs);
      try {
        return await send(call, agent, signal);
      } catch (error) {
        // Ended in the middle of an answer, it looks as if the other side had hung up.
        const reason = signal.aborted ? `it did not answer within ${call.timeoutMs} ms` : reasonOf(error);
        throw new CallError(reason, { cause: error });
      }
    },
    async close() {
      agents["https:"].destroy();
      agents["http:"].destroy();
    },
  };
}

async function send({ url, headers, body }: UrlCall, agent: HttpAgent, signal: AbortSignal): Promise<UrlAnswer> {
  const open = url.startsWith("https:") ? requestHttps : requestHttp;
  const length = { "Content-Length": String(Buffer.byteLength(body)) };
  const request = open(url, { method: "POST", headers: { ...headers, ...length }, agent, signal });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    // For as long as it lives: once it is answered, its end is the answer's.
    request.on("error", reject);
  });
  request.end(body);
  const response = await answered;
  return { status: response.statusCode ?? 0, body: await textOf(response) };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) response.destroy(new CallError(`its answer has more than ${MAX_ANSWER_BYTES} bytes`));
  });
  return text(response);
}

function reasonOf(error: unknown): string {
  if (error instanceof CallError) return error.message;
  if (!(error instanceof Error)) return "it could not be called";
  // The agent has no code for it; which address it was is nobody's business.
  if (error.message.includes("is not allowed")) return "its address is not on the open internet";
  const code = "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
  return `it could not be called${code}`;
}
