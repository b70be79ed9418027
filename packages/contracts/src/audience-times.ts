import type { AudienceCondition, AudienceFilter } from "./audience.ts";
import { AUDIENCE_TIME_FIELDS } from "./audience.ts";

const MILLIS_OF_UNIT: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RELATIVE = /^now-(\d{1,9})([smhd])$/;

/** How long ago `now-7d` and its like is, in milliseconds; null for any other text. */
export function agoOf(text: string): number | null {
  const [, amount, unit = ""] = RELATIVE.exec(text) ?? [];
  const millis = MILLIS_OF_UNIT[unit];
  return amount === undefined || millis === undefined ? null : Number(amount) * millis;
}

/**
 * The filter with every time in it settled, as seen from `at` (Millis): the same users whenever it is asked from then on,
 * as far as they stay as they are. Settled times stay.
 */
export function settleAudienceTimes(filter: AudienceFilter, at: number): AudienceFilter {
  if ("and" in filter) return { and: filter.and.map((one) => settleAudienceTimes(one, at)) };
  if ("or" in filter) return { or: filter.or.map((one) => settleAudienceTimes(one, at)) };
  if ("not" in filter) return { not: settleAudienceTimes(filter.not, at) };
  if ("within" in filter) {
    const { maxAgeSeconds, ...place } = filter;
    return maxAgeSeconds === undefined ? place : { ...place, since: Math.max(0, at - maxAgeSeconds * 1_000) };
  }
  return AUDIENCE_TIME_FIELDS.some((field) => field === filter.field) ? settledCondition(filter, at) : filter;
}

function settledCondition(condition: AudienceCondition, at: number): AudienceCondition {
  const settled = (value: string | number): string | number => {
    const ago = typeof value === "string" ? agoOf(value) : null;
    return ago === null ? value : Math.max(0, at - ago);
  };
  const { field } = condition;
  if ("eq" in condition) return { field, eq: settled(condition.eq) };
  if ("ne" in condition) return { field, ne: settled(condition.ne) };
  if ("gt" in condition) return { field, gt: settled(condition.gt) };
  if ("lt" in condition) return { field, lt: settled(condition.lt) };
  if ("in" in condition) return { field, in: condition.in.map(settled) };
  return condition;
}
