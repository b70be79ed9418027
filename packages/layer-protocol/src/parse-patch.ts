import { invalidProperty, invalidRequest } from "./errors.ts";
import { isJsonObject, isPrototypeKey, isStorable } from "./json-object.ts";
import { parsePatchProperty } from "./patch-property.ts";

const OPERATIONS = ["add", "remove", "set", "delete"] as const;
export type PatchVerb = (typeof OPERATIONS)[number];

/** One operation of a Layer-Patch, its form checked and its path split. */
export interface PatchOperation {
  readonly operation: PatchVerb;
  /** As the client wrote it: errors name it. */
  readonly property: string;
  readonly root: string;
  /** The keys below the root property; empty when the operation is on the property itself. */
  readonly path: readonly string[];
  /** Names an object by id; with a `value` as well, that is the object's body. */
  readonly id?: string;
  /** undefined: the operation has none. */
  readonly value?: unknown;
}

/**
 * Checks the form of a Layer-Patch body (server API 5). Whether its properties may be touched is `applyPatch`'s.
 * @throws LayerError 400 `invalid_request` when it is no array; 422 `invalid_property` otherwise, naming `operation`,
 * `property`, `id` or `value` where that member is bad, and the property itself where its path is
 */
export function parsePatch(body: unknown): PatchOperation[] {
  if (!Array.isArray(body)) throw invalidRequest("A Layer-Patch body must be an array of operations");
  return body.map(parseOperation);
}

function parseOperation(entry: unknown): PatchOperation {
  if (!isJsonObject(entry)) throw invalidProperty("operation", "must be a member of an object");
  const operation = OPERATIONS.find((verb) => verb === entry.operation);
  if (operation === undefined) throw invalidProperty("operation", `must be one of ${OPERATIONS.join(", ")}`);
  const { property, id, value } = entry;
  if (typeof property !== "string") throw invalidProperty("property", "must be a string");
  const keys = parsePatchProperty(property);
  if (keys === null) throw invalidProperty(property, "is not a path that may be changed");
  const [root, ...path] = keys;
  const base = { operation, property, root, path };
  if (operation === "delete") return base;
  if (id !== undefined && typeof id !== "string") throw invalidProperty("id", "must be a string");
  if (id === undefined && value === undefined) throw invalidProperty("value", `is required to ${operation}`);
  if (!isSafeOperand(value)) throw invalidProperty("value", "has keys that cannot be stored, or is nested too deeply");
  if (operation !== "set" && id === undefined && typeof value === "object" && value !== null) {
    throw invalidProperty("value", `must be no array or object to ${operation}`);
  }
  return { ...base, ...(id === undefined ? {} : { id }), ...(value === undefined ? {} : { value }) };
}

const isSafeOperand = (value: unknown): boolean => isStorable(value) && !hasPrototypeKey(value);

const hasPrototypeKey = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).some(([key, member]) => isPrototypeKey(key) || hasPrototypeKey(member));
