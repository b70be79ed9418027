import type { IncomingMessage, ServerResponse } from "node:http";
import type { Grant, Scope } from "@strata/contracts";
import type { Call as DoorCall } from "@strata/doors";
import type { LayerVersion } from "@strata/layer-protocol";
import type { ZodOpenApiOperationObject } from "zod-openapi";
import type { BodyAllowance } from "./body-budget.ts";
import type { TextStream } from "./other-types.ts";
import type { Line } from "./read-lines.ts";
import type { AtTheDoor } from "./session-authentication.ts";

/** What goes back to the caller. Without a body nothing is said about its type. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly html?: string;
  readonly stream?: TextStream;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (json: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: 200,
  json,
  headers,
});
export const streamed = (stream: TextStream, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: 200,
  stream,
  headers,
});
export const created = (json?: unknown): Answer => (json === undefined ? { status: 201 } : { status: 201, json });
export const accepted = (json?: unknown): Answer => (json === undefined ? { status: 202 } : { status: 202, json });
export const noContent: Answer = { status: 204 };

/** Where a request comes from, as far as it can be believed. */
export interface Origin {
  readonly address: string;
  readonly userAgent: string | null;
}

/** One authenticated request by HTTP. On account routes the app is NO_APP. */
export interface Call extends DoorCall {
  readonly grant: Grant;
  /** The body where it is NDJSON and the route takes that: read as they are taken, once. Else null. */
  readonly lines: AsyncIterable<Line> | null;
  /** What a route holds of its lines counts among all bodies held at once. */
  readonly allowance: BodyAllowance;
  /** The one of the route's `otherTypes` that was asked for; null: JSON. */
  readonly otherType: string | null;
  readonly query: Readonly<Record<string, unknown>>;
  /** Looked into by who asks only. */
  origin(): Origin;
}

type Method = "get" | "post" | "put" | "patch" | "delete" | "options";

interface BaseRoute {
  readonly method: Method;
  /** As Express has it: `/apps/:app/announcements`. */
  readonly path: string;
  /** What /openapi.json says about it. */
  readonly operation: ZodOpenApiOperationObject;
}

/** For anybody: documentation. */
export interface OpenRoute extends BaseRoute {
  readonly access: "open";
  handle(): Answer;
}

/**
 * For holders of a token with this scope, one of the app in the path or of the account; or for users who have logged in, of
 * whom the session says what in other paths `:app` and `:user` say.
 */
export interface GuardedRoute extends BaseRoute {
  readonly access: Scope | "session";
  /** Present where there is a body to read. */
  readonly maxBodyBytes?: number;
  /** Present where the body may also be NDJSON, of any length. */
  readonly maxLineBytes?: number;
  /** Media types that it answers in besides JSON, where `Accept` names one. They come in the newest version. */
  readonly otherTypes?: readonly string[];
  /** The versions that have this endpoint; absent: all. */
  readonly versions?: readonly LayerVersion[];
  /** Other versions answer 405 with these in `Allow`, though the path has nothing there; absent: 404. */
  readonly allowElsewhere?: readonly Method[];
  handle(call: Call): Promise<Answer>;
}

/** One request of the Client API by somebody who need not have logged in. */
export type StrangerCall = Omit<Call, "grant" | "lines" | "otherType"> & {
  /** What becomes of a token that nobody knows. */
  readonly door: AtTheDoor;
};

/** For whoever wants to log in or out. */
export interface StrangerRoute extends BaseRoute {
  readonly access: "anybody";
  /** Whether each request of it takes from what its address may do without having logged in. */
  readonly isLimited: boolean;
  /** Present where there is a body to read. */
  readonly maxBodyBytes?: number;
  handle(call: StrangerCall): Promise<Answer>;
}

/** For whoever has a URL with a `:token` that we signed: bytes, which it streams, answering by itself. */
export interface SignedRoute extends BaseRoute {
  readonly access: "signed";
  stream(request: IncomingMessage, response: ServerResponse, token: string): Promise<void>;
}

export type Route = OpenRoute | StrangerRoute | GuardedRoute | SignedRoute;
