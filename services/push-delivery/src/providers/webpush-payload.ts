import { createHash } from "node:crypto";
import { type BuiltPayload, collapseIdOf, isSilent, present, type Push } from "@strata/push-payload";

/**
 * What may be encrypted: a push service takes 4,096 bytes, of which 86 are the header (salt 16, record size 4, length of
 * the key 1, key 65), 16 the tag, and one ends the padding (RFC 8291, 4).
 */
const MAX_WEBPUSH_PLAINTEXT_BYTES = 3_993;

/** RFC 8030, 5.4: up to 32 characters of base64url; Apple refuses longer ones. */
const TOPIC_LENGTH = 32;

/** Among what a push service has not delivered yet, the later of one topic replaces the earlier. */
export const topicOf = ({ collapseId }: Pick<Push, "collapseId">): string =>
  createHash("sha256").update(collapseId).digest("base64url").slice(0, TOPIC_LENGTH);

/**
 * A push as the page's service worker gets it, `event.data.json()`: `title`, `body`, `tag` and the rest are what
 * `showNotification` takes; `data` is the backend's own, and ours last, so that no announcement can be taken for another.
 */
export function buildWebPushPayload(push: Push): BuiltPayload<string> {
  const { notification: content, data } = push;
  // A browser has to show something for each push; Safari takes the permission away from who does not, three times.
  if (isSilent(content) && data["recalled"] === undefined) {
    return { kind: "unsendable", reason: "web_push_must_be_visible", bytes: null };
  }
  const payload = JSON.stringify({
    ...present({
      title: content.title,
      body: content.text,
      title_loc_key: content.titleLocKey,
      title_loc_args: content.titleLocArgs,
      loc_key: content.locKey,
      loc_args: content.locArgs,
      sound: content.sound,
      category: content.category,
    }),
    tag: collapseIdOf(push),
    data: { ...content.data, ...data },
  });
  const bytes = Buffer.byteLength(payload);
  return bytes > MAX_WEBPUSH_PLAINTEXT_BYTES
    ? {
        kind: "unsendable",
        reason: `payload_too_large: ${bytes} bytes, ${MAX_WEBPUSH_PLAINTEXT_BYTES} allowed`,
        bytes,
      }
    : { kind: "built", payload, bytes };
}
