import type { DomainError } from "@strata/runtime";

/** What became of one delivery. A handler returns it; only this package acknowledges. */
export type Outcome<Reply = unknown> =
  | { readonly kind: "ack" }
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "refuse"; readonly error: DomainError }
  | { readonly kind: "retry"; readonly afterMs: number; readonly cause: unknown }
  | { readonly kind: "dead-letter"; readonly reason: string; readonly cause?: unknown };

/** Done, and nobody waits for an answer. A requester is answered with an empty object. */
export const ack: Outcome<never> = { kind: "ack" };

/** Done; the requester, if there is one, gets this. */
export const reply = <Reply>(value: Reply): Outcome<Reply> => ({ kind: "reply", reply: value });

/** The command is well-formed but may not happen: the requester is told why, and nothing is retried. */
export const refuse = (error: DomainError): Outcome<never> => ({ kind: "refuse", error });

/** Not now: goes down the service's ladder, no sooner than `afterMs`, and counts as an attempt. */
export const retry = (afterMs: number, cause: unknown): Outcome<never> => ({ kind: "retry", afterMs, cause });

/** Never: kept in the queue's dead-letter queue with the reason, for a person to look at. */
export const deadLetter = (reason: string, cause?: unknown): Outcome<never> => ({ kind: "dead-letter", reason, cause });
