import { invalidProperty, missingProperty } from "./errors.ts";
import { basicIdentity } from "./identities.ts";
import { isAbsent, isJsonObject, requireJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { conversationUrl, userConversationUrl } from "./message-views.ts";
import type { Profiles } from "./sender-views.ts";
import { parseTime } from "./start-times.ts";
import { formatOptionalTime, formatTime } from "./timestamps.ts";
import type { WireContext } from "./urls.ts";
import { encodeUserId, formatUserReference, parseUserReference } from "./user-ids.ts";
import { usesIdentityIds } from "./versions.ts";
import type { LayerVersion } from "./versions.ts";

/** What a participant may do (an extension). */
export const ROLES = ["owner", "moderator", "member", "read-only"] as const;
export type Role = (typeof ROLES)[number];

export interface RoleOfUser {
  userId: string;
  role: Role;
}

/** When something was imposed, by which user (null: the backend), and why. */
interface Imposed {
  readonly at: number;
  readonly by: string | null;
  readonly reason: string | null;
}
export type FreezeFacts = Imposed;
interface MuteFacts extends Imposed {
  readonly until: number | null;
}
export interface MemberFacts {
  readonly userId: string;
  readonly role: Role;
  readonly mute: MuteFacts | null;
}
export interface BanFacts extends Imposed {
  readonly userId: string;
  readonly expiresAt: number | null;
}

const MAX_REASON = 512;
const MAX_SECONDS = 400 * 86_400;

const parseRole = (value: unknown, property: string): Role => {
  const role = ROLES.find((one) => one === value);
  if (role === undefined) throw invalidProperty(property, `must be one of ${ROLES.join(", ")}`);
  return role;
};

/**
 * Parses the `roles` of `POST /apps/:app/conversations`: of each participant who is named, what she may do.
 * @throws LayerError 422 `invalid_property` `roles`, or `roles.<user>`
 */
export function parseRoles(version: LayerVersion, roles: unknown, participants: readonly string[]): RoleOfUser[] {
  if (isAbsent(roles)) return [];
  if (!isJsonObject(roles)) throw invalidProperty("roles", "must be an object of roles by participant");
  const people = new Set(participants);
  const byUser = new Map<string, Role>();
  for (const [reference, value] of Object.entries(roles)) {
    const userId = parseUserReference(version, reference);
    if (userId === null || !people.has(userId)) throw invalidProperty(`roles.${reference}`, "names no participant");
    byUser.set(userId, parseRole(value, `roles.${reference}`));
  }
  return [...byUser].map(([userId, role]) => ({ userId, role }));
}

/** Parses the body of `PUT …/members/:member`. @throws LayerError 400; 422 `missing_property` or `invalid_property` `role` */
export function parseMemberChange(body: unknown): { role: Role } {
  const { role } = requireJsonObject(body);
  if (isAbsent(role)) throw missingProperty("role");
  return { role: parseRole(role, "role") };
}

/** Parses the body of `PUT …/mute`; without one she is muted until she is unmuted. */
export function parseMute(body: unknown, now: number): { until: number | null; reason: string | null } {
  const fields = optionalObject(body);
  return { until: parseEnd(fields, "muted_until", now), reason: parseReason(fields) };
}

/** Parses the body of `PUT …/bans/:member`; without one she is banned until she is unbanned. */
export function parseBan(body: unknown, now: number): { expiresAt: number | null; reason: string | null } {
  const fields = optionalObject(body);
  return { expiresAt: parseEnd(fields, "expires_at", now), reason: parseReason(fields) };
}

/** Parses the body of `PUT …/freeze`. */
export const parseFreeze = (body: unknown): { reason: string | null } => ({
  reason: parseReason(optionalObject(body)),
});

const optionalObject = (body: unknown): JsonObject => (body === undefined ? {} : requireJsonObject(body));

/** When it ends: at a moment, or so long from now. null: not by itself. */
function parseEnd(fields: JsonObject, property: "muted_until" | "expires_at", now: number): number | null {
  const { duration_seconds: duration, [property]: end } = fields;
  if (isAbsent(end)) return isAbsent(duration) ? null : now + parseDuration(duration);
  if (!isAbsent(duration))
    throw invalidProperty("duration_seconds", `cannot go with ${property}: both say when it ends`);
  const at = parseTime(end, property, now);
  if (at <= now) throw invalidProperty(property, "must be later than now");
  return at;
}

function parseDuration(value: unknown): number {
  if (typeof value !== "number" || value < 1 || value > MAX_SECONDS) {
    throw invalidProperty("duration_seconds", `must be a number from 1 to ${MAX_SECONDS}`);
  }
  return Math.round(value * 1_000);
}

function parseReason({ reason }: JsonObject): string | null {
  if (isAbsent(reason)) return null;
  const isText = typeof reason === "string" && reason.length > 0 && reason.length <= MAX_REASON;
  if (!isText || !reason.isWellFormed()) throw invalidProperty("reason", `must have 1 to ${MAX_REASON} characters`);
  return reason;
}

/**
 * Which members a list is asked for.
 * @throws LayerError 422 `invalid_property` `role` or `muted`
 */
export function parseMemberFilter({ role, muted }: Readonly<Record<string, unknown>>): {
  role?: Role;
  isMuted?: boolean;
} {
  if (muted !== undefined && muted !== "true" && muted !== "false") {
    throw invalidProperty("muted", "must be true or false");
  }
  return {
    ...(role === undefined ? {} : { role: parseRole(role, "role") }),
    ...(muted === undefined ? {} : { isMuted: muted === "true" }),
  };
}

/** Where something of a conversation is, as the viewer (null: the backend) has it. */
const below = (wire: WireContext, viewer: string | null, conversationId: string, path: string): string =>
  `${viewer === null ? conversationUrl(wire, conversationId) : userConversationUrl(wire, viewer, conversationId)}/${path}`;

const shownUser = (wire: WireContext, userId: string, profiles: Profiles) =>
  usesIdentityIds(wire.version) ? basicIdentity(wire, userId, profiles.get(userId) ?? null) : userId;

const byWhom = ({ version }: WireContext, by: string | null): string | null =>
  by === null ? null : formatUserReference(version, by);

interface Shown {
  readonly conversationId: string;
  readonly viewer: string | null;
  readonly profiles: Profiles;
}

/** A participant with her role, and the mute that is in force. */
export const memberView = (wire: WireContext, { userId, role, mute }: MemberFacts, shown: Shown) => ({
  url: below(wire, shown.viewer, shown.conversationId, `members/${encodeUserId(userId)}`),
  participant: shownUser(wire, userId, shown.profiles),
  role,
  mute: mute && {
    muted_at: formatTime(mute.at),
    muted_by: byWhom(wire, mute.by),
    muted_until: formatOptionalTime(mute.until),
    reason: mute.reason,
  },
});

/** A user who is out of a conversation and does not come in. */
export const banView = (wire: WireContext, { userId, at, by, reason, expiresAt }: BanFacts, shown: Shown) => ({
  url: below(wire, shown.viewer, shown.conversationId, `bans/${encodeUserId(userId)}`),
  user: shownUser(wire, userId, shown.profiles),
  banned_at: formatTime(at),
  banned_by: byWhom(wire, by),
  expires_at: formatOptionalTime(expiresAt),
  reason,
});

/** That a conversation is frozen. */
export const freezeView = (wire: WireContext, { at, by, reason }: FreezeFacts) => ({
  frozen_at: formatTime(at),
  frozen_by: byWhom(wire, by),
  reason,
});

/** Who has another role than member, as a version names users. */
export const rolesView = ({ version }: WireContext, roles: readonly RoleOfUser[]): Record<string, Role> =>
  Object.fromEntries(roles.map(({ userId, role }) => [formatUserReference(version, userId), role]));
