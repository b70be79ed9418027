import { Context, Liquid, type Template } from "liquidjs";
import { isBlank } from "./variables.ts";

/** How an output is written: escaped in HTML, so that a name is never a tag. */
export type Form = "text" | "html";

/**
 * A small part of Liquid: no tag that loops, loads or defines, so that rendering costs what the template's length says;
 * and no filter that puts out what a user wrote unescaped.
 */
const TAGS = new Set(["assign", "case", "comment", "if", "raw", "unless"]);
const FILTERS = new Set([
  "append",
  "capitalize",
  "date",
  "default",
  "divided_by",
  "downcase",
  "first",
  "last",
  "minus",
  "plus",
  "prepend",
  "remove",
  "replace",
  "round",
  "slice",
  "split",
  "strip",
  "times",
  "truncate",
  "truncatewords",
  "upcase",
  "url_encode",
]);

/** A longer text is no template. */
export const MAX_TEMPLATE_LENGTH = 10_000;
/** Characters and entries that the texts for one recipient may make on their way, all together. */
const MAX_MEMORY = 200_000;
/** Never reached by what the limits above let through; a belt beside them. */
const MAX_RENDER_MS = 2_000;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");

const BLANK = "blank output";

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join("");
  // What is nothing is `nil`, `blank` or `empty` to Liquid, and an object.
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** What an output writes; that it wrote nothing is noted, for whoever rendered it to look at. */
const writer = (form: Form) =>
  function write(this: { readonly context: Context }, value: unknown): string {
    const text = textOf(value);
    if (isBlank(text)) this.context.setRegister(BLANK, true);
    return form === "html" ? escapeHtml(text) : text;
  };

function engineFor(form: Form): Liquid {
  const engine = new Liquid({
    // Nothing is ever loaded.
    templates: {},
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: true,
    // A condition may ask for what is missing, and `default` stands for it.
    lenientIf: true,
    parseLimit: MAX_TEMPLATE_LENGTH,
    memoryLimit: MAX_MEMORY,
    renderLimit: MAX_RENDER_MS,
    timezoneOffset: 0,
    locale: "en",
    outputEscape: writer(form),
  });
  for (const tag of Object.keys(engine.tags)) if (!TAGS.has(tag)) delete engine.tags[tag];
  for (const filter of Object.keys(engine.filters)) if (!FILTERS.has(filter)) delete engine.filters[filter];
  return engine;
}

const engines: Readonly<Record<Form, Liquid>> = { text: engineFor("text"), html: engineFor("html") };

/** Without these two a text is no template, and is passed on as it is. */
export const isTemplate = (text: string): boolean => text.includes("{{") || text.includes("{%");

/** How many tags and outputs a text has, or a few more: what it takes to parse and to render it goes with them. */
export const countTags = (text: string): number => text.match(/\{[{%]/g)?.length ?? 0;

/** As many characters of templates are kept parsed; parsed they take about 30 times the memory. */
const MAX_KEPT_LENGTH = 1_000_000;
const kept = new Map<string, Template[]>();
let keptLength = 0;

/**
 * Parsed once for the many it is rendered for.
 * @throws LiquidError where it is no template
 */
export function parseTemplate(form: Form, text: string): Template[] {
  const key = `${form} ${text}`;
  const known = kept.get(key);
  if (known) return known;
  const parsed = engines[form].parse(text);
  if (keptLength + key.length > MAX_KEPT_LENGTH) {
    kept.clear();
    keptLength = 0;
  }
  kept.set(key, parsed);
  keptLength += key.length;
  return parsed;
}

export interface Rendered {
  readonly text: string;
  /** Something that should have come out did not: an output, or all of it. */
  readonly hasBlank: boolean;
}

/** What is left of what rendering may take. */
type Budget = Context["memoryLimit"];

/** For the texts for one recipient. */
export const renderBudget = (): Budget => new Context({}, engines.text.options).memoryLimit;

/** @throws LiquidError for a variable that is missing, and where a limit is reached */
export function render(form: Form, template: string, scope: object, budget: Budget): Rendered {
  const engine = engines[form];
  const context = new Context(scope, engine.options, { sync: true }, { memoryLimit: budget });
  const text = String(engine.renderSync(parseTemplate(form, template), context));
  return { text, hasBlank: isBlank(text) || context.getRegister(BLANK) === true };
}
