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
  const property = [...(prefix === "" ? [] : [prefix]), ...path].join(".");
  throw invalidProperty(property, issue === undefined ? undefined : `is not valid: ${issue.message}`);
}
