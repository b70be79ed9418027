type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const objectAt = (schema: Json, key: string): Json => (isObject(schema[key]) ? schema[key] : {});
const listAt = (schema: Json, key: string): readonly unknown[] => (Array.isArray(schema[key]) ? schema[key] : []);

/**
 * What in `now` would break a peer that was written against `before`: a field that is gone, newly required or of another
 * type, a value that is no longer allowed, a tighter limit. Additions are fine. One sentence per break, with its path;
 * a change that really is needed goes into a new version of the contract.
 */
export function breakingChanges(before: unknown, now: unknown, path = ""): readonly string[] {
  if (!isObject(before)) return [];
  if (!isObject(now)) return [`${path || "the schema"} is gone`];
  const breaks: string[] = [];
  if (JSON.stringify(before["type"]) !== JSON.stringify(now["type"])) breaks.push(`${path} has another type`);
  for (const limit of ["maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern", "format"]) {
    if (JSON.stringify(before[limit]) !== JSON.stringify(now[limit])) breaks.push(`${path} has another ${limit}`);
  }
  const wasRequired = listAt(before, "required");
  for (const name of listAt(now, "required")) {
    if (!wasRequired.includes(name)) breaks.push(`${path}/${String(name)} is newly required`);
  }
  for (const value of listAt(before, "enum")) {
    if (!listAt(now, "enum").includes(value)) breaks.push(`${path} no longer allows ${JSON.stringify(value)}`);
  }
  for (const [name, schema] of Object.entries(objectAt(before, "properties"))) {
    breaks.push(...breakingChanges(schema, objectAt(now, "properties")[name], `${path}/${name}`));
  }
  if (isObject(before["items"])) breaks.push(...breakingChanges(before["items"], now["items"], `${path}/items`));
  for (const [index, schema] of listAt(before, "anyOf").entries()) {
    breaks.push(...breakingChanges(schema, listAt(now, "anyOf")[index], `${path}/anyOf/${index}`));
  }
  return breaks;
}
