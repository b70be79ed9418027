import { requireJsonObject, requireProperties } from "./json-object.ts";
import { parseBySchema } from "./schema-errors.ts";
import { z } from "zod";

/** The body of `PUT /users/:user/badge` (server API 10.6). */
export const BadgeBody = z.object({ external_unread_count: z.int().min(0) });

/** @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `external_unread_count` */
export function parseBadge(body: unknown): number {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["external_unread_count"]);
  return parseBySchema(BadgeBody, fields).external_unread_count;
}

/** What a user has not read, and what the app itself counts for her. */
export interface BadgeCounts {
  readonly externalUnread: number;
  readonly unreadConversations: number;
  readonly unreadMessages: number;
}

export const badgeView = ({ externalUnread, unreadConversations, unreadMessages }: BadgeCounts) => ({
  external_unread_count: externalUnread,
  unread_conversation_count: unreadConversations,
  unread_message_count: unreadMessages,
});
