import { isDeepStrictEqual } from "node:util";
import type { Metadata } from "@strata/contracts";

/** Whether two are the same, in whatever order their keys are. */
export const isSameMetadata = (one: Metadata, other: Metadata): boolean => isDeepStrictEqual(one, other);

const isMetadata = (value: string | Metadata | undefined): value is Metadata => typeof value === "object";

/** What a key holds itself, and not by way of JavaScript's own objects. */
const heldBy = (metadata: Metadata, key: string): string | Metadata | undefined =>
  Object.hasOwn(metadata, key) ? metadata[key] : undefined;

/**
 * With a value at a path, whose missing parents are made; at the empty path it replaces the whole. null: a string stands
 * in the way, or would be the whole.
 */
export function withValue(metadata: Metadata, path: readonly string[], value: string | Metadata): Metadata | null {
  const [key, ...rest] = path;
  if (key === undefined) return isMetadata(value) ? value : null;
  if (rest.length === 0) return { ...metadata, [key]: value };
  const parent = heldBy(metadata, key) ?? {};
  const changed = isMetadata(parent) ? withValue(parent, rest, value) : null;
  return changed && { ...metadata, [key]: changed };
}

/** Without what is at a path; the empty path empties the whole. null: a string stands in the way. */
export function withoutValue(metadata: Metadata, path: readonly string[]): Metadata | null {
  const [key, ...rest] = path;
  if (key === undefined) return {};
  const held = heldBy(metadata, key);
  if (held === undefined) return metadata;
  if (rest.length === 0) return Object.fromEntries(Object.entries(metadata).filter(([other]) => other !== key));
  const changed = isMetadata(held) ? withoutValue(held, rest) : null;
  return changed && { ...metadata, [key]: changed };
}

/** A path as the API writes it: a dot inside a key has a backslash before it. */
export const metadataProperty = (path: readonly string[]): string =>
  ["metadata", ...path.map((key) => key.replaceAll(".", "\\."))].join(".");

/** In bytes of UTF-8, as JSON: what its limit speaks of. */
export const metadataBytes = (metadata: Metadata): number => Buffer.byteLength(JSON.stringify(metadata));
