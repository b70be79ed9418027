import { invalidOperation, invalidProperty } from "./errors.ts";
import { IdentityBody, type IdentityFields } from "./identities.ts";
import { parsePatch, type PatchOperation } from "./parse-patch.ts";
import { usesIdentityIds, type LayerVersion } from "./versions.ts";

type TextField = Exclude<keyof IdentityFields, "identityType" | "metadata">;

/** One step of a change of an identity. */
export type IdentityChange =
  | { kind: "set-text"; field: TextField; value: string | null }
  | { kind: "set-type"; value: "user" | "bot" }
  | { kind: "set-metadata"; key: string; value: string }
  | { kind: "delete-metadata"; key: string }
  | { kind: "replace-metadata"; metadata: Record<string, string> };

/** They travel in one command; an identity has nothing like as many fields. */
const MAX_OPERATIONS = 1_000;

const TEXT_FIELDS = {
  display_name: "displayName",
  avatar_url: "avatarUrl",
  first_name: "firstName",
  last_name: "lastName",
  phone_number: "phoneNumber",
  email_address: "emailAddress",
  public_key: "publicKey",
} as const satisfies Record<string, TextField>;

const isTextProperty = (property: string): property is keyof typeof TEXT_FIELDS => Object.hasOwn(TEXT_FIELDS, property);

/**
 * Reads a Layer-Patch of an identity (server API 5, 10.1): `set` of its fields and of `metadata`, `set` and `delete` of
 * a key of it. null empties a field, but not `display_name`. How many keys there are after all of them is known only to
 * whoever applies them. 1.x knows no `identity_type`.
 * @throws LayerError 400 `invalid_request` for a body that is no array; 422 `invalid_property` naming the property, also
 * for `id`, `url` and `user_id`, which never change; 422 `invalid_operation` for more than 1,000 operations
 */
export function parseIdentityPatch(version: LayerVersion, body: unknown): IdentityChange[] {
  const operations = parsePatch(body);
  if (operations.length > MAX_OPERATIONS) throw invalidOperation(`At most ${MAX_OPERATIONS} operations at once`);
  return operations.map((operation) => changeOf(version, operation));
}

function changeOf(version: LayerVersion, operation: PatchOperation): IdentityChange {
  const { root, path, property } = operation;
  if (root === "metadata") return metadataChange(operation);
  if (operation.operation !== "set" || path.length > 0 || operation.id !== undefined) throw refused(operation);
  if (root === "identity_type" && usesIdentityIds(version)) {
    const value = valueOf(IdentityBody.shape.identity_type, operation) ?? "user";
    return { kind: "set-type", value };
  }
  if (!isTextProperty(root)) throw invalidProperty(property, "cannot be changed");
  return { kind: "set-text", field: TEXT_FIELDS[root], value: valueOf(IdentityBody.shape[root], operation) ?? null };
}

function metadataChange(operation: PatchOperation): IdentityChange {
  const [key, ...deeper] = operation.path;
  if (deeper.length > 0 || operation.id !== undefined) throw refused(operation);
  if (operation.operation === "set") {
    if (key === undefined) {
      return { kind: "replace-metadata", metadata: valueOf(IdentityBody.shape.metadata, operation) };
    }
    if (typeof operation.value !== "string") throw refused(operation);
    return { kind: "set-metadata", key, value: operation.value };
  }
  // A root property is emptied by setting it to null; it cannot be deleted (server API 5).
  if (operation.operation === "delete" && key !== undefined) return { kind: "delete-metadata", key };
  throw refused(operation);
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

/** The value by the rule that POST and PUT hold it against; the property is named as the client wrote it. */
function valueOf<T>(schema: Schema<T>, operation: PatchOperation): T {
  const parsed = schema.safeParse(operation.value);
  if (!parsed.success) throw refused(operation);
  return parsed.data;
}

const refused = ({ property, operation }: PatchOperation) =>
  invalidProperty(property, `does not take this ${operation}`);
