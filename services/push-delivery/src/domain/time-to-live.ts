import type { PushPlan } from "./chunk.ts";

/** The plan with the time to live that its notification asks for, up to the end of what it is about. */
export function withTimeToLive(plan: PushPlan, ttlSeconds: number | undefined): PushPlan {
  if (ttlSeconds === undefined || plan.at === undefined) return plan;
  const endsAt = plan.endsAt ?? Number.POSITIVE_INFINITY;
  return { ...plan, expiresAt: Math.min(plan.at + ttlSeconds * 1_000, endsAt) };
}

/** What is left of it for one user, whose override may ask for less; whole seconds. */
export function secondsLeft(
  { expiresAt, at }: { readonly expiresAt: number; readonly at?: number | null | undefined },
  ttlSeconds: number | undefined,
  now: number,
): number {
  const until = ttlSeconds === undefined || at == null ? expiresAt : Math.min(expiresAt, at + ttlSeconds * 1_000);
  return Math.max(0, Math.floor((until - now) / 1_000));
}
