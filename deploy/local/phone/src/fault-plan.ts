import { createHash } from "node:crypto";
import { z } from "zod";
import { answerFor, isReason, protocolOf, reasons, type Answer, type Protocol } from "./provider-answers.ts";

const Behaviour = z.enum([
  "hang", // the stream stays open without an answer
  "hold", // the answer, a good one, comes when it is released
  "refuse", // RST_STREAM with REFUSED_STREAM: certainly not processed
  "goaway", // GOAWAY: this stream and all above it were not processed
  "goaway-unanswered", // GOAWAY that claims this stream, then the connection closes without an answer
  "reset", // the TCP connection is reset
]);

/** The body of `POST /faults`. Exactly one of `reason`, `answer` and `behaviour`. */
export const FaultRequest = z
  .object({
    /** Only pushes to this device token; else all of them. */
    token: z.string().optional(),
    /** Only this share of the device tokens, always the same ones. */
    share: z.number().min(0).max(1).optional(),
    protocol: z.enum(["fcm", "apns", "webpush", "oauth"]).optional(),
    /** How often; for ever when absent. */
    times: z.int().min(1).optional(),
    /** How many matching pushes pass before the first one is hit. */
    skip: z.int().min(0).default(0),
    reason: z
      .string()
      .refine(isReason, `One of ${reasons.join(", ")}`)
      .optional(),
    retry_after: z.number().min(0).optional(),
    timestamp: z.number().optional(),
    answer: z
      .object({
        status: z.int().min(200).max(599),
        headers: z.record(z.string(), z.string()).default({}),
        body: z.union([z.string(), z.looseObject({})]).default(""),
      })
      .optional(),
    behaviour: Behaviour.optional(),
    /** The device gets the push although its sender sees the fault: the answer was lost, not the push. */
    arrives: z.boolean().default(false),
  })
  .refine(
    ({ reason, answer, behaviour }) => [reason, answer, behaviour].filter((part) => part !== undefined).length === 1,
    "Give exactly one of reason, answer, behaviour",
  );

export type FaultRequest = z.input<typeof FaultRequest>;
export type Fault =
  | { readonly kind: "answer"; readonly answer: Answer; readonly arrives: boolean }
  | { readonly kind: "hold"; readonly arrives: boolean }
  | { readonly kind: Exclude<z.infer<typeof Behaviour>, "hold">; readonly arrives: boolean };

interface Rule {
  readonly id: number;
  readonly request: z.infer<typeof FaultRequest>;
  hits: number;
  seen: number;
}

const isForOneToken = ({ request }: Rule) => request.token !== undefined;

/** The scripted faults, tried in the order they were added, those for one token first. */
export class FaultPlan {
  #rules: readonly Rule[] = [];
  #nextId = 1;

  add(input: FaultRequest): number {
    const rule = { id: this.#nextId, request: FaultRequest.parse(input), hits: 0, seen: 0 };
    this.#nextId += 1;
    const all = [...this.#rules, rule];
    this.#rules = [...all.filter(isForOneToken), ...all.filter((each) => !isForOneToken(each))];
    return rule.id;
  }

  /** Removes one rule, those of one token, or all of them. */
  remove(which: { readonly id?: number; readonly token?: string } = {}): void {
    this.#rules = this.#rules.filter(
      ({ id, request }) =>
        (which.id !== undefined && id !== which.id) || (which.token !== undefined && request.token !== which.token),
    );
  }

  list(): readonly unknown[] {
    return this.#rules.map(({ id, request, hits }) => ({ id, hits, ...request }));
  }

  /** The fault that hits this push, if any; counts it. */
  next(protocol: Protocol | "oauth", token: string): Fault | null {
    const rule = this.#rules.find((each) => matches(each, protocol, token));
    if (rule === undefined) return null;
    rule.seen += 1;
    if (rule.seen <= rule.request.skip) return null;
    rule.hits += 1;
    return faultOf(rule.request);
  }
}

function matches({ request, hits }: Rule, protocol: Protocol | "oauth", token: string): boolean {
  // A rule without a protocol is about pushes; the token endpoint is only hit when it is named.
  const wanted = request.protocol ?? (request.reason === undefined ? null : protocolOf(request.reason));
  if (wanted === null ? protocol === "oauth" : wanted !== protocol) return false;
  if (request.times !== undefined && hits >= request.times) return false;
  if (request.token !== undefined && request.token !== token) return false;
  return request.share === undefined || shareOf(token) < request.share;
}

function faultOf({ reason, answer, behaviour, arrives, retry_after, timestamp }: Rule["request"]): Fault {
  if (behaviour !== undefined) return { kind: behaviour, arrives };
  if (reason !== undefined) {
    const details = { retryAfterS: retry_after, timestampMs: timestamp };
    return { kind: "answer", answer: answerFor(reason, details), arrives };
  }
  const { status = 500, headers = {}, body = "" } = answer ?? {};
  return {
    kind: "answer",
    answer: { status, headers, body: typeof body === "string" ? body : JSON.stringify(body) },
    arrives,
  };
}

/** A number from 0 to 1 that is always the same for the same text, so that a share names the same devices in every run. */
export const shareOf = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32;
