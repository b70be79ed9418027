import { parseMetadata, requireMetadataWithin } from "./conversation-metadata.ts";
import type { ConversationMetadata } from "./conversation-metadata.ts";
import { invalidProperty, missingProperty } from "./errors.ts";
import { objectUri } from "./ids.ts";
import { isAbsent, requireJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseTime } from "./start-times.ts";
import { formatTime } from "./timestamps.ts";
import { appUrl, userUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";
import { formatUserReference, parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

export type InviteState = "pending" | "accepted" | "declined" | "revoked" | "expired";
const STATES: readonly InviteState[] = ["pending", "accepted", "declined", "revoked", "expired"];

/** What an invite is asked to be: for one user, or a code that so many may use. */
export interface NewInvite {
  to: { userId: string } | { maxUses: number };
  inviter: string | null;
  metadata: ConversationMetadata;
  /** Milliseconds; null: it does not expire. */
  expiresAt: number | null;
}

interface Reading {
  readonly version: LayerVersion;
  readonly now: number;
  readonly maxMetadataBytes: number;
  /** Who invites through her own door, in nobody else's name. */
  readonly actor: string | null;
}

const MAX_USES = 1_000;
const MAX_SECONDS = 400 * 86_400;
/** No code of ours is longer. */
const MAX_CODE_LENGTH = 64;

/**
 * Parses the body of `POST …/conversations/:id/invites`, an extension.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseInvite(body: unknown, reading: Reading): NewInvite {
  const fields = requireJsonObject(body);
  const { version, now, maxMetadataBytes, actor } = reading;
  const to = parseGuest(version, fields);
  const inviter = isAbsent(fields.inviter_id) ? actor : parseUser(version, fields.inviter_id, "inviter_id");
  if (actor !== null && inviter !== actor) throw invalidProperty("inviter_id", "can only be the user herself");
  const metadata = isAbsent(fields.metadata) ? {} : parseMetadata(fields.metadata);
  requireMetadataWithin(maxMetadataBytes, metadata);
  return { to, inviter, metadata, expiresAt: parseExpiry(fields, now) };
}

function parseGuest(version: LayerVersion, { user_id: userId, max_uses: maxUses }: JsonObject): NewInvite["to"] {
  if (isAbsent(userId) && isAbsent(maxUses)) throw missingProperty("user_id");
  if (isAbsent(maxUses)) return { userId: parseUser(version, userId, "user_id") };
  if (!isAbsent(userId)) throw invalidProperty("max_uses", "cannot go with user_id: she comes once");
  if (typeof maxUses !== "number" || !Number.isInteger(maxUses) || maxUses < 1 || maxUses > MAX_USES) {
    throw invalidProperty("max_uses", `must be an integer from 1 to ${MAX_USES}`);
  }
  return { maxUses };
}

function parseUser(version: LayerVersion, reference: unknown, property: string): string {
  const userId = typeof reference === "string" ? parseUserReference(version, reference) : null;
  if (userId === null) throw invalidProperty(property, "names no user");
  return userId;
}

function parseExpiry({ expires_at: expiresAt, ttl_seconds: ttl }: JsonObject, now: number): number | null {
  if (isAbsent(expiresAt)) {
    if (isAbsent(ttl)) return null;
    if (typeof ttl !== "number" || ttl < 1 || ttl > MAX_SECONDS) {
      throw invalidProperty("ttl_seconds", `must be a number from 1 to ${MAX_SECONDS}`);
    }
    return now + Math.round(ttl * 1_000);
  }
  if (!isAbsent(ttl)) throw invalidProperty("ttl_seconds", "cannot go with expires_at: both say when it expires");
  const at = parseTime(expiresAt, "expires_at", now);
  if (at <= now) throw invalidProperty("expires_at", "must be later than now");
  return at;
}

/**
 * Parses `invites` of a new conversation: the users who may come into it; none where nothing is said.
 * @throws LayerError 422 `invalid_property` `invites`, also with `distinct`, which goes by who takes part
 */
export function parseInvited(version: LayerVersion, fields: JsonObject, maxParticipants: number): string[] {
  const { invites } = fields;
  if (isAbsent(invites)) return [];
  if (!Array.isArray(invites)) throw invalidProperty("invites", "must be an array of users");
  if (invites.length > maxParticipants) throw invalidProperty("invites", `must be at most ${maxParticipants}`);
  if (fields.distinct === true) throw invalidProperty("invites", "cannot go with distinct");
  return [...new Set(invites.map((reference: unknown, index) => parseUser(version, reference, `invites.${index}`)))];
}

/** @throws LayerError 422 `invalid_property` `state` */
export function parseInviteState(value: unknown): InviteState | null {
  if (value === undefined) return null;
  const state = STATES.find((one) => one === value);
  if (!state) throw invalidProperty("state", `must be one of ${STATES.join(", ")}`);
  return state;
}

/**
 * Parses the body of `POST …/users/:user/redeem_invite`.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `code`
 */
export function parseInviteCode(body: unknown): string {
  const { code } = requireJsonObject(body);
  if (isAbsent(code)) throw missingProperty("code");
  if (typeof code !== "string" || code === "" || code.length > MAX_CODE_LENGTH) {
    throw invalidProperty("code", `must have 1 to ${MAX_CODE_LENGTH} characters`);
  }
  return code;
}

interface InviteFacts {
  readonly inviteId: string;
  readonly conversationId: string;
  readonly userId: string | null;
  readonly code: string | null;
  readonly maxUses: number;
  readonly uses: readonly { readonly userId: string | null; readonly at: number }[];
  readonly inviter: string | null;
  readonly metadata: ConversationMetadata;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly state: InviteState;
}

const userOf = (wire: WireContext, userId: string | null): string | null =>
  userId === null ? null : formatUserReference(wire.version, userId);

/** What whoever is invited sees: by whom, to what and until when, and nobody who came by it. */
export function guestInviteView(wire: WireContext, guest: string, invite: InviteFacts): JsonObject {
  const { inviteId, conversationId, userId, inviter, metadata, createdAt, expiresAt, state } = invite;
  return {
    id: objectUri("invites", inviteId),
    url: `${userUrl(wire, guest)}/invites/${inviteId}`,
    conversation: { id: objectUri("conversations", conversationId) },
    user_id: userOf(wire, userId),
    inviter_id: userOf(wire, inviter),
    metadata,
    state,
    created_at: formatTime(createdAt),
    expires_at: expiresAt === null ? null : formatTime(expiresAt),
  };
}

/** What the backend (`viewer` null) and who may invite see of it. */
export function inviteView(wire: WireContext, viewer: string | null, invite: InviteFacts): JsonObject {
  const base = viewer === null ? appUrl(wire) : userUrl(wire, viewer);
  const { inviteId, conversationId, code, maxUses, uses } = invite;
  const conversationUrl = `${base}/conversations/${conversationId}`;
  return {
    ...guestInviteView(wire, viewer ?? "", invite),
    url: `${conversationUrl}/invites/${inviteId}`,
    conversation: { id: objectUri("conversations", conversationId), url: conversationUrl },
    code,
    max_uses: maxUses,
    uses: uses.map(({ userId, at }) => ({ user_id: userOf(wire, userId), used_at: formatTime(at) })),
  };
}
