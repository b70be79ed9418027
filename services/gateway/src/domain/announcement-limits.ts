import type { AnnouncementContent, PersonalTerms } from "@strata/contracts";
import { invalidProperty } from "@strata/layer-protocol";
import { contentFault } from "@strata/personalisation";

/**
 * What an announcement says travels in one message and is stored in one document, so all of it together is bounded. The
 * largest part is named.
 * @throws LayerError 422 `invalid_property` `parts`, `notification` or `variants`
 */
export function requireContentWithin(
  maxBytes: number,
  { parts, notification, variants = [] }: Omit<AnnouncementContent, "sender"> & Pick<PersonalTerms, "variants">,
) {
  const bytes = Object.entries({ parts, notification, variants }).map(
    ([property, value]) => [property, Buffer.byteLength(JSON.stringify(value))] as const,
  );
  if (bytes.reduce((sum, [, size]) => sum + size, 0) <= maxBytes) return;
  const [property] = bytes.reduce((largest, one) => (one[1] > largest[1] ? one : largest));
  throw invalidProperty(
    property,
    `is too long: parts, notification and variants have at most ${maxBytes} bytes of JSON together`,
  );
}

/**
 * Templates are looked at when they are accepted, so that none fails, or greets nobody, when it is read or pushed.
 * @throws LayerError 422 `invalid_property` with the path of what is wrong
 */
export function requireTellable(content: Omit<AnnouncementContent, "sender"> & PersonalTerms): void {
  const fault = contentFault(content);
  if (fault) throw invalidProperty(fault.property, fault.reason);
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
