import type { MessagePart, NotificationContent, PersonalFacts, PersonalTerms } from "@strata/contracts";
import { LiquidError } from "liquidjs";
import { type Form, isTemplate, render } from "./engine.ts";
import { formOf, NOTIFICATION_TEXTS, type Said } from "./texts.ts";
import { scopeOf, type Values, valuesOf } from "./variables.ts";

/** Whether it takes to know a recipient to tell what it says to her. */
export const isForEachAnother = ({ isPersonal = false, variants = [] }: PersonalTerms): boolean =>
  isPersonal || variants.length > 0;

/** What it says in this locale: the variant for it, else the one for what it is a kind of (de-AT is German), else its own. */
export function localised({ parts, notification, variants = [] }: Said & PersonalTerms, locale: string | null): Said {
  if (variants.length === 0) return { parts, notification };
  for (let tag = canonicalLocale(locale); tag !== null; tag = wider(tag)) {
    const variant = variants.find((one) => one.locale === tag);
    if (variant) return { parts: variant.parts, notification: variant.notification };
  }
  return { parts, notification };
}

/** Without its last subtag. */
function wider(tag: string): string | null {
  const end = tag.lastIndexOf("-");
  return end === -1 ? null : tag.slice(0, end);
}

/** As phones write it or not: `de_at` is `de-AT`. Null where it is no locale. */
export function canonicalLocale(locale: string | null): string | null {
  if (locale === null) return null;
  try {
    return Intl.getCanonicalLocales(locale.replaceAll("_", "-"))[0] ?? null;
  } catch {
    // Intl has no other way to ask than to try.
    return null;
  }
}

/** Makes the texts of an announcement those for one recipient. */
export interface Personaliser {
  parts(parts: readonly MessagePart[]): MessagePart[];
  notification(content: NotificationContent): NotificationContent;
}

/**
 * For a recipient, or for one of whom nothing but the user id is known. Texts that are no templates stay as they are, and
 * so does all where the announcement is not personal. A template that says nothing where it should, as when a filter
 * takes all of a name away, is rendered as for somebody of whom nothing is known.
 */
export function personaliserFor(
  { isPersonal = false, defaults = {} }: PersonalTerms,
  facts: PersonalFacts,
): Personaliser {
  const scopes = scopesOf(defaults, valuesOf(facts));
  const personal = (form: Form, text: string): string => (isTemplate(text) ? personalText(form, text, scopes) : text);
  return {
    parts: (parts) =>
      parts.map((part) => {
        const form = isPersonal ? formOf(part) : null;
        return form === null ? part : { ...part, body: personal(form, part.body) };
      }),
    notification: (content) => (isPersonal ? { ...content, ...personalTexts(content, personal) } : content),
  };
}

const personalTexts = (
  content: NotificationContent,
  personal: (form: Form, text: string) => string,
): Pick<NotificationContent, "title" | "text"> =>
  Object.fromEntries(
    NOTIFICATION_TEXTS.flatMap((name) => {
      const text = content[name];
      return text === undefined ? [] : [[name, personal("text", text)]];
    }),
  );

interface Scopes {
  readonly own: object;
  /** As if nothing but the user id were known: every template was tried so when it was accepted. */
  readonly unknown: object;
}

export function scopesOf(defaults: Readonly<Record<string, string>>, values: Values): Scopes {
  const usual = new Map(Object.entries(defaults));
  const userId = values.get("user_id");
  return {
    own: scopeOf(new Map([...usual, ...values])),
    unknown: scopeOf(new Map(userId === undefined ? usual : [...usual, ["user_id", userId]])),
  };
}

function personalText(form: Form, text: string, { own, unknown }: Scopes): string {
  try {
    const rendered = render(form, text, own);
    if (!rendered.hasBlank) return rendered.text;
  } catch (error) {
    // A name that is too long for what the template makes of it, or a variable that was assigned in another case only.
    if (!LiquidError.is(error)) throw error;
  }
  return render(form, text, unknown).text;
}

/** Of whom nothing is known. */
export const nobodyKnown = (userId: string): PersonalFacts => ({
  userId,
  locale: null,
  displayName: null,
  firstName: null,
  lastName: null,
  emailAddress: null,
  phoneNumber: null,
  metadata: {},
});
