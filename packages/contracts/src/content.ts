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
 * anywhere. Refused: `not_found`; `object_deleted`; `access_denied` for an `owner` who has left; `id_in_use` when the id
 * was taken by another command.
 */
export const CreateContent = defineCommand({
  service: "conversation",
  lane: "contents",
  name: "CreateContent",
  version: 1,
  payload: z.object({
    contentId: ContentId,
    conversationId: ConversationId.nullable(),
    /** The user who will upload it; null: the backend. */
    owner: UserId.nullable(),
    mimeType: z.string().min(1).max(255),
    size: z.number().int().min(0).max(MAX_CONTENT_BYTES),
    /** The web origin whose pages may upload it. */
    origin: z.string().max(255).nullable(),
  }),
  reply: Content,
});

/**
 * null when there is none that may be seen: with a `conversationId`, what was uploaded to that conversation or sent in
 * it; with a `userId`, what she uploaded or what is in a conversation that she is or was in. Refused: `not_found` for a
 * conversation that is absent or strange to her; `object_deleted` for a deleted one.
 */
export const GetContent = defineQuery({
  service: "conversation",
  name: "GetContent",
  version: 1,
  payload: z.object({
    contentId: ContentId,
    conversationId: ConversationId.nullable(),
    /** The user in whose name; null: the backend. */
    userId: UserId.nullable(),
  }),
  reply: z.object({ content: Content.nullable() }),
});

/** All bytes are there. De-duplicate by `contentId`. */
export const ContentUploaded = defineEvent({
  name: "conversation.content.uploaded",
  version: 1,
  producer: "conversation",
  payload: z.object({ contentId: ContentId, size: z.number().int(), at: Millis }),
});

/** How the listener of the conversation service refuses bytes, or the wish for them: `code` is an error id of the wire. */
export const ContentRefusal = z.object({
  code: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.string()).optional(),
});
export type ContentRefusal = z.infer<typeof ContentRefusal>;
