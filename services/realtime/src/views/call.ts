import { type Call, callsOf } from "@strata/doors";
import type { LayerVersion } from "@strata/layer-protocol";
import type { Cause, Client, Publisher } from "@strata/messaging";
import { randomBytes, randomUUID } from "node:crypto";

export interface CallDeps {
  readonly broker: Client & Pick<Publisher, "send">;
  /** The base of the URLs in what clients are told. */
  readonly baseUrl: string;
  readonly deadlineMs: number;
}

export interface CallOptions {
  readonly body?: unknown;
  /** What the request names beside its body, as the paths of REST have it. */
  readonly params?: Readonly<Record<string, string>>;
}

/** A request on a socket, or what a change is told by, as the doors know requests: in one app, in one version, with a deadline from now. */
export const callIn = (
  { broker, baseUrl, deadlineMs }: CallDeps,
  { appId, version }: { readonly appId: string; readonly version: LayerVersion },
  { body, params = {} }: CallOptions = {},
): Call => ({
  wire: { version, baseUrl, appId, isClientApi: true },
  body,
  calls: callsOf({ broker, appId, cause: freshCause(), deadlineMs }),
  header: () => undefined,
  param(name) {
    const value = params[name];
    if (value === undefined) throw new Error(`nothing names the ${name} of this request`);
    return value;
  },
});

/** A trace that begins here (W3C trace context). */
const freshCause = (): Cause => ({
  id: randomUUID(),
  traceparent: `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`,
});
