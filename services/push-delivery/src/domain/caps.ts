import type { PushCap, PushPolicy } from "@strata/contracts";
import type { CapUse, Facts } from "./policy.ts";

/** A push that counts under a user's caps. */
export interface TakenPlace {
  readonly subject: string;
  readonly category: string;
  readonly at: number;
}

/** The caps that one push to one user has to have a place under. */
export interface CapQuestion {
  readonly userId: string;
  readonly category: string;
  readonly categoryCap: PushCap | null;
}

const HOUR_MS = 3_600_000;

export const windowMs = ({ hours }: PushCap): number => hours * HOUR_MS;

/** For how long a place is remembered: the longest time that any cap of the policy looks back; 0 without caps. */
export function keptMs({ cap, rules, categories }: PushPolicy): number {
  const caps = [cap, rules.cap, ...Object.values(categories).map((own) => own.cap ?? null)];
  return Math.max(0, ...caps.map((one) => (one === null ? 0 : windowMs(one))));
}

/** Where a push stands under its caps, by the places that are taken. Null as subject: one that nobody has pushed yet. */
export function capsOf(
  taken: readonly TakenPlace[],
  subject: string | null,
  { category, categoryCap }: CapQuestion,
  all: PushCap | null,
  now: number,
): NonNullable<Facts["caps"]> {
  const others = taken.filter((place) => place.subject !== subject);
  const ofCategory = others.filter((place) => place.category === category);
  return {
    hasPlace: others.length < taken.length,
    category: categoryCap && useOf(categoryCap, ofCategory, now),
    all: all && useOf(all, others, now),
  };
}

function useOf(cap: PushCap, places: readonly TakenPlace[], now: number): CapUse {
  const window = windowMs(cap);
  const times = places.map(({ at }) => at).filter((at) => at > now - window);
  const oldest = times.toSorted((one, other) => one - other)[times.length - cap.pushes];
  return {
    cap,
    used: times.length,
    freeAt: times.length < cap.pushes || oldest === undefined ? null : oldest + window,
  };
}
