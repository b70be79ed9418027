import type { MessagePart } from "./message-parts.ts";
import { notificationView } from "./notification.ts";
import type { StoredNotification } from "./notification.ts";
import type { LayerVersion } from "./versions.ts";

/** What makes an announcement say another thing to each recipient, as stored. */
export interface PersonalFields {
  readonly isPersonal?: boolean | undefined;
  readonly defaults?: Readonly<Record<string, string>> | undefined;
  readonly variants?: readonly Variant[] | undefined;
}

interface Said {
  readonly parts: readonly MessagePart[];
  readonly notification: StoredNotification | null;
}

interface Variant extends Said {
  readonly locale: string;
}

/** What was asked for; nothing at all of an announcement that says the same to everybody. */
export const personalView = (
  version: LayerVersion,
  { isPersonal = false, defaults = {}, variants = [] }: PersonalFields,
) =>
  isPersonal || variants.length > 0
    ? {
        personalise: isPersonal,
        defaults,
        variants: variants.map((variant) => ({ locale: variant.locale, ...saidView(version, variant) })),
      }
    : {};

/** The same with the announcement's own words, which its recipients see in another form. */
export function templatesView(version: LayerVersion, announcement: Said & PersonalFields) {
  const personal = personalView(version, announcement);
  return "personalise" in personal ? { ...saidView(version, announcement), ...personal } : {};
}

const saidView = (version: LayerVersion, { parts, notification }: Said) => ({
  parts: parts.map(({ mimeType, body, encoding }) => ({ mime_type: mimeType, body, encoding })),
  notification: notification && notificationView(version, notification),
});
