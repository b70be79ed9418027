import { isPrototypeKey, isStorableKey } from "./json-object.ts";

/**
 * Splits a Layer-Patch `property` at its dots; `\.` is a literal dot and any other backslash is itself (server API 5).
 * A key that ends with a backslash can therefore only come last: the format has no escape for it.
 * Null for what may not be touched: an empty segment, a key on the way to a prototype, a key no database stores.
 */
export function parsePatchProperty(property: string): [string, ...string[]] | null {
  const [root = "", ...path] = property.split(/(?<!\\)\./).map((segment) => segment.replaceAll("\\.", "."));
  return [root, ...path].some(isRefused) ? null : [root, ...path];
}

/** Joins keys into a `property`, the inverse of `parsePatchProperty`; change packets name their targets with it. */
export const formatPatchProperty = (path: readonly string[]): string =>
  path.map((key) => key.replaceAll(".", "\\.")).join(".");

const isRefused = (key: string): boolean => key === "" || isPrototypeKey(key) || !isStorableKey(key);
