import type { MessagePart, Notification, NotificationContent, PersonalTerms } from "@strata/contracts";
import type { Form } from "./engine.ts";

/** What an announcement says, to whomever. */
export interface Said {
  readonly parts: readonly MessagePart[];
  readonly notification: Notification | null;
}

/** Null: it is no text, and is passed on as it is. Text is whatever is `text/*`, unless its bytes are not UTF-8. */
export function formOf({ mimeType, encoding }: Pick<MessagePart, "mimeType" | "encoding">): Form | null {
  const type = (mimeType.split(";")[0] ?? "").trim().toLowerCase();
  if (encoding !== null || !type.startsWith("text/")) return null;
  return type === "text/html" || type === "text/xml" ? "html" : "text";
}

/** What is shown of a notification, and so may be a template. */
export const NOTIFICATION_TEXTS = ["title", "text"] as const;

export interface PlacedText {
  /** Of which variant; null for the announcement's own. */
  readonly variant: number | null;
  /** The path in the request. */
  readonly property: string;
  readonly form: Form;
  readonly text: string;
}

/** Every text that may be a template, with its place. */
export function* textsOf({ parts, notification, variants = [] }: Said & PersonalTerms): Generator<PlacedText> {
  yield* saidTexts({ parts, notification }, null);
  for (const [index, variant] of variants.entries()) yield* saidTexts(variant, index);
}

function* saidTexts({ parts, notification }: Said, variant: number | null): Generator<PlacedText> {
  const prefix = variant === null ? "" : `variants[${variant}].`;
  for (const [index, part] of parts.entries()) {
    const form = formOf(part);
    if (form !== null) yield { variant, property: `${prefix}parts[${index}].body`, form, text: part.body };
  }
  if (notification === null) return;
  yield* notificationTexts(variant, notification, `${prefix}notification`);
  for (const [userId, override] of Object.entries(notification.recipients ?? {})) {
    yield* notificationTexts(variant, override, `${prefix}notification.recipients.${userId}`);
  }
}

function* notificationTexts(
  variant: number | null,
  content: NotificationContent,
  property: string,
): Generator<PlacedText> {
  for (const name of NOTIFICATION_TEXTS) {
    const text = content[name];
    if (text !== undefined) yield { variant, property: `${property}.${name}`, form: "text", text };
  }
}
