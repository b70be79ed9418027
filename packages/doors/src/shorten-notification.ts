import type { NormalisedNotification, NotificationContent } from "@strata/layer-protocol";

/** As JSON; together with what else a client sends they leave room below the 4,096 bytes of a push. */
const MAX_TITLE_BYTES = 500;
const MAX_TEXT_BYTES = 2_000;
const ELLIPSIS = "…";

/**
 * A notification as a user's own client sends it with a message, with its title and texts cut to what can be pushed. The
 * clients put the whole text of the message there, however long it is, and her message must not be refused for it: a phone
 * shows a few lines anyway. A backend writes its notifications itself, and is told (requirePushable).
 */
export function shortenNotification({ recipients, ...common }: NormalisedNotification): NormalisedNotification {
  if (recipients === undefined) return shortened(common);
  const overrides = Object.entries(recipients).map(([userId, content]) => [userId, shortened(content)] as const);
  return { ...shortened(common), recipients: Object.fromEntries(overrides) };
}

const shortened = ({ title, text, ...rest }: NotificationContent): NotificationContent => ({
  ...rest,
  ...(title === undefined ? {} : { title: cut(title, MAX_TITLE_BYTES) }),
  ...(text === undefined ? {} : { text: cut(text, MAX_TEXT_BYTES) }),
});

const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/** Between two letters as people see them, so that no emoji is cut into others. */
const letters = new Intl.Segmenter("en", { granularity: "grapheme" });

function cut(text: string, maxBytes: number): string {
  if (jsonBytes(text) <= maxBytes) return text;
  let bytes = Buffer.byteLength(ELLIPSIS);
  let kept = "";
  for (const { segment } of letters.segment(text.slice(0, maxBytes))) {
    bytes += jsonBytes(segment);
    if (bytes > maxBytes) break;
    kept += segment;
  }
  return `${kept}${ELLIPSIS}`;
}
