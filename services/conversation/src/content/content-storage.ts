import type { Readable } from "node:stream";
import type { ByteRange } from "../domain/byte-ranges.ts";

/** What a storage needs to know of content. */
export interface StorableContent {
  /** `<app>/<content id>` */
  readonly key: string;
  readonly size: number;
  readonly mimeType: string;
}

/** How bytes are given away: by us, or by the storage itself, to which the caller is sent. */
export type OpenedContent =
  | { readonly kind: "stream"; readonly bytes: Readable }
  | { readonly kind: "redirect"; readonly url: string };

/**
 * Where the bytes of content are. An upload is a session into which bytes are appended, by one process after the other,
 * should one die: what is stored is found in the storage itself and nowhere else. Two that append the same bytes at once
 * do no harm.
 */
export interface ContentStorage {
  /** What one transfer holds in memory while it is under way. */
  readonly heldBytes: { readonly upload: number; readonly download: number };
  /** Begins a session; what it answers names it from then on. */
  begin(content: StorableContent): Promise<string>;
  /** How many bytes from the first on are stored, and survive this process. null: there is no such session any more. */
  stored(content: StorableContent, session: string): Promise<number | null>;
  /**
   * Appends behind `stored` bytes, and answers how many there are then. What has come in is kept also when the source
   * breaks; the answer is then its error.
   */
  append(content: StorableContent, session: string, stored: number, source: AsyncIterable<Buffer>): Promise<number>;
  /** Makes one whole of what is stored, which must be all. Again: the same. */
  finish(content: StorableContent, session: string): Promise<void>;
  /** A finished content, or a range of it. `expiresInSeconds`: how long a URL in the answer has to work. */
  open(content: StorableContent, range: ByteRange | null, expiresInSeconds: number): Promise<OpenedContent>;
  /** Whether an error says that the storage is away, and not that something is wrong. */
  isDown(error: unknown): boolean;
  /** Also what is not finished. Again: nothing. */
  remove(content: StorableContent, session: string | null): Promise<void>;
}
