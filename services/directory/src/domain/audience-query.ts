import {
  AUDIENCE_DEVICE_FIELDS,
  AUDIENCE_TIME_FIELDS,
  type Area,
  type AudienceCondition,
  type AudienceFilter,
  type AudiencePlace,
  type Coordinates,
} from "@strata/contracts";
import { versionKey } from "./app-version.ts";

const EARTH_RADIUS_METERS = 6_378_100;

const FIELDS: Readonly<Record<string, string>> = {
  user_id: "userId",
  display_name: "displayName",
  first_name: "firstName",
  last_name: "lastName",
  email_address: "emailAddress",
  phone_number: "phoneNumber",
  identity_type: "identityType",
  locale: "locale",
  time_zone: "timeZone",
  created_at: "createdAt",
  last_seen_at: "lastSeenAt",
};
const DEVICE_FIELDS: Readonly<Record<string, string>> = { platform: "platform", app_version: "versionKey" };
const METADATA = "metadata.";

/** What MongoDB takes for a filter, or a part of one. */
export type Query = Readonly<Record<string, unknown>>;

/**
 * The query for the rows of users who match a filter whose times are settled. All that callers wrote is in the place of
 * values, where it can be no operator; the only names in it are those of our own fields, and keys of metadata that mean
 * nothing to MongoDB.
 *
 * Conditions on devices that stand in one `and` are about one device: `platform` ios and `app_version` below 10 is a user
 * with an old iPhone app, and not one with an old tablet of another kind.
 */
export function audienceQuery(filter: AudienceFilter): Query {
  if ("and" in filter) return conjunction(filter.and);
  if ("or" in filter) return { $or: filter.or.map(audienceQuery) };
  if ("not" in filter) return { $nor: [audienceQuery(filter.not)] };
  if ("within" in filter) return placeQuery(filter);
  return conditionQuery(filter);
}

function conjunction(filters: readonly AudienceFilter[]): Query {
  const aboutOneDevice: Query[] = [];
  const others: Query[] = [];
  for (const filter of filters) {
    const device = "field" in filter ? deviceClaim(filter) : null;
    if (device === null || device.isDenied) others.push(audienceQuery(filter));
    else aboutOneDevice.push(device.query);
  }
  if (aboutOneDevice.length > 0) others.push({ devices: { $elemMatch: { $and: aboutOneDevice } } });
  return { $and: others };
}

/** What a condition claims of a device of hers, or denies of all of them; null when it is not about devices. */
function deviceClaim(condition: AudienceCondition): { readonly query: Query; readonly isDenied: boolean } | null {
  const { field } = condition;
  if (!AUDIENCE_DEVICE_FIELDS.some((name) => name === field)) return null;
  const path = DEVICE_FIELDS[field] ?? field;
  const claim = "ne" in condition ? { field, eq: condition.ne } : condition;
  const isDenied = "ne" in condition || ("exists" in condition && !condition.exists);
  const query = "exists" in claim ? { [path]: { $ne: null } } : { [path]: comparison(claim, deviceValue(field)) };
  return { query, isDenied };
}

const deviceValue = (field: string) => (value: string | number) =>
  field === "app_version" ? versionKey(String(value)) : value;

function conditionQuery(condition: AudienceCondition): Query {
  const device = deviceClaim(condition);
  if (device) {
    const query = { devices: { $elemMatch: device.query } };
    return device.isDenied ? { $nor: [query] } : query;
  }
  const { field } = condition;
  if (!field.startsWith(METADATA)) return { [FIELDS[field] ?? field]: comparison(condition, ownValue(field)) };
  const key = field.slice(METADATA.length);
  return isPlainKey(key) ? { [`metadata.${key}`]: comparison(condition) } : oddKeyQuery(key, condition);
}

/** A time that was not settled is none. */
const ownValue = (field: string) => (value: string | number) =>
  AUDIENCE_TIME_FIELDS.some((name) => name === field) && typeof value !== "number" ? null : value;

/** Whether MongoDB takes this name of a field for itself, and for nothing else. */
const isPlainKey = (key: string): boolean => !key.includes(".") && !key.startsWith("$");

