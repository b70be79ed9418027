import { invalidProperty } from "./errors.ts";
import { parsePatch } from "./parse-patch.ts";

/** 30 seconds to a year (server API 10.5). */
export const SESSION_TTL_SECONDS = { min: 30, max: 31_536_000 } as const;

/**
 * The session TTL that a Layer-Patch of an app sets (server API 10.5), the last one; null when it sets none.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` naming the property
 */
export function parseAppPatch(body: unknown): number | null {
  let sessionTtlSeconds: number | null = null;
  for (const { operation, property, id, value } of parsePatch(body)) {
    if (property !== "session_ttl_in_seconds") throw invalidProperty(property, "cannot be changed");
    if (operation !== "set" || id !== undefined) throw invalidProperty(property, `does not take this ${operation}`);
    if (!isSessionTtl(value)) {
      throw invalidProperty(
        property,
        `must be an integer from ${SESSION_TTL_SECONDS.min} to ${SESSION_TTL_SECONDS.max}`,
      );
    }
    sessionTtlSeconds = value;
  }
  return sessionTtlSeconds;
}

const isSessionTtl = (value: unknown): value is number =>
  typeof value === "number" &&
  Number.isInteger(value) &&
  value >= SESSION_TTL_SECONDS.min &&
  value <= SESSION_TTL_SECONDS.max;
