import { invalidRequest, missingProperty } from "./errors.ts";

/** A parsed JSON object of which nothing else is known. */
export type JsonObject = Record<string, unknown>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Whether text can be a key of a stored document: BSON ends keys at NUL, and an unpaired surrogate does not survive
 * UTF-8. A key that failed only in the database would fail at every redelivery.
 */
export const isStorableKey = (key: string): boolean => key.isWellFormed() && !key.includes("\0");

/** Keys that reach a prototype when somebody assigns them: refused wherever a caller names keys. */
const PROTOTYPE_KEYS = new Set(["__proto__", "constructor", "prototype"]);
export const isPrototypeKey = (key: string): boolean => PROTOTYPE_KEYS.has(key);

/** MongoDB refuses documents nested deeper than 100 levels; nobody's payload comes near this. */
const MAX_DEPTH = 32;

/** Whether free JSON can be stored as it is: keys as above, and not nested without end. */
export function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1));
  return Object.entries(value).every(([key, member]) => isStorableKey(key) && isStorable(member, depth + 1));
}

/** The body as an object; anything else is structurally invalid (400). */
export function requireJsonObject(body: unknown): JsonObject {
  if (!isJsonObject(body)) throw invalidRequest("The body must be a JSON object");
  return body;
}

/** Throws for the first of `properties` that is absent or null: the order given is the order of the contract's tables. */
export function requireProperties(body: JsonObject, properties: readonly string[]): void {
  const absent = properties.find((property) => isAbsent(body[property]));
  if (absent !== undefined) throw missingProperty(absent);
}

/** Clients of the 2016 API send known-but-empty attributes as null, so null means absent. */
export const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;
