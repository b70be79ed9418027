import { below } from "./below.ts";
import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject, isPrototypeKey, isStorableKey } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseInlineParts, requirePartProperties } from "./message-parts.ts";
import type { MessagePart, PartLimits } from "./message-parts.ts";
import { parseNotification } from "./notification.ts";
import type { NormalisedNotification } from "./notification.ts";
import type { LayerVersion } from "./versions.ts";

/** What recipients with a locale get instead. */
interface NormalisedVariant {
  /** BCP 47, in its canonical form. */
  locale: string;
  parts: MessagePart[];
  notification: NormalisedNotification | null;
}

/** What makes an announcement say another thing to each recipient (an extension); only what was asked for is there. */
export interface NormalisedPersonalTerms {
  isPersonal?: true;
  /** By variable. */
  defaults?: Record<string, string>;
  variants?: NormalisedVariant[];
}

const MAX_VARIANTS = 50;
const MAX_DEFAULTS = 50;
const MAX_DEFAULT_LENGTH = 1_000;

/**
 * Parses `personalise`, `defaults` and `variants` of an announcement. Whether its texts are templates that go with them is
 * the caller's to find out.
 * @throws LayerError 422 `missing_property` or `invalid_property` with the path of what is wrong
 */
export function parsePersonalTerms(
  version: LayerVersion,
  { personalise, defaults, variants }: JsonObject,
  limits: PartLimits,
): NormalisedPersonalTerms {
  if (!isAbsent(personalise) && typeof personalise !== "boolean") {
    throw invalidProperty("personalise", "must be true or false");
  }
  const standIns = parseDefaults(defaults);
  const localised = parseVariants(version, variants, limits);
  return {
    ...(personalise ? { isPersonal: true } : {}),
    ...(standIns === undefined ? {} : { defaults: standIns }),
    ...(localised === undefined ? {} : { variants: localised }),
  };
}

function parseDefaults(defaults: unknown): Record<string, string> | undefined {
  if (isAbsent(defaults)) return undefined;
  if (!isJsonObject(defaults)) throw invalidProperty("defaults", "must be an object");
  const entries = Object.entries(defaults);
  if (entries.length > MAX_DEFAULTS) throw invalidProperty("defaults", `must have at most ${MAX_DEFAULTS} entries`);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (!isStorableKey(name) || isPrototypeKey(name)) throw invalidProperty("defaults", "names no variable");
      if (typeof value !== "string" || value.length > MAX_DEFAULT_LENGTH) {
        throw invalidProperty(`defaults.${name}`, `must be a string of at most ${MAX_DEFAULT_LENGTH} characters`);
      }
      return [name, value];
    }),
  );
}

function parseVariants(version: LayerVersion, variants: unknown, limits: PartLimits): NormalisedVariant[] | undefined {
  if (isAbsent(variants)) return undefined;
  if (!Array.isArray(variants)) throw invalidProperty("variants", "must be an array");
  if (variants.length > MAX_VARIANTS) throw invalidProperty("variants", `must have at most ${MAX_VARIANTS} entries`);
  const taken = new Set<string>();
  return variants.map((variant: unknown, index) => {
    const path = `variants[${index}]`;
    const parsed = parseVariant(version, variant, path, limits);
    if (taken.has(parsed.locale)) throw invalidProperty(`${path}.locale`, `is there twice: ${parsed.locale}`);
    taken.add(parsed.locale);
    return parsed;
  });
}

function parseVariant(version: LayerVersion, variant: unknown, path: string, limits: PartLimits): NormalisedVariant {
  if (!isJsonObject(variant)) throw invalidProperty(path, "must be an object");
  if (isAbsent(variant.locale)) throw missingProperty(`${path}.locale`);
  if (isAbsent(variant.parts)) throw missingProperty(`${path}.parts`);
  const locale = canonical(variant.locale);
  if (locale === undefined) throw invalidProperty(`${path}.locale`, "must be a BCP 47 tag, as de-AT");
  return below(path, () => {
    requirePartProperties(variant.parts);
    const parts = parseInlineParts(variant.parts, limits);
    return { locale, parts, notification: parseNotification(version, variant.notification) };
  });
}

function canonical(tag: unknown): string | undefined {
  try {
    return typeof tag === "string" ? Intl.getCanonicalLocales(tag)[0] : undefined;
  } catch {
    // Intl has no other way to ask than to try.
    return undefined;
  }
}
