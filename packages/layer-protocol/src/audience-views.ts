import { isTimeField, type AudienceValue } from "./audience-conditions.ts";
import type { AudienceFilter } from "./audience.ts";
import type { JsonObject } from "./json-object.ts";
import type { Area, Coordinates } from "./places.ts";
import { formatTime } from "./timestamps.ts";

/** A filter as the wire has it: what `parseAudienceFilter` reads back to the same filter. */
export function audienceFilterView(filter: AudienceFilter): JsonObject {
  if ("and" in filter) return { and: filter.and.map(audienceFilterView) };
  if ("or" in filter) return { or: filter.or.map(audienceFilterView) };
  if ("not" in filter) return { not: audienceFilterView(filter.not) };
  if ("within" in filter) {
    const { within, maxAgeSeconds } = filter;
    return {
      within: areaView(within),
      ...(maxAgeSeconds === undefined ? {} : { max_age_seconds: maxAgeSeconds }),
    };
  }
  const { field, ...claim } = filter;
  const valueOf = (value: AudienceValue): AudienceValue =>
    isTimeField(field) && typeof value === "number" ? formatTime(value) : value;
  if ("startsWith" in claim) return { field, starts_with: claim.startsWith };
  if ("in" in claim) return { field, in: claim.in.map(valueOf) };
  if ("eq" in claim) return { field, eq: valueOf(claim.eq) };
  if ("ne" in claim) return { field, ne: valueOf(claim.ne) };
  if ("gt" in claim) return { field, gt: valueOf(claim.gt) };
  if ("lt" in claim) return { field, lt: valueOf(claim.lt) };
  return { field, exists: claim.exists };
}

function areaView(area: Area): JsonObject {
  if ("polygon" in area) return { polygon: area.polygon.map(coordinatesView) };
  return { circle: { ...coordinatesView(area.circle), radius_meters: area.circle.radiusMeters } };
}

const coordinatesView = ({ latitude, longitude }: Coordinates) => ({ latitude, longitude });
