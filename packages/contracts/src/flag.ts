import { z } from "zod";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { ConversationId, MessageId, Millis, UserId } from "./values.ts";

/** The reasons that every app knows. A moderation policy may name more. */
export const FLAG_REASONS = [
  "spam",
  "harassment",
  "hate",
  "violence",
  "nudity",
  "scam",
  "impersonation",
  "underage",
  "other",
] as const;

/** A word of the app's own. A letter first, so that it can be the key of a stored document. */
export const FlagReason = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "is no reason, as hate_speech");
export const FlagId = z.uuid();
export const MAX_FLAG_COMMENT = 2_000;
const FlagComment = z.string().max(MAX_FLAG_COMMENT).nullable();

/** `upheld`: a person found it right, and it goes on counting; `dismissed`: it counts no more. Values may be added. */
export const FlagState = z.enum(["open", "upheld", "dismissed"]);
export type FlagState = z.infer<typeof FlagState>;

/** That one user objects to another, or to a message of hers. There is one for each flagger and subject. */
export const Flag = z.object({
  flagId: FlagId,
  /** Who is flagged; of a message, its sender. */
  userId: UserId,
  by: UserId,
  /** null: the user herself is. */
  messageId: MessageId.nullable(),
  conversationId: ConversationId.nullable(),
  reason: FlagReason,
  comment: FlagComment,
  state: FlagState,
  createdAt: Millis,
  changedAt: Millis,
  /** Goes up with every change. */
  version: z.number().int(),
});
export type Flag = z.infer<typeof Flag>;

/** What is done about one user, in the order sent. */
const ofUser = { service: "directory", lane: "identities", version: 1 } as const;
const byUser = ({ userId }: { readonly userId: string }): string => userId;

/**
 * Flags a user, or a message of hers. `created`: it is there by this command; `exists`: she was flagged by him for the same
 * already, and the flag has the reason and the comment of this command now; `in-use`: the id was taken by another command.
 * Refused: `not_found` for a user who is not known; `invalid_property` `by` for a flagger who is not, or who is she herself,
 * and `reason` for one that the app does not know; `rate_limit_exceeded` beyond what the app lets one user flag in an hour.
 */
export const FlagUser = defineCommand({
  ...ofUser,
  name: "FlagUser",
  payload: z.object({
    flagId: FlagId,
    userId: UserId,
    by: UserId,
    message: z.object({ messageId: MessageId, conversationId: ConversationId }).nullable(),
    reason: FlagReason,
    comment: FlagComment,
    at: Millis,
  }),
  reply: z.object({ outcome: z.enum(["created", "exists", "in-use"]), flag: Flag.nullable() }),
  orderedBy: byUser,
});

/** Takes a flag back: it counts no more. Refused: `not_found` when there is none, or it is of somebody else. */
export const WithdrawFlag = defineCommand({
  ...ofUser,
  name: "WithdrawFlag",
  payload: z.object({ userId: UserId, flagId: FlagId, at: Millis }),
  orderedBy: byUser,
});

/** The flags of a user, the newest first, from behind the one with the id `after`; null: that is none of them. */
export const ListFlags = defineQuery({
  service: "directory",
  name: "ListFlags",
  version: 1,
  payload: z.object({ userId: UserId, after: FlagId.nullable(), limit: z.number().int().min(1).max(100) }),
  reply: z.object({ flags: z.array(Flag).nullable(), total: z.number().int() }),
});

/** null: there is none of this id, it was withdrawn, or it is another app's. */
export const GetFlag = defineQuery({
  service: "directory",
  name: "GetFlag",
  version: 1,
  payload: z.object({ flagId: FlagId }),
  reply: z.object({ flag: Flag.nullable() }),
});

const FlagFacts = Flag.pick({ flagId: true, userId: true, by: true, messageId: true, reason: true, version: true });

/** A user was flagged, or a message of hers. */
export const FlagCreated = defineEvent({
  name: "directory.flag.created",
  version: 1,
  producer: "directory",
  payload: FlagFacts.extend({ at: Millis }),
});

/** A flag has another reason or comment. Carries its version: ignore an older one. */
export const FlagChanged = defineEvent({
  name: "directory.flag.changed",
  version: 1,
  producer: "directory",
  payload: FlagFacts.extend({ at: Millis }),
});

/** A flag was taken back. Carries its last version. */
export const FlagWithdrawn = defineEvent({
  name: "directory.flag.withdrawn",
  version: 1,
  producer: "directory",
  payload: FlagFacts.extend({ at: Millis }),
});
