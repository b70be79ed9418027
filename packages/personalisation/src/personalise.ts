import type { MessagePart, Notification, NotificationContent, PersonalFacts, PersonalTerms } from "@strata/contracts";
import { LiquidError } from "liquidjs";
import { type Form, isTemplate, render, renderBudget, type Rendered } from "./engine.ts";
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
  const own = ownRenderings(defaults, facts);
  const trial = trialRendering(defaults);
  const personal = (form: Form, text: string): string =>
    isTemplate(text) ? personalText(form, text, own, trial) : text;
  return {
    parts: (parts) =>
      parts.map((part) => {
        const form = isPersonal ? formOf(part) : null;
        return form === null ? part : { ...part, body: personal(form, part.body) };
      }),
    notification: (content) => (isPersonal ? { ...content, ...personalTexts(content, personal) } : content),
  };
}

/** What of a notification is the same for whomever it is rendered: its templates are left empty. */
export function withoutTemplates({ recipients, ...content }: Notification): Notification {
  if (recipients === undefined) return emptied(content);
  const overrides = Object.entries(recipients).map(([userId, own]) => [userId, emptied(own)] as const);
  return { ...emptied(content), recipients: Object.fromEntries(overrides) };
}

const emptied = (content: NotificationContent): NotificationContent => ({
  ...content,
  ...personalTexts(content, (_form, text) => (isTemplate(text) ? "" : text)),
});

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

type Rendering = (form: Form, text: string) => Rendered;

/** Each has as much to spend on all texts as the others. */
function rendering(values: Values): Rendering {
  const scope = scopeOf(values);
  const budget = renderBudget();
  return (form, text) => render(form, text, scope, budget);
}

const STAND_IN = "user";
/** For nobody: as every template was tried when it was accepted, so that it fails for none. */
export const trialRendering = (defaults: Readonly<Record<string, string>>): Rendering =>
  rendering(new Map([...Object.entries(defaults), ["user_id", STAND_IN]]));

/** For this recipient; and as if nothing of her were known but her id. */
function ownRenderings(defaults: Readonly<Record<string, string>>, facts: PersonalFacts): readonly Rendering[] {
  const usual = Object.entries(defaults);
  return [
    rendering(new Map([...usual, ...valuesOf(facts)])),
    rendering(new Map([...usual, ["user_id", facts.userId]])),
  ];
}

function personalText(form: Form, text: string, own: readonly Rendering[], trial: Rendering): string {
  for (const attempt of own) {
    try {
      const rendered = attempt(form, text);
      if (!rendered.hasBlank) return rendered.text;
    } catch (error) {
      // A name that is too long for what the template makes of it, or a variable that was assigned in another case only.
      if (!LiquidError.is(error)) throw error;
    }
  }
  return trial(form, text).text;
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
