import type { WireContext } from "@strata/layer-protocol";
import type { Calls } from "./calls.ts";

/** One authenticated request, by HTTP or over a socket: its version negotiated, its body parsed as JSON, nothing else known of it. */
export interface Call {
  /** Version, base URL and app: what every view needs. */
  readonly wire: WireContext;
  readonly body: unknown;
  /** To the other services: in the name of this app, within this request's deadline, as part of its trace. */
  readonly calls: Calls;
  header(name: string): string | undefined;
  /** What the request names beside its body: over HTTP a parameter of the path, decoded. */
  param(name: string): string;
}

/** What goes back to the caller as JSON; `status` is of HTTP. */
export interface Answered {
  readonly status: number;
  readonly json?: unknown;
}
