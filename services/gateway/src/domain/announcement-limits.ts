import type { AnnouncementContent } from "@strata/contracts";
import { invalidProperty } from "@strata/layer-protocol";

/**
 * What an announcement says travels in one message and is stored in one document, so all of it together is bounded. The
 * larger part is named.
 * @throws LayerError 422 `invalid_property` `parts` or `notification`
 */
export function requireContentWithin(maxBytes: number, { parts, notification }: Omit<AnnouncementContent, "sender">) {
  const partBytes = Buffer.byteLength(JSON.stringify(parts));
  const notificationBytes = Buffer.byteLength(JSON.stringify(notification));
  if (partBytes + notificationBytes <= maxBytes) return;
  const property = partBytes > notificationBytes ? "parts" : "notification";
  throw invalidProperty(
    property,
    `is too long: parts and notification have at most ${maxBytes} bytes of JSON together`,
  );
}

/**
 * An app's own limit, known only once the directory has answered. Like the deployment's it counts what was sent, before
 * duplicates collapse.
 * @throws LayerError 422 `invalid_property` `recipients`
 */
export function requireRecipientsWithin(maxRecipients: number, recipients: unknown): void {
  if (Array.isArray(recipients) && recipients.length > maxRecipients) {
    throw invalidProperty("recipients", `must have at most ${maxRecipients} entries, and has ${recipients.length}`);
  }
}
