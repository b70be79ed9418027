import { parseAudienceFilter } from "./audience.ts";
import type { AudienceFilter } from "./audience.ts";
import { audienceFilterView } from "./audience-views.ts";
import { invalidProperty } from "./errors.ts";
import { objectUri } from "./ids.ts";
import { isAbsent, requireJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { formatTime } from "./timestamps.ts";
import { appUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";

/** What a segment is called and whom it holds. */
export interface SegmentFields {
  name: string;
  filter: AudienceFilter;
}

const MAX_NAME_LENGTH = 128;

/**
 * Parses the body of `POST /apps/:app/segments`, an extension.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `name`, `filter…`
 */
export function parseSegment(body: unknown): SegmentFields {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name", "filter"]);
  return { name: parseName(fields.name), filter: parseAudienceFilter(fields.filter, "filter") };
}

/**
 * Parses the body of `PATCH /apps/:app/segments/:segment`: what is absent stays.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property`
 */
export function parseSegmentChange(body: unknown): Partial<SegmentFields> {
  const { name, filter } = requireJsonObject(body);
  if (isAbsent(name) && isAbsent(filter)) throw invalidProperty("name", "or filter must be there");
  return {
    ...(isAbsent(name) ? {} : { name: parseName(name) }),
    ...(isAbsent(filter) ? {} : { filter: parseAudienceFilter(filter, "filter") }),
  };
}

function parseName(name: unknown): string {
  if (typeof name !== "string" || name.trim() === "" || name.length > MAX_NAME_LENGTH || !name.isWellFormed()) {
    throw invalidProperty("name", `must have 1 to ${MAX_NAME_LENGTH} characters, and not blanks only`);
  }
  return name.trim();
}

interface SegmentFacts extends SegmentFields {
  readonly segmentId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A segment on the wire. */
export const segmentView = (
  wire: WireContext,
  { segmentId, name, filter, createdAt, updatedAt }: SegmentFacts,
): JsonObject => ({
  id: objectUri("segments", segmentId),
  url: `${appUrl(wire)}/segments/${segmentId}`,
  name,
  filter: audienceFilterView(filter),
  created_at: formatTime(createdAt),
  updated_at: formatTime(updatedAt),
});
