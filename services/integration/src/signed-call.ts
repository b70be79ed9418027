import { formatTime } from "@strata/layer-protocol";
import type { UrlAnswer, UrlCaller } from "./call-url.ts";
import type { Signing } from "./signing.ts";

export interface SignedCall {
  readonly url: string;
  /** The same for every attempt. */
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
}

/** Posts `{type, timestamp, data}` to an app's backend, signed. @throws CallError */
export type CallBackend = (app: string, call: SignedCall) => Promise<UrlAnswer>;

export const callBackend =
  (caller: Pick<UrlCaller, "post">, signing: Pick<Signing, "headers">): CallBackend =>
  async (app, { url, id, type, data, timeoutMs }) => {
    const at = new Date();
    const body = JSON.stringify({ type, timestamp: formatTime(at.getTime()), data });
    const signed = await signing.headers(app, { id, body, at });
    const headers = { ...signed, "content-type": "application/json", "user-agent": "strata-webhooks/1.0" };
    return caller.post({ url, headers, body, timeoutMs });
  };
