import { invalidProperty, invalidRequest } from "./errors.ts";
import { parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/**
 * Whom `POST /users/:user/following` names (server API 10.2): none twice, in the order given.
 * @throws LayerError 400 `invalid_request` for a body that is no array; 422 `invalid_property` `id` for an entry that
 * names nobody
 */
export function parseFollowing(version: LayerVersion, body: unknown): string[] {
  if (!Array.isArray(body)) throw invalidRequest("The body must be an array of identity ids");
  const userIds = body.map((entry: unknown, index) => {
    const userId = typeof entry === "string" ? parseUserReference(version, entry) : null;
    if (userId === null) throw invalidProperty("id", `at index ${index} names no user`);
    return userId;
  });
  return [...new Set(userIds)];
}
