import { type AudienceCondition, parseCondition } from "./audience-conditions.ts";
import { invalidProperty } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseArea } from "./places.ts";
import type { Area } from "./places.ts";

export interface AudiencePlace {
  within: Area;
  maxAgeSeconds?: number | undefined;
}

export type AudienceFilter =
  | { and: AudienceFilter[] }
  | { or: AudienceFilter[] }
  | { not: AudienceFilter }
  | AudienceCondition
  | AudiencePlace;

const MAX_DEPTH = 8;
const MAX_CONDITIONS = 50;
const MAX_AGE_SECONDS = 366 * 86_400;
const FORMS = ["and", "or", "not", "within", "field"] as const;

/**
 * Parses an audience filter. Conditions and places count as conditions; a filter that is nothing but one has depth 1.
 * @throws LayerError 422 `missing_property` or `invalid_property`, naming the path, as in `audience.filter.and[1].gt`
 */
export function parseAudienceFilter(filter: unknown, path: string): AudienceFilter {
  let conditions = 0;

  const parse = (value: unknown, at: string, depth: number): AudienceFilter => {
    if (!isJsonObject(value)) throw invalidProperty(at, "must be an object");
    if (depth > MAX_DEPTH) throw invalidProperty(at, `is nested deeper than ${MAX_DEPTH}`);
    switch (formOf(value, at)) {
      case "and":
        return { and: parseAll(value.and, `${at}.and`, depth) };
      case "or":
        return { or: parseAll(value.or, `${at}.or`, depth) };
      case "not":
        return { not: parse(value.not, `${at}.not`, depth + 1) };
      case "within":
        countOne();
        return parsePlace(value, at);
      default:
        countOne();
        return parseCondition(value, at);
    }
  };

  const parseAll = (values: unknown, at: string, depth: number): AudienceFilter[] => {
    if (!Array.isArray(values) || values.length === 0) throw invalidProperty(at, "must be an array with filters in it");
    return values.map((value: unknown, index) => parse(value, `${at}[${index}]`, depth + 1));
  };

  const countOne = (): void => {
    conditions += 1;
    if (conditions > MAX_CONDITIONS) throw invalidProperty(path, `must have at most ${MAX_CONDITIONS} conditions`);
  };

  return parse(filter, path, 1);
}

/** What kind of filter it is. Two kinds in one object would leave one of them unheard. */
function formOf(value: JsonObject, path: string): (typeof FORMS)[number] {
  const forms = FORMS.filter((form) => Object.hasOwn(value, form));
  const [form] = forms;
  if (form === undefined || forms.length > 1)
    throw invalidProperty(path, `must have exactly one of ${FORMS.join(", ")}`);
  if (form === "field") return form;
  const allowed: readonly string[] = form === "within" ? ["within", "max_age_seconds"] : [form];
  const other = Object.keys(value).find((key) => !allowed.includes(key));
  if (other !== undefined) throw invalidProperty(`${path}.${other}`, `has no place beside ${form}`);
  return form;
}

function parsePlace(value: JsonObject, path: string): AudiencePlace {
  const within = parseArea(value.within, `${path}.within`);
  const age = value.max_age_seconds;
  if (isAbsent(age)) return { within };
  if (typeof age !== "number" || !Number.isInteger(age) || age < 1 || age > MAX_AGE_SECONDS) {
    throw invalidProperty(`${path}.max_age_seconds`, `must be an integer from 1 to ${MAX_AGE_SECONDS}`);
  }
  return { within, maxAgeSeconds: age };
}
