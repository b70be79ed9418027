import type { PersonalFacts } from "@strata/contracts";

/** What a template may name of a recipient, beside `metadata.<key>`; each is a text. */
const FIELD_OF = {
  user_id: "userId",
  display_name: "displayName",
  first_name: "firstName",
  last_name: "lastName",
  email_address: "emailAddress",
  phone_number: "phoneNumber",
} as const;
type Field = keyof typeof FIELD_OF;

/** For messages about a variable that there is none of. */
export const VARIABLE_NAMES: readonly string[] = [...Object.keys(FIELD_OF), "metadata.<key>"];

const METADATA = "metadata.";

const isField = (name: string): name is Field => Object.hasOwn(FIELD_OF, name);

export const isVariable = (name: string): boolean =>
  isField(name) || (name.startsWith(METADATA) && name.length > METADATA.length);

/** Everybody has a user id; of all else somebody may have nothing. */
export const mayBeMissing = (name: string): boolean => name !== "user_id";

/** Texts by the names that templates have for them; what is missing is absent. */
export type Values = ReadonlyMap<string, string>;

/** What a recipient has. A text with nothing to see in it is none: it would greet nobody. */
export function valuesOf(recipient: PersonalFacts): Values {
  const metadata = Object.entries(recipient.metadata).map(([key, value]) => [`${METADATA}${key}`, value] as const);
  const fields = Object.entries(FIELD_OF).map(([name, field]) => [name, recipient[field] ?? ""] as const);
  return new Map([...fields, ...metadata].filter(([, value]) => !isBlank(value)));
}

/** White space, and what is not to be seen: controls, joiners, fillers, and the empty Braille cell. */
const NOTHING_TO_SEE = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u;
export const isBlank = (text: string): boolean => NOTHING_TO_SEE.test(text);

/** What a template sees: an own property for each value, and nothing that has a meaning besides. */
export function scopeOf(values: Values): object {
  // Liquid would answer how many keys there are.
  const metadata: Record<string, string | undefined> = Object.assign(Object.create(null), { size: undefined });
  const scope: Record<string, unknown> = Object.assign(Object.create(null), { metadata });
  for (const [name, value] of values) {
    if (name.startsWith(METADATA)) metadata[name.slice(METADATA.length)] = value;
    else scope[name] = value;
  }
  return scope;
}
