import type { ContentReference, ContentViews } from "./content-views.ts";
import { partUri } from "./ids.ts";
import { formatOptionalTime } from "./timestamps.ts";
import type { WireContext } from "./urls.ts";
import { hasAddressableParts, usesIdentityIds } from "./versions.ts";

/** What the views need of a stored part. */
export interface PartFacts {
  readonly partId: string;
  readonly mimeType: string;
  /** null with `content`. */
  readonly body: string | null;
  readonly encoding: "base64" | null;
  readonly content: ContentReference | null;
  /** Milliseconds since 1970; null: as it was sent. */
  readonly updatedAt: number | null;
}

/**
 * A part of a message (server API 4.5): up to 2.0 its id is its place among the parts, in 3.0 its own, and there it has
 * URLs. `messageUrl` is the message's in the same view.
 */
export function partView(
  wire: WireContext,
  message: { readonly messageId: string; readonly url: string },
  part: PartFacts,
  index: number,
  contents: ContentViews,
) {
  const isAddressable = hasAddressableParts(wire.version);
  const view = {
    id: partUri("messages", message.messageId, isAddressable ? part.partId : index),
    mime_type: part.mimeType,
    body: part.body,
    encoding: part.encoding,
    content: part.content === null ? null : contents(part.content),
  };
  if (!isAddressable) return view;
  return {
    ...view,
    url: `${message.url}/parts/${part.partId}`,
    message_url: message.url,
    updated_at: formatOptionalTime(part.updatedAt),
  };
}

/** A part as a create answers it (server API 4.4): in 1.x without id, and without whatever it does not have. */
export function slimPartView(
  wire: WireContext,
  messageId: string,
  part: PartFacts,
  index: number,
  contents: ContentViews,
) {
  const { mimeType, body, encoding } = part;
  const content = part.content === null ? null : contents(part.content);
  if (!usesIdentityIds(wire.version)) {
    return {
      mime_type: mimeType,
      ...(content === null ? { body } : { content }),
      ...(encoding === null ? {} : { encoding }),
    };
  }
  const id = partUri("messages", messageId, hasAddressableParts(wire.version) ? part.partId : index);
  return { id, mime_type: mimeType, body, encoding, content };
}
