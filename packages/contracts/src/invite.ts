import { z } from "zod";
import { Conversation, ConversationLimits, ConversationState, Standing } from "./conversation.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { ConversationId, Metadata, Millis, UserId } from "./values.ts";

export const InviteId = z.uuid();

/** As many times a code may be used as a conversation may have participants. */
export const MAX_INVITE_USES = 1_000;

/** As long as a code can be; those that we make are shorter. Whoever has one may come in, so it is a secret. */
export const InviteCode = z.string().min(16).max(64);

/**
 * `pending`: who is invited may still come. `accepted`: she has, or, of a code, all its uses are taken. `expired` follows from
 * the clock.
 */
export const InviteState = z.enum(["pending", "accepted", "declined", "revoked", "expired"]);
export type InviteState = z.infer<typeof InviteState>;

/** Who came by it; null for who was deleted since. */
const InviteUse = z.object({ userId: UserId.nullable(), at: Millis });

/** A way into a conversation: for one user, who may accept it, or for whoever has its code. */
export const Invite = z.object({
  inviteId: InviteId,
  conversationId: ConversationId,
  /** null where there is a code. */
  userId: UserId.nullable(),
  code: InviteCode.nullable(),
  maxUses: z.number().int().min(1).max(MAX_INVITE_USES),
  uses: z.array(InviteUse),
  /** In whose name; null: the app's. */
  inviter: UserId.nullable(),
  /** What the invited user is to know before she comes; nothing else of the conversation is shown to her. */
  metadata: Metadata,
  createdAt: Millis,
  expiresAt: Millis.nullable(),
  state: InviteState,
});
export type Invite = z.infer<typeof Invite>;

/** What an invite is made of. */
export const InviteTerms = z.object({
  inviter: UserId.nullable(),
  metadata: Metadata,
  expiresAt: Millis.nullable(),
});
export type InviteTerms = z.infer<typeof InviteTerms>;

/** One writer per conversation: who comes in, and how many have, is settled there. */
const ofConversation = {
  service: "conversation",
  lane: "conversations",
  version: 1,
  orderedBy: ({ conversationId }: { readonly conversationId: string }): string => conversationId,
} as const;

/**
 * Invites a user, who is made known to the directory where she is not, or makes a code. `conflict`: she has an invite that
 * is pending, which is in the answer. `in-use`: the id was taken by another command; null when that is not this
 * conversation's. Refused: `not_found`; `object_deleted`; `access_denied` when `actor` has left; `conversation_closed`;
 * `invalid_property` `user_id` for who takes part already, `invites` when there are too many.
 */
export const CreateInvite = defineCommand({
  ...ofConversation,
  name: "CreateInvite",
  payload: InviteTerms.extend({
    conversationId: ConversationId,
    inviteId: InviteId,
    /** The user who does it, who must be a participant; null: the backend. */
    actor: UserId.nullable(),
    to: z.union([
      z.object({ userId: UserId }),
      z.object({ code: InviteCode, maxUses: z.number().int().min(1).max(MAX_INVITE_USES) }),
    ]),
  }),
  reply: z.object({ outcome: z.enum(["created", "conflict", "in-use"]), invite: Invite.nullable() }),
});

/**
 * A user comes into a conversation by an invite of hers, or by a code. Who is in it already stays in it, and takes no use of
 * a code. Refused: `not_found`, also for somebody else's; `object_deleted` when it is over, or the conversation;
 * `conversation_closed`; `invalid_property` `participants` when it is full.
 */
export const AcceptInvite = defineCommand({
  ...ofConversation,
  name: "AcceptInvite",
  payload: z.object({
    conversationId: ConversationId,
    inviteId: InviteId,
    userId: UserId,
    limits: ConversationLimits,
  }),
  reply: Conversation,
});

/** A user does not want to come. Again: the same. Refused: `not_found`; `object_deleted` when it is over otherwise. */
export const DeclineInvite = defineCommand({
  ...ofConversation,
  name: "DeclineInvite",
  payload: z.object({ conversationId: ConversationId, inviteId: InviteId, userId: UserId }),
});

/**
 * Nobody comes in by it any more. Again: the same, and so for one that has expired. Refused: `not_found`; `access_denied` when
 * `actor` has left; `object_deleted` when there is nothing to take back: it was accepted or declined.
 */
export const RevokeInvite = defineCommand({
  ...ofConversation,
  name: "RevokeInvite",
  payload: z.object({ conversationId: ConversationId, inviteId: InviteId, actor: UserId.nullable() }),
});

/**
 * One invite, by its id or its code; null where there is none to the viewer: the backend (null), who is invited by it, who has its code, or a
 * participant of its conversation.
 */
export const GetInvite = defineQuery({
  service: "conversation",
  name: "GetInvite",
  version: 1,
  payload: z.object({
    by: z.union([z.object({ inviteId: InviteId }), z.object({ code: z.string() })]),
    viewer: UserId.nullable(),
  }),
  reply: z.object({
    invite: Invite.nullable(),
    /** The viewer sees it as who is invited, and no participant: nobody else's use of it is hers to see. */
    isGuest: z.boolean(),
  }),
});

const Paged = { after: InviteId.nullable(), limit: z.number().int().min(1).max(100) };

/** A conversation's invites, newest first. `invites` is null where the viewer does not take part, or `after` is none of them. */
export const ListInvites = defineQuery({
  service: "conversation",
  name: "ListInvites",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    viewer: UserId.nullable(),
    state: InviteState.nullable(),
    ...Paged,
  }),
  reply: z.object({
    state: ConversationState,
    standing: Standing,
    invites: z.array(Invite).nullable(),
    total: z.number().int(),
  }),
});

/** The invites that a user may still accept, newest first. `invites` is null where `after` is none of hers. */
export const ListUserInvites = defineQuery({
  service: "conversation",
  name: "ListUserInvites",
  version: 1,
  payload: z.object({ userId: UserId, ...Paged }),
  reply: z.object({ invites: z.array(Invite).nullable(), total: z.number().int() }),
});

const About = z.object({ conversationId: ConversationId, inviteId: InviteId, at: Millis });

/**
 * A user was invited, or a code made (`userId` null), which is told to nobody else. Of a conversation that opens later it
 * is said as it opens.
 */
export const InviteCreated = defineEvent({
  name: "conversation.invite.created",
  version: 1,
  producer: "conversation",
  payload: About.extend({
    userId: UserId.nullable(),
    inviter: UserId.nullable(),
    expiresAt: Millis.nullable(),
    metadata: Metadata,
  }),
});

/** A user came by an invite: one that was hers, or by a code. That she takes part is told as of any who comes. */
export const InviteAccepted = defineEvent({
  name: "conversation.invite.accepted",
  version: 1,
  producer: "conversation",
  payload: About.extend({ userId: UserId }),
});

/** A user does not want to come. */
export const InviteDeclined = defineEvent({
  name: "conversation.invite.declined",
  version: 1,
  producer: "conversation",
  payload: About.extend({ userId: UserId }),
});

/** An invite was taken back. One that ends with its conversation, or by the clock, is not told of. */
export const InviteRevoked = defineEvent({
  name: "conversation.invite.revoked",
  version: 1,
  producer: "conversation",
  payload: About.extend({ userId: UserId.nullable() }),
});
