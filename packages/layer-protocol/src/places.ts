import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject, requireJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { formatTime } from "./timestamps.ts";

export interface Coordinates {
  latitude: number;
  longitude: number;
}

export type Area =
  | { circle: Coordinates & { radiusMeters: number } }
  /** Its corners in order; the last is joined to the first. */
  | { polygon: Coordinates[] };

/** Half way around the earth. */
const MAX_RADIUS_METERS = 20_000_000;
const MAX_CORNERS = 1_000;

/**
 * Parses `within`: a circle or a polygon. Whether a polygon crosses itself is the directory's to find out.
 * @throws LayerError 422 `missing_property` or `invalid_property`, naming the path
 */
export function parseArea(area: unknown, path: string): Area {
  if (!isJsonObject(area)) throw invalidProperty(path, "must be an object");
  const [shape, ...others] = Object.keys(area);
  if (others.length > 0 || (shape !== "circle" && shape !== "polygon")) {
    throw invalidProperty(path, "must have exactly one of circle, polygon");
  }
  return shape === "circle"
    ? { circle: parseCircle(area.circle, `${path}.circle`) }
    : { polygon: parsePolygon(area.polygon, `${path}.polygon`) };
}

function parseCircle(circle: unknown, path: string): Coordinates & { radiusMeters: number } {
  if (!isJsonObject(circle)) throw invalidProperty(path, "must be an object");
  const centre = parseCoordinates(circle, path);
  return { ...centre, radiusMeters: parseNumber(circle, "radius_meters", path, { min: 1, max: MAX_RADIUS_METERS }) };
}

function parsePolygon(polygon: unknown, path: string): Coordinates[] {
  if (!Array.isArray(polygon)) throw invalidProperty(path, "must be an array of corners");
  if (polygon.length > MAX_CORNERS) throw invalidProperty(path, `must have at most ${MAX_CORNERS} corners`);
  const corners = polygon.map((corner: unknown, index) => {
    if (!isJsonObject(corner)) throw invalidProperty(`${path}[${index}]`, "must be an object");
    return parseCoordinates(corner, `${path}[${index}]`);
  });
  const different = new Set(corners.map(({ latitude, longitude }) => `${latitude} ${longitude}`));
  if (different.size < 3) throw invalidProperty(path, "must have at least 3 different corners");
  return corners;
}

function parseCoordinates(value: JsonObject, path: string): Coordinates {
  return {
    latitude: parseNumber(value, "latitude", path, { min: -90, max: 90 }),
    longitude: parseNumber(value, "longitude", path, { min: -180, max: 180 }),
  };
}

function parseNumber(
  value: JsonObject,
  name: string,
  path: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const property = path === "" ? name : `${path}.${name}`;
  const number = value[name];
  if (isAbsent(number)) throw missingProperty(property);
  if (typeof number !== "number" || !(number >= min && number <= max)) {
    throw invalidProperty(property, `must be a number from ${min} to ${max}`);
  }
  return number;
}

/**
 * Parses the body of `PUT /users/:user/location`, an extension. `at` is when she was there, and now when it is absent.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`, also for a time to come
 */
export function parseLocation(body: unknown, now: number): Coordinates & { at: number } {
  const fields = requireJsonObject(body);
  const coordinates = parseCoordinates(fields, "");
  if (isAbsent(fields.at)) return { ...coordinates, at: now };
  const at = typeof fields.at === "string" && ISO_INSTANT.test(fields.at) ? Date.parse(fields.at) : Number.NaN;
  if (!(at >= 0)) throw invalidProperty("at", "must be a time of ISO 8601 since 1970");
  // Clocks differ a little.
  if (at > now + 60_000) throw invalidProperty("at", "is in the future");
  return { ...coordinates, at };
}

const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** `GET /users/:user/location`. */
export const locationView = ({ latitude, longitude, at }: Coordinates & { readonly at: number }) => ({
  latitude,
  longitude,
  at: formatTime(at),
});
