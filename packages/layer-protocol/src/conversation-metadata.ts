import { Buffer } from "node:buffer";
import { invalidProperty } from "./errors.ts";
import { isJsonObject, isPrototypeKey, isStorableKey } from "./json-object.ts";
import { formatPatchProperty } from "./patch-property.ts";

/** Metadata of a conversation: strings, and objects of such (server API 4.3). */
export interface ConversationMetadata {
  [key: string]: string | ConversationMetadata;
}

/** As deep as free JSON may be elsewhere; a patch that builds it key by key reaches no further. */
const MAX_DEPTH = 32;

/**
 * Checks what stands at `path` of the metadata; the root, and everything that is no string, must be an object.
 * @throws LayerError 422 `invalid_property` with the path of what is wrong, `metadata` for the root
 */
export function parseMetadataValue(value: unknown, path: readonly string[]): string | ConversationMetadata {
  if (typeof value === "string" && path.length > 0) return value.toWellFormed();
  return parseMetadata(value, path);
}

/** The same where only an object may stand. */
export function parseMetadata(value: unknown, path: readonly string[] = []): ConversationMetadata {
  if (!isJsonObject(value)) {
    throw invalidProperty(
      metadataProperty(path),
      path.length === 0 ? "must be an object" : "must be a string or object",
    );
  }
  if (path.length >= MAX_DEPTH) throw invalidProperty("metadata", `must be nested at most ${MAX_DEPTH} levels deep`);
  const entries = Object.entries(value).map(([key, member]): [string, string | ConversationMetadata] => {
    if (!isMetadataKey(key)) throw invalidProperty(metadataProperty(path), "has a key that cannot be stored");
    return [key, parseMetadataValue(member, [...path, key])];
  });
  return Object.fromEntries(entries);
}

/** @throws LayerError 422 `invalid_property` `metadata` beyond `maxBytes` of JSON */
export function requireMetadataWithin(maxBytes: number, metadata: ConversationMetadata): void {
  if (Buffer.byteLength(JSON.stringify(metadata)) > maxBytes) {
    throw invalidProperty("metadata", `must have at most ${maxBytes} bytes of JSON`);
  }
}

/** A patch names keys by a path, in which an empty one cannot be told (server API 5). */
const isMetadataKey = (key: string): boolean => key !== "" && !isPrototypeKey(key) && isStorableKey(key);

const metadataProperty = (path: readonly string[]): string => formatPatchProperty(["metadata", ...path]);
