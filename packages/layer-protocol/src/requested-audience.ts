import { type AudienceFilter, parseAudienceFilter } from "./audience.ts";
import { invalidProperty, missingProperty } from "./errors.ts";
import { parseObjectId } from "./ids.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";

/** Whom an announcement is for, where nobody is named. */
export type RequestedAudience =
  | { kind: "filter"; filter: AudienceFilter }
  | { kind: "segment"; segmentId: string }
  | { kind: "everyone" };

/** How many the caller takes them to be, and by how many that may be wrong. */
export interface ExpectedCount {
  count: number;
  tolerance: number;
}

const FORMS = ["filter", "segment", "everyone"] as const;

/**
 * Parses `audience` of an announcement: exactly one of `filter`, `segment`, `everyone`.
 * @throws LayerError 422 `invalid_property` with the path of what is wrong
 */
export function parseRequestedAudience(audience: unknown): RequestedAudience {
  if (!isJsonObject(audience)) throw invalidProperty("audience", "must be an object");
  const forms = Object.keys(audience);
  const form = FORMS.find((one) => one === forms[0]);
  if (form === undefined || forms.length > 1) {
    throw invalidProperty("audience", `must have exactly one of ${FORMS.join(", ")}`);
  }
  if (form === "filter") return { kind: "filter", filter: parseAudienceFilter(audience.filter, "audience.filter") };
  if (form === "everyone") {
    if (audience.everyone !== true) throw invalidProperty("audience.everyone", "must be true");
    return { kind: "everyone" };
  }
  const segmentId = typeof audience.segment === "string" ? parseObjectId("segments", audience.segment) : null;
  if (segmentId === null) throw invalidProperty("audience.segment", "must be the id of a segment");
  return { kind: "segment", segmentId };
}

const PERCENT = /^(100|\d{1,2})%$/;

/**
 * Parses `expected_count` and `expected_count_tolerance` (a number of users, or a share of them as in `"5%"`); null when
 * nothing is expected.
 * @throws LayerError 422
 */
export function parseExpectedCount(fields: JsonObject): ExpectedCount | null {
  const { expected_count: count, expected_count_tolerance: tolerance } = fields;
  if (isAbsent(count)) {
    if (!isAbsent(tolerance)) throw missingProperty("expected_count");
    return null;
  }
  if (!isCount(count)) throw invalidProperty("expected_count", "must be an integer from 0");
  return { count, tolerance: isAbsent(tolerance) ? 0 : toleranceOf(tolerance, count) };
}

function toleranceOf(tolerance: unknown, count: number): number {
  if (isCount(tolerance)) return tolerance;
  const [, percent] = typeof tolerance === "string" ? (PERCENT.exec(tolerance) ?? []) : [];
  if (percent === undefined) {
    throw invalidProperty("expected_count_tolerance", 'must be an integer from 0, or a percentage from "0%" to "100%"');
  }
  return Math.floor((count * Number(percent)) / 100);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
