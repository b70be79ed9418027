import { isJsonObject } from "./json-object.ts";
import { LayerError } from "./layer-error.ts";

/** What is parsed by `parse` stands below `path`: errors name the property where it is. */
export function below<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw namedBelow(path, error);
  }
}

/** An error about something that stands below `path`, naming it where it is; any other as it is. */
export function namedBelow(path: string, error: unknown): unknown {
  if (!(error instanceof LayerError) || !hasProperty(error.data)) return error;
  const property = `${path}.${error.data.property}`;
  return new LayerError(error.id, `${path}.${error.message}`, { data: { ...error.data, property } });
}

const hasProperty = (data: unknown): data is { property: string } =>
  isJsonObject(data) && typeof data.property === "string";
