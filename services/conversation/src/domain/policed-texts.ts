import type { Notification, NotificationContent } from "@strata/contracts";

/** What a part must have for its texts to be found. */
export interface TextPart {
  readonly mimeType: string;
  readonly body: string | null;
  readonly encoding: "base64" | null;
}

/** What becomes of one text; the same where nothing does. */
export type Rewrite = (text: string) => string;

export const mimeTypeOf = ({ mimeType }: Pick<TextPart, "mimeType">): string =>
  mimeType.split(";")[0]?.trim().toLowerCase() ?? "";

const isJson = (type: string): boolean => type === "application/json" || type.endsWith("+json");

/** What only names things: changed, it would name others. What has a space in it is no name. */
const isName = (key: string, value: string): boolean => /(?:^|_)(?:id|type)$/i.test(key) && /^\S+$/.test(value);

/**
 * A body with each text in it rewritten, and every other character as it was; the very same part where nothing is. Of JSON, which is what the messages of
 * published clients are, the texts are the strings that are values; the rest of it is not even written anew.
 */
export function withTexts<P extends TextPart>(part: P, rewrite: Rewrite): P {
  if (part.body === null) return part;
  const type = mimeTypeOf(part);
  if (!type.startsWith("text/") && !isJson(type)) return part;
  const body = part.encoding === null ? part.body : decoded(part.body, part);
  const rewritten = isJson(type) && isReadable(body) ? jsonWithTexts(body, rewrite) : rewrite(body);
  return rewritten === body ? part : { ...part, body: rewritten, encoding: null };
}

/** Bytes that are no clean text are shown as one all the same: whatever cannot be read in them, a word beside it can. */
function decoded(base64: string, { mimeType }: Pick<TextPart, "mimeType">): string {
  const bytes = Buffer.from(base64, "base64");
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(mimeType)?.[1];
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString();
  }
}

function isReadable(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}

/** A string of JSON, and the colon that makes it a key. Linear: no character can be taken in two ways. */
const JSON_STRING = /"((?:[^"\\]|\\.)*)"(\s*:)?/g;

function jsonWithTexts(json: string, rewrite: Rewrite): string {
  let key = "";
  return json.replace(JSON_STRING, (whole: string, inner: string, colon: string | undefined) => {
    const text = String(JSON.parse(`"${inner}"`));
    if (colon !== undefined) {
      key = text;
      return whole;
    }
    if (isName(key, text)) return whole;
    const rewritten = rewrite(text);
    return rewritten === text ? whole : JSON.stringify(rewritten);
  });
}

/** What a phone shows of a message says the same as the message: a word that is masked there is masked here. */
export const notificationWithTexts = (notification: Notification, rewrite: Rewrite): Notification => ({
  ...shownWithTexts(notification, rewrite),
  ...(notification.recipients && {
    recipients: Object.fromEntries(
      Object.entries(notification.recipients).map(([user, shown]) => [user, shownWithTexts(shown, rewrite)]),
    ),
  }),
});

const shownWithTexts = <N extends NotificationContent>(shown: N, rewrite: Rewrite): N => ({
  ...shown,
  ...(shown.title !== undefined && { title: rewrite(shown.title) }),
  ...(shown.text !== undefined && { text: rewrite(shown.text) }),
  ...(shown.titleLocArgs && { titleLocArgs: shown.titleLocArgs.map(rewrite) }),
  ...(shown.locArgs && { locArgs: shown.locArgs.map(rewrite) }),
});

/** All texts of a message, one behind the other. */
export function textsOf(parts: readonly TextPart[]): string[] {
  const texts: string[] = [];
  for (const part of parts) {
    withTexts(part, (text) => {
      texts.push(text);
      return text;
    });
  }
  return texts;
}
