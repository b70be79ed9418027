import type { Content } from "@strata/contracts";

/** Bytes that were announced, and once they are uploaded may be referred to. */
export interface ContentRow {
  readonly _id: string;
  readonly app: string;
  readonly contentId: string;
  /** Whose it is; null: it may be sent in any. */
  readonly conversation: string | null;
  /** The user who announced it; null: the backend. */
  readonly owner: string | null;
  readonly mimeType: string;
  readonly size: number;
  readonly origin: string | null;
  readonly createdAt: number;
  /** The command that announced it. */
  readonly by: string;
  /** What the storage knows the upload by; null before the first byte. */
  readonly session: string | null;
  readonly isUploaded: boolean;
  readonly uploadedAt: number | null;
}

/** Also the name under which its bytes are kept. */
export const contentKey = (app: string, contentId: string): string => `${app}/${contentId}`;

export const contentOf = (row: ContentRow): Content => ({
  contentId: row.contentId,
  conversationId: row.conversation,
  mimeType: row.mimeType,
  size: row.size,
  createdAt: row.createdAt,
  isUploaded: row.isUploaded,
});
