import { objectUri } from "./ids.ts";
import { formatOptionalTime } from "./timestamps.ts";

/** Bytes that were uploaded before, as a part refers to them. */
export interface ContentReference {
  readonly contentId: string;
  readonly size: number;
}

/** Where content can be had, and until when (milliseconds since 1970). */
export interface ContentLinks {
  readonly downloadUrl: string;
  readonly refreshUrl: string;
  readonly expiresAt: number;
}

/** Rich content on the wire (server API 12, client API 5.6). */
export interface ContentView {
  id: string;
  size: number;
  download_url: string | null;
  refresh_url: string | null;
  expiration: string | null;
}

/** Makes the wire object of a reference, with a fresh download URL each time. */
export type ContentViews = (reference: ContentReference) => ContentView;

/** Content as a part or a refresh shows it; links null: the reference alone. */
export const contentView = ({ contentId, size }: ContentReference, links: ContentLinks | null): ContentView => ({
  id: objectUri("content", contentId),
  size,
  download_url: links?.downloadUrl ?? null,
  refresh_url: links?.refreshUrl ?? null,
  expiration: formatOptionalTime(links?.expiresAt ?? null),
});

/** A reference without URLs, for who has none to give. */
export const bareContentView: ContentViews = (reference) => contentView(reference, null);

/** Content that was announced, and may now be uploaded. */
export const announcedContentView = (reference: ContentReference, uploadUrl: string) => ({
  ...bareContentView(reference),
  upload_url: uploadUrl,
});
