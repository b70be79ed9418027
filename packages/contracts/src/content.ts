import { z } from "zod";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { ContentId, ConversationId, Millis, UserId } from "./values.ts";

/** Bytes too large for a message, uploaded before it is sent. */
export const Content = z.object({
  contentId: ContentId,
  conversationId: ConversationId.nullable(),
  mimeType: z.string().min(1),
  size: z.number().int().nonnegative(),
  createdAt: Millis,
  /** Whether all its bytes are there. */
  isUploaded: z.boolean(),
});
export type Content = z.infer<typeof Content>;

/** 2 GiB: the longest that the contract knows. */
export const MAX_CONTENT_BYTES = 2 * 1024 ** 3;

/**
 * Announces bytes that will be uploaded. With a conversation it is that conversation's, else the user's who may send it
 * anywhere. Refused: `not_found`; `object_deleted`; `access_denied` for an `owner` who has left.
 */
export const CreateContent = defineCommand({
  service: "conversation",
  lane: "contents",
  name: "CreateContent",
  version: 1,
  payload: z.object({
    contentId: ContentId,
    conversationId: ConversationId.nullable(),
    owner: UserId.nullable(),
    mimeType: z.string().min(1).max(255),
    size: z.number().int().min(0).max(MAX_CONTENT_BYTES),
    /** The web origin that may upload and download it from a page. */
    origin: z.string().max(255).nullable(),
  }),
  reply: Content,
});

/** null when there is none; with a `conversationId` only that conversation's. */
export const GetContent = defineQuery({
  service: "conversation",
  name: "GetContent",
  version: 1,
  payload: z.object({ contentId: ContentId, conversationId: ConversationId.nullable() }),
  reply: z.object({ content: Content.nullable() }),
});

/** All bytes are there. De-duplicate by `contentId`. */
export const ContentUploaded = defineEvent({
  name: "conversation.content.uploaded",
  version: 1,
  producer: "conversation",
  payload: z.object({ contentId: ContentId, size: z.number().int(), at: Millis }),
});
