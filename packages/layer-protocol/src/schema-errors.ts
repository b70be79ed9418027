import type { z } from "zod";
import { invalidProperty } from "./errors.ts";

/**
 * Parses a value by its schema; the first failure becomes 422 `invalid_property` with the dot path below `prefix`.
 * List positions are left out of the path, as in the contract's own `parts.mime_type`.
 */
export function parseBySchema<T>(schema: z.ZodType<T>, value: unknown, prefix = ""): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).filter((segment) => typeof segment === "string");
  const propertyAt = (names: readonly string[]): string => [...(prefix === "" ? [] : [prefix]), ...names].join(".");
  // A strict schema reports the object that has the property; the caller is told which property that is.
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  if (unknown !== undefined) throw invalidProperty(propertyAt([...path, unknown]), "is no property that there is");
  throw invalidProperty(propertyAt(path), issue === undefined ? undefined : `is not valid: ${issue.message}`);
}
