import { invalidProperty } from "./errors.ts";
import { isJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import type { PatchOperation } from "./parse-patch.ts";

/** What a member of a set is stored as; objects are stored by their id. */
export type SetMember = string | number | boolean;

/** A property whose value is replaced as a whole. */
export interface ValueProperty {
  readonly kind: "value";
  /** Whether this is a good value; null is how a client unsets. */
  readonly accepts: (value: unknown) => boolean;
}

/** An array with the semantics of a set; it keeps the order in which members came. */
export interface SetProperty {
  readonly kind: "set";
  /** The stored form of an operand (an `id`, or a scalar `value`, or one entry of a `set`); null refuses it. */
  readonly member: (operand: unknown) => SetMember | null;
  /** Whether `set` may put these members in place of all; absent: always. */
  readonly mayBecome?: (members: readonly SetMember[]) => boolean;
}

/** An object whose keys are set and deleted one by one, or replaced as a whole; deleting it empties it. */
export interface ObjectProperty {
  readonly kind: "object";
  /** Whether this may stand at this path below the property; nested objects are asked for as a whole. */
  readonly accepts: (value: unknown, path: readonly string[]) => boolean;
}

/** The properties an endpoint lets a patch touch; all others are refused, and none is ever created. */
export type PatchSchema = Readonly<Record<string, ValueProperty | SetProperty | ObjectProperty>>;

/**
 * Applies operations in order and returns the changed document: all of them, or none and an error. The document given
 * is never changed, and properties no operation touched are shared with it. Limits on the result (how many
 * participants, how much metadata) are the caller's to check on what comes back.
 * @throws LayerError 422 `invalid_property` naming the offending property, or `value` or `id` for a bad operand
 */
export function applyPatch<Document extends JsonObject>(
  document: Document,
  operations: readonly PatchOperation[],
  schema: PatchSchema,
): Document {
  const touched = new Map<string, unknown>();
  for (const operation of operations) {
    const target = Object.hasOwn(schema, operation.root) ? schema[operation.root] : undefined;
    if (target === undefined) throw refused(operation);
    const current = touched.has(operation.root) ? touched.get(operation.root) : draftOf(target, document, operation);
    touched.set(operation.root, applyOperation(target, current, operation));
  }
  const changed = [...touched].map(([root, value]): [string, unknown] => [
    root,
    value instanceof Set ? [...value] : value,
  ]);
  return { ...document, ...Object.fromEntries(changed) };
}

type PatchTarget = PatchSchema[string];

/** A copy that the operations may work on: sets as a Set, so that a long list of blocks costs what it should. */
function draftOf(target: PatchTarget, document: JsonObject, { root }: PatchOperation): unknown {
  const stored = Object.hasOwn(document, root) ? document[root] : undefined;
  if (target.kind === "set") return new Set(Array.isArray(stored) ? stored : []);
  if (target.kind === "object") return isJsonObject(stored) ? structuredClone(stored) : {};
  return stored;
}

function applyOperation(target: PatchTarget, draft: unknown, operation: PatchOperation): unknown {
  if (target.kind === "value") return applyToValue(target, operation);
  if (target.kind === "set") return applyToSet(target, draft instanceof Set ? draft : new Set(), operation);
  return applyToObject(target, isJsonObject(draft) ? draft : {}, operation);
}

function applyToValue(target: ValueProperty, operation: PatchOperation): unknown {
  if (operation.operation !== "set" || operation.path.length > 0) throw refused(operation);
  const value = operation.value ?? operation.id ?? null;
  if (!target.accepts(value)) throw refused(operation);
  return value;
}

function applyToSet(target: SetProperty, members: Set<unknown>, operation: PatchOperation): Set<unknown> {
  if (operation.path.length > 0 || operation.operation === "delete") throw refused(operation);
  if (operation.operation === "set") return new Set(replacement(target, operation));
  const member = target.member(operation.id ?? operation.value);
  if (member === null) throw badOperand(operation);
  if (operation.operation === "add") members.add(member);
  else members.delete(member);
  return members;
}

function replacement(target: SetProperty, operation: PatchOperation): SetMember[] {
  if (!Array.isArray(operation.value)) throw invalidProperty("value", "must be an array");
  const members = operation.value.map((entry: unknown) => {
    const member = target.member(entry);
    if (member === null) throw badOperand(operation);
    return member;
  });
  if (target.mayBecome?.(members) === false) throw refused(operation);
  return members;
}

function applyToObject(target: ObjectProperty, draft: JsonObject, operation: PatchOperation): JsonObject {
  if (operation.operation === "add" || operation.operation === "remove" || operation.id !== undefined) {
    throw refused(operation);
  }
  const [last, ...parents] = operation.path.toReversed();
  if (operation.operation === "delete") {
    if (last === undefined) return {};
    const parent = descend(draft, parents.toReversed(), operation, { creating: false });
    if (parent !== null) delete parent[last];
    return draft;
  }
  if (!target.accepts(operation.value, operation.path)) throw refused(operation);
  const value: unknown = structuredClone(operation.value);
  if (last === undefined) {
    if (!isJsonObject(value)) throw refused(operation);
    return value;
  }
  const parent = descend(draft, parents.toReversed(), operation, { creating: true });
  if (parent !== null) parent[last] = value;
  return draft;
}

/** The object at the end of a path; a missing one is created or, to delete, null. A scalar on the way is refused. */
function descend(
  from: JsonObject,
  path: readonly string[],
  operation: PatchOperation,
  { creating }: { creating: boolean },
): JsonObject | null {
  let current = from;
  for (const key of path) {
    const next = Object.hasOwn(current, key) ? current[key] : undefined;
    if (next === undefined && !creating) return null;
    const child = next === undefined ? {} : next;
    if (!isJsonObject(child)) throw refused(operation);
    current[key] = child;
    current = child;
  }
  return current;
}

const refused = (operation: PatchOperation) =>
  invalidProperty(operation.property, `does not take this ${operation.operation}`);

const badOperand = (operation: PatchOperation) =>
  invalidProperty(operation.id === undefined ? "value" : "id", `cannot be a member of ${operation.property}`);