const asItIs = (value: string | number): string | number | null => value;

/** `eq` of a value that cannot be is nobody, `ne` everybody. Comparisons are among values of one type, as MongoDB has them. */
function comparison(condition: AudienceCondition, valueOf: typeof asItIs = asItIs): Query {
  if ("eq" in condition) return equal(valueOf(condition.eq));
  if ("ne" in condition) return { $not: equal(valueOf(condition.ne)) };
  if ("in" in condition) return { $in: condition.in.map(valueOf).filter((value) => value !== null) };
  if ("exists" in condition) return condition.exists ? { $ne: null } : { $eq: null };
  if ("startsWith" in condition) return prefixRange(condition.startsWith);
  const [operator, value] = "gt" in condition ? ["$gt", valueOf(condition.gt)] : ["$lt", valueOf(condition.lt)];
  return value === null ? { $in: [] } : { [operator]: value };
}

const equal = (value: string | number | null): Query => (value === null ? { $in: [] } : { $eq: value });

/** A range instead of a pattern: an index can walk it, and nothing in it is special. */
function prefixRange(prefix: string): Query {
  const end = afterPrefix(prefix);
  return end === null ? { $gte: prefix } : { $gte: prefix, $lt: end };
}

/** The first text that is behind all texts with this prefix, by UTF-8 bytes; null when none is. */
function afterPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10_ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // Surrogates are no characters of their own.
  return String.fromCodePoint(...points, last + 1 === 0xd800 ? 0xe000 : last + 1);
}

/** Under a key with dots or a dollar sign, which a path would take for something else. */
function oddKeyQuery(key: string, condition: AudienceCondition): Query {
  const value = { $getField: { field: { $literal: key }, input: { $ifNull: ["$metadata", {}] } } };
  const isText = { $eq: [{ $type: value }, "string"] };
  const claim = (operator: string, operand: unknown): Query => ({ [operator]: [value, { $literal: operand }] });
  const claims = (): Query[] => {
    if ("eq" in condition) return [claim("$eq", condition.eq)];
    if ("ne" in condition) return [{ $not: [claim("$eq", condition.ne)] }];
    if ("in" in condition) return [claim("$in", condition.in)];
    if ("exists" in condition) return [condition.exists ? isText : { $not: [isText] }];
    if ("gt" in condition) return [isText, claim("$gt", condition.gt)];
    if ("lt" in condition) return [isText, claim("$lt", condition.lt)];
    const end = afterPrefix(condition.startsWith);
    return [isText, claim("$gte", condition.startsWith), ...(end === null ? [] : [claim("$lt", end)])];
  };
  return { $expr: { $and: claims() } };
}

/** An area outside of which nobody matches, as a query; null where the filter has none. */
export function areaOf(filter: AudienceFilter): Query | null {
  if ("within" in filter) return pointQuery(filter.within);
  if (!("and" in filter)) return null;
  return filter.and.map(areaOf).find((area) => area !== null) ?? null;
}

const pointQuery = (area: Area): Query => ({ "location.point": { $geoWithin: geometryOf(area) } });

function placeQuery({ within, since }: AudiencePlace): Query {
  return {
    ...pointQuery(within),
    ...(since === undefined ? {} : { "location.at": { $gte: since } }),
  };
}

/** A circle over more than the earth is everywhere. */
function geometryOf(area: Area): Query {
  if ("circle" in area) {
    const { latitude, longitude, radiusMeters } = area.circle;
    return { $centerSphere: [[longitude, latitude], Math.min(radiusMeters / EARTH_RADIUS_METERS, Math.PI)] };
  }
  return { $geometry: { type: "Polygon", coordinates: [ringOf(area.polygon)] } };
}

const ringOf = (corners: readonly Coordinates[]): (readonly number[])[] => {
  const ring = corners.map(({ latitude, longitude }) => [longitude, latitude]);
  const [first] = ring;
  const last = ring.at(-1);
  const isClosed = first !== undefined && last !== undefined && first[0] === last[0] && first[1] === last[1];
  return isClosed || first === undefined ? ring : [...ring, first];
};
