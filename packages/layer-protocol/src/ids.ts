const SCHEME = "layer:///";
const UUID_SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The objects that are named by a UUID of their own; the word is the segment of their URI (server API 2.1). */
export type ObjectKind =
  | "announcements"
  | "conversations"
  | "messages"
  | "content"
  | "exports"
  | "segments"
  | "invites"
  | "membership_rules"
  | "rule_runs"
  | "flags"
  | "decisions"
  | "refusals"
  | "notifications"
  | "providers"
  | "keys";

/** Whether text is a UUID of RFC 4122, in either letter case. */
export const isUuid = (text: string): boolean => UUID_SHAPE.test(text);

/** `layer:///announcements/<uuid>` and its like. */
export const objectUri = (kind: ObjectKind, uuid: string): string => `${SCHEME}${kind}/${uuid}`;

/** The UUID, in lower case, of a URI of this kind or of a bare UUID (2.1: both are taken everywhere); null otherwise. */
export function parseObjectId(kind: ObjectKind, text: string): string | null {
  const prefix = `${SCHEME}${kind}/`;
  const uuid = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  return isUuid(uuid) ? uuid.toLowerCase() : null;
}

/** The objects that have parts. */
export type PartOwner = "announcements" | "messages";

/** `layer:///messages/<uuid>/parts/<part>`: `part` is the position in 1.x and 2.0, a UUID in 3.0 messages. */
export const partUri = (owner: PartOwner, uuid: string, part: number | string): string =>
  `${objectUri(owner, uuid)}/parts/${part}`;

/** The owner and the part named by a part's URI; null when it is none. */
export function parsePartUri(owner: PartOwner, text: string): { uuid: string; part: number | string } | null {
  const [ownerUri = "", part = "", ...more] = text.split("/parts/");
  const uuid = ownerUri.startsWith(SCHEME) ? parseObjectId(owner, ownerUri) : null;
  if (uuid === null || more.length > 0) return null;
  if (isUuid(part)) return { uuid, part: part.toLowerCase() };
  return /^(0|[1-9]\d{0,5})$/.test(part) ? { uuid, part: Number(part) } : null;
}

/** What an app is for, as the full form of its id says it. */
export type AppUriEnvironment = "production" | "staging";

/** `layer:///apps/production/<uuid>`: the full form of an app's id. */
export const appUri = (appId: string, environment: AppUriEnvironment = "production"): string =>
  `${SCHEME}apps/${environment}/${appId}`;

/** The environment that the full form of an app's id names; null where it names none. */
export function environmentInAppId(text: string): AppUriEnvironment | null {
  const [, environment] = /^layer:\/\/\/apps\/(staging|production)\//.exec(text) ?? [];
  return environment === "staging" || environment === "production" ? environment : null;
}

/** The app's UUID, bare or in any of the full forms; clients strip to the last segment themselves (2.1). */
export function parseAppId(text: string): string | null {
  const uuid = text.replace(/^layer:\/\/\/apps\/(staging\/|production\/)?/, "");
  return isUuid(uuid) ? uuid.toLowerCase() : null;
}
