import { signContentTicket } from "@strata/contracts";
import { contentView, type ContentViews, type WireContext } from "@strata/layer-protocol";

/** Makes the URLs under which bytes go to and come from `/content`, for who has no bearer token. */
export interface ContentUrls {
  /** Works for a day; `origin`: the web origin whose pages may use it. */
  upload(appId: string, contentId: string, origin: string | null): string;
  /** Works for an hour (server API 12): a new one with every message that is read. */
  download(appId: string, contentId: string): { readonly url: string; readonly expiresAt: number };
}

const UPLOAD_MS = 24 * 3_600_000;
const DOWNLOAD_MS = 3_600_000;

export function contentUrls(options: {
  readonly key: Buffer;
  readonly publicUrl: string;
  readonly now?: () => number;
}): ContentUrls {
  const { key, publicUrl, now = Date.now } = options;
  return {
    upload(app, contentId, origin) {
      const ticket = { app, contentId, allows: "upload", expiresAt: now() + UPLOAD_MS, origin } as const;
      return `${publicUrl}/content/${signContentTicket(key, ticket)}`;
    },
    download(app, contentId) {
      const expiresAt = now() + DOWNLOAD_MS;
      const ticket = { app, contentId, allows: "download", expiresAt, origin: null } as const;
      return { url: `${publicUrl}/content/${signContentTicket(key, ticket)}`, expiresAt };
    },
  };
}

/**
 * What the views of messages need to show content. `ownerUrl` is what `/content/<id>` stands below in this view: the
 * conversation's URL, or the user's.
 */
export const contentViewsOf =
  (urls: ContentUrls, wire: WireContext, ownerUrl: string): ContentViews =>
  (reference) => {
    const { url, expiresAt } = urls.download(wire.appId, reference.contentId);
    const refreshUrl = `${ownerUrl}/content/${reference.contentId}`;
    return contentView(reference, { downloadUrl: url, refreshUrl, expiresAt });
  };
