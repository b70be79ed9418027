import type { Notification, PersonalTerms } from "@strata/contracts";
import { LiquidError, type Template } from "liquidjs";
import { countTags, isTemplate, MAX_TEMPLATE_LENGTH, parseTemplate } from "./engine.ts";
import { trialRendering } from "./personalise.ts";
import { type PlacedText, type Said, textsOf } from "./texts.ts";
import { isBlank, isVariable, mayBeMissing, VARIABLE_NAMES } from "./variables.ts";
import { type VariableUse, variableUses } from "./variable-uses.ts";

/** What is wrong: `reason` completes the sentence that begins with the property's name. */
export interface Fault {
  readonly property: string;
  readonly reason: string;
}

/** Of one announcement, variants and overrides included: bounds what it takes to check it, and to render it. */
const MAX_TAGS = 2_000;

/**
 * What keeps this content from being told to each recipient; null when nothing does. Afterwards every template in it can
 * be rendered for anybody, and nothing that should come out is empty for who has nothing.
 */
export function contentFault(content: Said & PersonalTerms & { readonly isSilent?: boolean }): Fault | null {
  return silenceFault(content) ?? variantsFault(content) ?? personalFault(content);
}

/** What a push shows or sounds. */
const SHOWN = ["title", "text", "sound", "titleLocKey", "locKey"] as const;

/** A silent announcement may wake the app, by a notification of nothing but `data`. */
function silenceFault({ isSilent, notification, variants = [] }: Parameters<typeof contentFault>[0]): Fault | null {
  if (isSilent !== true) return null;
  const reason = "of a silent announcement can have nothing to see or hear";
  if (isShown(notification)) return { property: "notification", reason };
  const index = variants.findIndex((variant) => isShown(variant.notification));
  return index === -1 ? null : { property: `variants[${index}].notification`, reason };
}

function isShown(notification: Notification | null): boolean {
  if (notification === null) return false;
  const contents = [notification, ...Object.values(notification.recipients ?? {})];
  return contents.some((content) => SHOWN.some((name) => content[name] !== undefined));
}

/** Whose push says nothing would be woken for nothing to see, as if that were meant. */
function variantsFault({ notification, variants = [] }: Said & PersonalTerms): Fault | null {
  const index = variants.findIndex((variant) => (variant.notification === null) !== (notification === null));
  if (index === -1) return null;
  const reason =
    notification === null ? "cannot be there: the announcement has none" : "is required: the announcement has one";
  return { property: `variants[${index}].notification`, reason };
}

function personalFault(content: Said & PersonalTerms): Fault | null {
  const { isPersonal = false, defaults = {} } = content;
  if (isPersonal) {
    const templates = [...textsOf(content)].filter(({ text }) => isTemplate(text));
    return defaultsFault(defaults) ?? sizeFault(templates) ?? templatesFault(templates, defaults);
  }
  return Object.keys(defaults).length === 0 ? null : { property: "defaults", reason: "goes with personalise only" };
}

function defaultsFault(defaults: Readonly<Record<string, string>>): Fault | null {
  for (const [name, value] of Object.entries(defaults)) {
    const property = `defaults.${name}`;
    if (!isVariable(name)) return { property, reason: `is for no variable: they are ${VARIABLE_NAMES.join(", ")}` };
    if (!mayBeMissing(name)) return { property, reason: "is never used: everybody has one" };
    if (isBlank(value)) return { property, reason: "must say something" };
  }
  return null;
}

function templatesFault(templates: readonly PlacedText[], defaults: Readonly<Record<string, string>>): Fault | null {
  const used = new Set<string>();
  for (const variant of Map.groupBy(templates, (template) => template.variant).values()) {
    const trial = trialRendering(defaults);
    for (const template of variant) {
      const parsed = parsedOrFault(template);
      if ("property" in parsed) return parsed;
      const uses = variableUses(parsed.templates);
      const fault = usesFault(template.property, uses, defaults) ?? trialFault(template, trial);
      if (fault) return fault;
      for (const { name } of uses) used.add(name ?? "");
    }
  }
  const idle = Object.keys(defaults).find((name) => !used.has(name));
  return idle === undefined ? null : { property: `defaults.${idle}`, reason: "is never used: no template names it" };
}

function sizeFault(templates: readonly PlacedText[]): Fault | null {
  let tags = 0;
  for (const { property, text } of templates) {
    tags += countTags(text);
    if (text.length > MAX_TEMPLATE_LENGTH)
      return { property, reason: `has more than ${MAX_TEMPLATE_LENGTH} characters` };
    if (tags > MAX_TAGS) {
      return { property, reason: `is too much: all templates have at most ${MAX_TAGS} tags and outputs together` };
    }
  }
  return null;
}

function parsedOrFault({ property, form, text }: PlacedText): { readonly templates: readonly Template[] } | Fault {
  try {
    return { templates: parseTemplate(form, text) };
  } catch (error) {
    return { property, reason: `is no template${placeOf(error)}` };
  }
}

function usesFault(
  property: string,
  uses: readonly VariableUse[],
  defaults: Readonly<Record<string, string>>,
): Fault | null {
  for (const { name, text, isBare, place } of uses) {
    if (name !== null && isVariable(name) && !(isBare && mayBeMissing(name) && !Object.hasOwn(defaults, name)))
      continue;
    const [line, column] = place();
    const named = `names ${name ?? text} at line ${line}, column ${column}, which`;
    if (name === null || !isVariable(name)) {
      return { property, reason: `${named} is no variable: they are ${VARIABLE_NAMES.join(", ")}` };
    }
    const remedy = `say what stands for it in defaults, or write {{ ${text} | default: "…" }}`;
    return { property, reason: `${named} not every user has: ${remedy}` };
  }
  return null;
}

/** As it is for a user of whom nothing is known. */
function trialFault({ property, form, text }: PlacedText, trial: ReturnType<typeof trialRendering>): Fault | null {
  try {
    const isEmpty = trial(form, text).hasBlank;
    return isEmpty
      ? { property, reason: "comes out empty, or something in it does, for a user of whom nothing is known" }
      : null;
  } catch (error) {
    return { property, reason: `cannot be rendered for a user of whom nothing is known${placeOf(error)}` };
  }
}

/** Liquid's own words, with the place in front of them. */
function placeOf(error: unknown): string {
  if (!LiquidError.is(error)) throw error;
  const { originalError, token } = error;
  const said =
    originalError instanceof Error ? originalError.message : error.message.replace(/, line:\d+, col:\d+$/, "");
  const [line = 0, column = 0] = token.getPosition();
  return ` at line ${line}, column ${column}: ${said}`;
}
