import { parseAnnouncementTerms } from "./announcement-terms.ts";
import { invalidProperty, invalidRequest } from "./errors.ts";
import { requireJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseInlineParts, requirePartProperties } from "./message-parts.ts";
import type { MessagePart, PartLimits } from "./message-parts.ts";
import { parseNotification } from "./notification.ts";
import type { NormalisedNotification } from "./notification.ts";
import { parsePersonalTerms } from "./personal-terms.ts";
import type { NormalisedPersonalTerms } from "./personal-terms.ts";
import type { StartTime } from "./start-times.ts";
import type { LayerVersion } from "./versions.ts";

/** What a `PATCH` of an announcement asks for; what is absent stays, null takes away. */
export interface AnnouncementChange {
  content: {
    parts?: MessagePart[];
    notification?: NormalisedNotification | null;
    isPersonal?: boolean;
  } & Omit<NormalisedPersonalTerms, "isPersonal">;
  terms: {
    schedule?: StartTime | null;
    expiresAt?: number | null;
    throttlePerMinute?: number | null;
    isSilent?: boolean;
    priority?: "normal" | "urgent";
    category?: string | null;
  };
}

/** What each term is where it is taken back. */
const USUAL = {
  schedule: ["schedule", null],
  expires_at: ["expiresAt", null],
  throttle: ["throttlePerMinute", null],
  silent: ["isSilent", false],
  priority: ["priority", "normal"],
  category: ["category", null],
} as const;

/** The same of what makes it personal, which is part of what it says. */
const IMPERSONAL = {
  personalise: ["isPersonal", false],
  defaults: ["defaults", {}],
  variants: ["variants", []],
} as const;

/** Whom and whose it is: another one is another announcement. */
const FIXED = ["recipients", "audience", "sender", "sender_id", "include_new_users_until"];

/**
 * Parses the body of `PATCH /apps/:app/announcements/:id`, an extension: a JSON object, no Layer-Patch.
 * @throws LayerError 400 `invalid_request` for what changes nothing; 422 with the property that is wrong or never changes
 */
export function parseAnnouncementChange(
  version: LayerVersion,
  body: unknown,
  limits: PartLimits,
  now: number,
): AnnouncementChange {
  const fields = requireJsonObject(body);
  const fixed = FIXED.find((name) => name in fields);
  if (fixed !== undefined) throw invalidProperty(fixed, "cannot be changed: cancel the announcement and send another");
  const content: AnnouncementChange["content"] = {
    ...takenBack(IMPERSONAL, fields),
    ...parsePersonalTerms(version, fields, limits),
  };
  if ("parts" in fields) {
    requirePartProperties(fields.parts);
    content.parts = parseInlineParts(fields.parts, limits);
  }
  if ("notification" in fields) content.notification = parseNotification(version, fields.notification);
  const terms = { ...takenBack(USUAL, fields), ...parseAnnouncementTerms(fields, now) };
  if (Object.keys({ ...content, ...terms }).length === 0) throw invalidRequest("The body names nothing to change");
  return { content, terms };
}

/** What is named at all, as it is where it is taken back. */
const takenBack = (
  usual: Readonly<Record<string, readonly [term: string, value: unknown]>>,
  fields: JsonObject,
): Record<string, unknown> =>
  Object.fromEntries(Object.entries(usual).flatMap(([name, taken]) => (name in fields ? [[...taken]] : [])));
