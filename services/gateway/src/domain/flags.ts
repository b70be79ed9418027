import { type Flag, FlagReason, MAX_FLAG_COMMENT } from "@strata/contracts";
import {
  formatTime,
  formatUserReference,
  invalidProperty,
  type JsonObject,
  objectUri,
  parseBySchema,
  parseObjectId,
  parseUserReference,
  requireJsonObject,
  requireProperties,
  userUrl,
  type WireContext,
} from "@strata/layer-protocol";
import { z } from "zod";

const Comment = z
  .string()
  .max(MAX_FLAG_COMMENT)
  .refine((text) => text.isWellFormed(), "has an unpaired surrogate");

const shape = {
  reason: FlagReason.meta({
    description:
      "`spam`, `harassment`, `hate`, `violence`, `nudity`, `scam`, `impersonation`, `underage`, `other`, or one that the " +
      "app's moderation policy weighs",
  }),
  message: z.string().nullish().meta({ description: "URI or UUID of a message of hers that the flagger can see" }),
  comment: Comment.nullish().meta({ description: "In the flagger's own words, for who reviews it" }),
};

/** The body of `POST /apps/:app/users/:user/flags`. */
export const WireFlag = z.object({
  by: z.string().meta({ description: "The flagger: identity URI or user id" }),
  ...shape,
});

/** The body of `POST /flags` of the Client API: whom, or what. */
export const WireClientFlag = z.object({
  user: z.string().nullish().meta({ description: "Identity URI or user id; of a message it is its sender" }),
  ...shape,
});

export interface WantedFlag {
  readonly messageId: string | null;
  readonly reason: string;
  readonly comment: string | null;
}

/**
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseFlag(wire: WireContext, body: unknown): WantedFlag & { readonly by: string } {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["by", "reason"]);
  const wanted = parseBySchema(WireFlag, fields);
  return { by: userOf(wire, "by", wanted.by), ...flagOf(wanted) };
}

/**
 * The same of a user's own; a flag of a message need not say whose it is.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseClientFlag(wire: WireContext, body: unknown): WantedFlag & { readonly userId: string | null } {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["reason", ...((fields["message"] ?? null) === null ? ["user"] : [])]);
  const wanted = parseBySchema(WireClientFlag, fields);
  return { userId: wanted.user == null ? null : userOf(wire, "user", wanted.user), ...flagOf(wanted) };
}

function userOf({ version }: WireContext, property: string, text: string): string {
  const userId = parseUserReference(version, text);
  if (userId === null) throw invalidProperty(property, "is neither an identity nor a user id");
  return userId;
}

function flagOf({ reason, message, comment }: z.infer<typeof WireFlag> | z.infer<typeof WireClientFlag>): WantedFlag {
  const messageId = message == null ? null : parseObjectId("messages", message);
  if (message != null && messageId === null) throw invalidProperty("message", "is neither URI nor UUID of a message");
  return { messageId, reason, comment: comment ?? null };
}

export const flagView = (wire: WireContext, flag: Flag): JsonObject => ({
  id: objectUri("flags", flag.flagId),
  url: `${userUrl(wire, flag.userId)}/flags/${flag.flagId}`,
  user: formatUserReference(wire.version, flag.userId),
  by: formatUserReference(wire.version, flag.by),
  message: flag.messageId === null ? null : objectUri("messages", flag.messageId),
  conversation: flag.conversationId === null ? null : objectUri("conversations", flag.conversationId),
  reason: flag.reason,
  comment: flag.comment,
  state: flag.state,
  created_at: formatTime(flag.createdAt),
  changed_at: formatTime(flag.changedAt),
});
