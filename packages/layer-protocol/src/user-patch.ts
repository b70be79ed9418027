import { invalidProperty } from "./errors.ts";
import { requireJsonObject, requireProperties } from "./json-object.ts";
import { parsePatch, type PatchOperation } from "./parse-patch.ts";
import { isUserId, parseUserReference } from "./user-ids.ts";
import { usesIdentityIds, type LayerVersion } from "./versions.ts";

/** One step of a change of whom a user blocks. */
export type BlocksChange =
  | { kind: "block"; userId: string }
  | { kind: "unblock"; userId: string }
  | { kind: "set"; userIds: string[] };

/** What a Layer-Patch of a user asks for. */
export interface UserPatch {
  readonly blocks: readonly BlocksChange[];
  /** null: nothing was said. The last word counts. */
  readonly isSuspended: boolean | null;
}

type UserProperty = "blocks" | "suspended";

/**
 * Reads a Layer-Patch of a user (server API 10.3, 10.4): `blocks` and, unless only some `properties` are there,
 * `suspended`. A blocked user is named by `value` or `id`, as the version writes users. From 2.0 `set` may only empty
 * the list.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` naming the property, or the operand that names nobody
 */
export function parseUserPatch(
  version: LayerVersion,
  body: unknown,
  properties: readonly UserProperty[] = ["blocks", "suspended"],
): UserPatch {
  const blocks: BlocksChange[] = [];
  let isSuspended: boolean | null = null;
  for (const operation of parsePatch(body)) {
    const root = properties.find((property) => property === operation.root);
    if (root === undefined || operation.path.length > 0) throw refused(operation);
    if (root === "blocks") blocks.push(blocksChange(version, operation));
    else isSuspended = suspension(operation);
  }
  return { blocks, isSuspended };
}

function blocksChange(version: LayerVersion, operation: PatchOperation): BlocksChange {
  if (operation.operation === "delete") throw refused(operation);
  if (operation.operation === "set") return { kind: "set", userIds: replacement(version, operation) };
  const userId = referenceOf(version, operation.id ?? operation.value);
  if (userId === null) throw invalidProperty(operation.id === undefined ? "value" : "id", "names no user");
  return { kind: operation.operation === "add" ? "block" : "unblock", userId };
}

function replacement(version: LayerVersion, operation: PatchOperation): string[] {
  if (!Array.isArray(operation.value) || operation.id !== undefined) throw invalidProperty("value", "must be an array");
  if (usesIdentityIds(version) && operation.value.length > 0) {
    throw invalidProperty(operation.property, "can only be set to an empty list: add those who are to be blocked");
  }
  return operation.value.map((entry: unknown, index) => {
    const userId = referenceOf(version, entry);
    if (userId === null) throw invalidProperty("value", `names no user at index ${index}`);
    return userId;
  });
}

const referenceOf = (version: LayerVersion, operand: unknown): string | null =>
  typeof operand === "string" ? parseUserReference(version, operand) : null;

function suspension(operation: PatchOperation): boolean {
  if (operation.operation !== "set" || operation.id !== undefined || typeof operation.value !== "boolean") {
    throw refused(operation);
  }
  return operation.value;
}

const refused = ({ property, operation }: PatchOperation) =>
  invalidProperty(property, `does not take this ${operation}`);

/**
 * The user whom `POST /users/:user/blocks` names (1.x).
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `user_id`
 */
export function parseBlock(body: unknown): string {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["user_id"]);
  if (typeof fields.user_id !== "string" || !isUserId(fields.user_id)) {
    throw invalidProperty("user_id", "must be a user id");
  }
  return fields.user_id;
}
