import { invalidProperty } from "./errors.ts";
import { isStorableKey } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";

/** A text, or of a time its milliseconds, or `now-7d` and its like as it stands. */
export type AudienceValue = string | number;

export type AudienceField = (typeof FIELDS)[number] | `metadata.${string}`;

export type AudienceCondition = { field: AudienceField } & (
  | { eq: AudienceValue }
  | { ne: AudienceValue }
  | { in: AudienceValue[] }
  | { exists: boolean }
  | { gt: AudienceValue }
  | { lt: AudienceValue }
  | { startsWith: string }
);

const TEXT_FIELDS = [
  "user_id",
  "display_name",
  "first_name",
  "last_name",
  "email_address",
  "phone_number",
  "identity_type",
  "platform",
  "locale",
  "time_zone",
] as const;
const TIME_FIELDS = ["created_at", "last_seen_at"] as const;
const FIELDS = [...TEXT_FIELDS, "app_version", ...TIME_FIELDS] as const;
const METADATA = "metadata.";

const OPERATORS = ["eq", "ne", "in", "exists", "gt", "lt", "starts_with"] as const;
type Operator = (typeof OPERATORS)[number];

/** The most values of one `in`. */
const MAX_VALUES = 1_000;
const MAX_VALUE_LENGTH = 1_024;
const MAX_KEY_LENGTH = 256;

/** Of what has few values only these make sense, and a slip of the pen would be an empty audience. */
const VALUES_OF_FIELD: Readonly<Record<string, readonly string[]>> = {
  platform: ["ios", "android", "web"],
  identity_type: ["user", "bot"],
};

const RELATIVE_TIME = /^now-\d{1,9}[smhd]$/;
const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const VERSION = /^v?\d{1,16}(\.\d{1,16})*(?!\d)/i;

/**
 * Parses one condition: a field and one operator.
 * @throws LayerError 422 `missing_property`; 422 `invalid_property`, naming the path below `path`
 */
export function parseCondition(fields: JsonObject, path: string): AudienceCondition {
  const field = parseField(fields.field, `${path}.field`);
  const operator = operatorOf(fields, path);
  const at = `${path}.${operator}`;
  const operand = fields[operator];
  switch (operator) {
    case "exists":
      if (typeof operand !== "boolean") throw invalidProperty(at, "must be true or false");
      return { field, exists: operand };
    case "in":
      return { field, in: parseValues(field, operand, at) };
    case "starts_with":
      return { field, startsWith: parsePrefix(field, operand, at) };
    case "eq":
      return { field, eq: parseValue(field, operand, at) };
    case "ne":
      return { field, ne: parseValue(field, operand, at) };
    case "gt":
      return { field, gt: parseValue(field, operand, at) };
    case "lt":
      return { field, lt: parseValue(field, operand, at) };
    default:
      return operator satisfies never;
  }
}

const isKnownField = (field: string): field is (typeof FIELDS)[number] => FIELDS.some((name) => name === field);
const isMetadataField = (field: string): field is `metadata.${string}` => field.startsWith(METADATA);
export const isTimeField = (field: string): boolean => TIME_FIELDS.some((name) => name === field);

function parseField(field: unknown, path: string): AudienceField {
  if (typeof field !== "string") throw invalidProperty(path, "must be a string");
  if (isKnownField(field)) return field;
  if (!isMetadataField(field)) {
    throw invalidProperty(path, `is not known: ${FIELDS.join(", ")} and metadata.<key> are`);
  }
  const key = field.slice(METADATA.length);
  if (key === "" || key.length > MAX_KEY_LENGTH || !isStorableKey(key)) {
    throw invalidProperty(path, "names no key that metadata can have");
  }
  return field;
}

function operatorOf(fields: JsonObject, path: string): Operator {
  const named = Object.keys(fields).filter((key) => key !== "field");
  const unknown = named.find((key) => !OPERATORS.some((operator) => operator === key));
  if (unknown !== undefined) {
    throw invalidProperty(`${path}.${unknown}`, `is no operator: ${OPERATORS.join(", ")} are`);
  }
  const operators = OPERATORS.filter((operator) => named.includes(operator));
  const [operator] = operators;
  if (operator === undefined || operators.length > 1) {
    throw invalidProperty(path, `must have exactly one operator: ${OPERATORS.join(", ")}`);
  }
  return operator;
}

function parseValues(field: AudienceField, values: unknown, path: string): AudienceValue[] {
  if (!Array.isArray(values) || values.length === 0) throw invalidProperty(path, "must be an array with values in it");
  if (values.length > MAX_VALUES) throw invalidProperty(path, `must have at most ${MAX_VALUES} values`);
  return values.map((value: unknown, index) => parseValue(field, value, `${path}[${index}]`));
}

function parsePrefix(field: AudienceField, prefix: unknown, path: string): string {
  if (isTimeField(field) || field === "app_version") throw invalidProperty(path, `does not go with ${field}`);
  const text = parseText(prefix, path);
  if (text === "") throw invalidProperty(path, "must not be empty");
  return text;
}

function parseValue(field: AudienceField, value: unknown, path: string): AudienceValue {
  if (isTimeField(field)) return parseTime(value, path);
  const text = parseText(value, path);
  if (field === "app_version" && !VERSION.test(text)) throw invalidProperty(path, "must be a version, such as 10.2");
  const allowed = VALUES_OF_FIELD[field];
  if (allowed !== undefined && !allowed.includes(text)) {
    throw invalidProperty(path, `must be one of ${allowed.join(", ")}`);
  }
  return text;
}

function parseText(value: unknown, path: string): string {
  if (value === null) throw invalidProperty(path, "must not be null: exists asks for what is not there");
  if (typeof value !== "string") throw invalidProperty(path, "must be a string");
  if (value.length > MAX_VALUE_LENGTH) throw invalidProperty(path, `must have at most ${MAX_VALUE_LENGTH} characters`);
  if (!value.isWellFormed()) throw invalidProperty(path, "has an unpaired surrogate");
  return value;
}

function parseTime(value: unknown, path: string): AudienceValue {
  if (typeof value === "string" && RELATIVE_TIME.test(value)) return value;
  const at = typeof value === "string" && ISO_TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (!(at >= 0)) throw invalidProperty(path, "must be a time of ISO 8601 since 1970, or such as now-7d (s, m, h, d)");
  return at;
}
