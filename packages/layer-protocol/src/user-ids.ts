import { invalidProperty } from "./errors.ts";
import { isStorableKey } from "./json-object.ts";
import { usesIdentityIds } from "./versions.ts";
import type { LayerVersion } from "./versions.ts";

/** What every id of an object begins with. */
const ANY_OBJECT = "layer:///";
const IDENTITIES = `${ANY_OBJECT}identities/`;
const MAX_LENGTH = 128;

/** Whether text can be a user id: 1 to 128 characters (server API 16) that survive storage unchanged. */
export const isUserId = (text: string): boolean => text.length >= 1 && text.length <= MAX_LENGTH && isStorableKey(text);

/**
 * A user id as one URL segment: `encodeURIComponent` and `! ~ ' ( )` as well. The web clients compare ids byte for
 * byte with their own encoding, which is this one (client API 2); with another one they do not recognise themselves.
 */
export const encodeUserId = (userId: string): string =>
  // Most ids have nothing to encode, and a page of messages names dozens of users.
  /^[\w.*-]*$/.test(userId)
    ? userId
    : encodeURIComponent(userId).replace(
        /[!~'()]/g,
        (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
      );

/** `layer:///identities/<encoded user id>`. */
export const identityUri = (userId: string): string => IDENTITIES + encodeUserId(userId);

/** The user id an identity URI names; null when it is none, or is encoded badly. */
export function parseIdentityUri(text: string): string | null {
  if (!text.startsWith(IDENTITIES)) return null;
  const userId = decodeOnce(text.slice(IDENTITIES.length));
  return userId !== null && isUserId(userId) ? userId : null;
}

/**
 * The user a body refers to (server API 1): the bare id in 1.x; from 2.0 the identity's URI, and still the bare id.
 * Null when it can be neither: the URI of something else is a mistake of the caller's, not a strange user id.
 */
export function parseUserReference(version: LayerVersion, text: string): string | null {
  if (usesIdentityIds(version) && text.startsWith(ANY_OBJECT)) return parseIdentityUri(text);
  return isUserId(text) ? text : null;
}

/** How a version writes a user: the bare id in 1.x, the identity's URI from 2.0. */
export const formatUserReference = (version: LayerVersion, userId: string): string =>
  usesIdentityIds(version) ? identityUri(userId) : userId;

/**
 * The user named by `from_id`, as URI or bare id, in any version. The clients put it into the query unescaped, so one
 * decoding has already been undone by the query parser (client API 1.5): what does not decode again is taken as it is.
 */
export function parseUserCursor(text: string): string | null {
  if (!text.startsWith(IDENTITIES)) return isUserId(text) ? text : null;
  const encoded = text.slice(IDENTITIES.length);
  const userId = decodeOnce(encoded) ?? encoded;
  return isUserId(userId) ? userId : null;
}

/**
 * A user id from a path, already decoded by the router.
 * @throws LayerError 422 `invalid_property` `user_id` (server API 4.2: over-length is 422, not 404)
 */
export function requireUserId(text: string): string {
  if (!isUserId(text)) throw invalidProperty("user_id", `must have 1 to ${MAX_LENGTH} characters`);
  return text;
}

function decodeOnce(text: string): string | null {
  // Most ids have nothing to decode, and lists have 100,000 of them.
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
