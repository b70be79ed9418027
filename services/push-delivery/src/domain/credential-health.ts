import { CredentialState, Millis } from "@strata/contracts";
import { z } from "zod";

/** What a process has seen of a credential's provider. */
export interface Seen {
  readonly state: CredentialState;
  /** The provider's own word; null where there is nothing to say. */
  readonly reason: string | null;
  /** When a paused provider is asked again. */
  readonly retryAt: number | null;
  /** When it was seen: of two processes, the one that saw it last is believed. */
  readonly at: number;
}

/** What is known of a credential, for all processes: the last that one of them has seen, and since when it is so. */
export const Health = z.object({
  state: CredentialState,
  reason: z.string().nullable(),
  retryAt: Millis.nullable(),
  at: Millis,
  since: Millis,
});
export type Health = z.infer<typeof Health>;

/** Of a credential that nobody has used or checked since it was put. */
export const unusedSince = (putAt: number): Health => ({
  state: "unused",
  reason: null,
  retryAt: null,
  at: 0,
  since: putAt,
});

/** A pause ends by itself: nothing more has to be heard for it. */
export function healthAt(health: Health, now: number): Health {
  const { state, retryAt } = health;
  if (state !== "paused" || retryAt === null || retryAt > now) return health;
  return { ...health, state: "ok", reason: null, retryAt: null, since: retryAt };
}

/** Whether what was seen changes what is shown; what only confirms it is not worth a write. */
export const isNews = (known: Health | null, seen: Seen): boolean =>
  known === null ||
  (seen.at > known.at &&
    (seen.state !== known.state || seen.reason !== known.reason || seen.retryAt !== known.retryAt));
