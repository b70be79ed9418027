import { z } from "zod";
import { Conversation } from "./conversation.ts";
import { Ban, GovernanceAct, Freeze, Member, Mute, Role } from "./conversation-roles.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { ConversationId, Millis, UserId } from "./values.ts";

/**
 * Does one act of whoever governs a conversation: roles, mutes, the freeze, bans. What is so already is done again without
 * a trace, and what is over when it comes is not done at all. Refused: `not_found`, also for a role or a mute of who is no
 * participant; `object_deleted`; `access_denied` to an `actor` who has left, or whose role does not allow it
 * (details.reason, details.requiredRole).
 */
export const GovernConversation = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "GovernConversation",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    /** The user who does it; null: the backend, which may do everything. */
    actor: UserId.nullable(),
    act: GovernanceAct,
  }),
  reply: z.object({
    conversation: Conversation,
    /** Whom it is about, as far as she is a participant now. */
    member: Member.nullable(),
    /** The ban that is in force against her. */
    ban: Ban.nullable(),
  }),
  orderedBy: ({ conversationId }) => conversationId,
});

const Asked = z.object({
  conversationId: ConversationId,
  /** Who asks; null: the backend. */
  viewer: UserId.nullable(),
});
const MAX_MEMBERS_PER_PAGE = 500;
const Page = { after: UserId.nullable(), limit: z.number().int().min(1).max(MAX_MEMBERS_PER_PAGE) };

/**
 * A page of a conversation's participants by user id, with their roles and mutes. Refused: `not_found`; `object_deleted`;
 * `access_denied` to who has left.
 */
export const ListMembers = defineQuery({
  service: "conversation",
  name: "ListMembers",
  version: 1,
  /** Absent: whatever it is. */
  payload: Asked.extend({ ...Page, role: Role.optional(), isMuted: z.boolean().optional() }),
  /** `members` is null when `after` is not in this list; `total` counts what the filter lets through. */
  reply: z.object({ members: z.array(Member).nullable(), total: z.number().int() }),
});

/** One participant; null for whoever is none. Refused as ListMembers. */
export const GetMember = defineQuery({
  service: "conversation",
  name: "GetMember",
  version: 1,
  payload: Asked.extend({ userId: UserId }),
  reply: z.object({ member: Member.nullable() }),
});

/** A page of the bans in force, by user id. Refused as ListMembers, and with `access_denied` to who is below a moderator. */
export const ListBans = defineQuery({
  service: "conversation",
  name: "ListBans",
  version: 1,
  payload: Asked.extend(Page),
  /** `bans` is null when `after` is not in this list. */
  reply: z.object({ bans: z.array(Ban).nullable(), total: z.number().int() }),
});

/** The ban in force against one user; null where there is none. Refused as ListBans. */
export const GetBan = defineQuery({
  service: "conversation",
  name: "GetBan",
  version: 1,
  payload: Asked.extend({ userId: UserId }),
  reply: z.object({ ban: Ban.nullable() }),
});

const producer = { version: 1, producer: "conversation" } as const;
/** By which user; null: by the backend. */
const About = z.object({ conversationId: ConversationId, by: UserId.nullable(), at: Millis });
const AboutMember = About.extend({ userId: UserId });

/** A participant has another role, also one with which the conversation was created. Who leaves loses hers without a word. */
export const MemberRoleChanged = defineEvent({
  ...producer,
  name: "conversation.member.role_changed",
  payload: AboutMember.extend({ role: Role, previousRole: Role }),
});

/** She sends nothing until then (null: until she is unmuted). It ends by the clock, without another event. */
export const MemberMuted = defineEvent({
  ...producer,
  name: "conversation.member.muted",
  payload: AboutMember.extend(Mute.pick({ until: true, reason: true }).shape),
});

/** She may send again, before the mute has ended by itself. */
export const MemberUnmuted = defineEvent({
  ...producer,
  name: "conversation.member.unmuted",
  payload: AboutMember,
});

/** She is out, and does not come in until then (null: until she is unbanned). It ends by the clock, without another event. */
export const MemberBanned = defineEvent({
  ...producer,
  name: "conversation.member.banned",
  payload: AboutMember.extend(Ban.pick({ expiresAt: true, reason: true }).shape),
});

/** She may come in again; she is not brought back by this. */
export const MemberUnbanned = defineEvent({
  ...producer,
  name: "conversation.member.unbanned",
  payload: AboutMember,
});

/** Nobody below a moderator writes until it is unfrozen. */
export const ConversationFrozen = defineEvent({
  ...producer,
  name: "conversation.conversation.frozen",
  payload: About.extend(Freeze.pick({ reason: true }).shape),
});

/** Everybody may write again as before it was frozen. */
export const ConversationUnfrozen = defineEvent({
  ...producer,
  name: "conversation.conversation.unfrozen",
  payload: About,
});
