const REDACTED = "[redacted]";
const SECRET_ENDINGS = ["token", "password", "passphrase", "secret", "privatekey", "authorization", "cookie"];
const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
const MAX_CAUSES = 5;

/** `device_token`, `privateKey`, `Authorization` hold secrets; `tokenId` and `tokens` (a count, a list of ids) do not. */
const looksSecret = (key: string): boolean => {
  const plain = key.toLowerCase().replaceAll(/[^a-z]/g, "");
  return SECRET_ENDINGS.some((ending) => plain.endsWith(ending));
};

/** Keys are mostly our own and the same in every line. Those of foreign objects do not grow this without end. */
const secretKeys = new Map<string, boolean>();
const MAX_REMEMBERED_KEYS = 1_000;

const isSecretKey = (key: string): boolean => {
  const known = secretKeys.get(key);
  if (known !== undefined) return known;
  const isSecret = looksSecret(key);
  if (secretKeys.size < MAX_REMEMBERED_KEYS) secretKeys.set(key, isSecret);
  return isSecret;
};

/** Connection URLs find their way into the messages of drivers' errors, with the password in them. */
const withoutUrlPasswords = (text: string): string =>
  text.includes("://") ? text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, `$1:${REDACTED}@`) : text;

const errorForLog = (error: Error, depth: number, causes: number): Record<string, unknown> => {
  const { name, message, stack, cause, ...own } = error;
  const { code, details } = own as { code?: unknown; details?: unknown };
  return {
    name: name || error.constructor.name,
    message: withoutUrlPasswords(message),
    ...(code === undefined ? {} : { code: valueForLog(code, depth + 1, causes) }),
    ...(details === undefined ? {} : { details: valueForLog(details, depth + 1, causes) }),
    ...(stack === undefined ? {} : { stack: withoutUrlPasswords(stack) }),
    ...(error instanceof AggregateError
      ? {
          errors: (error.errors as unknown[])
            .slice(0, MAX_CAUSES)
            .map((one) => valueForLog(one, depth + 1, causes + 1)),
        }
      : {}),
    ...(cause === undefined || causes >= MAX_CAUSES ? {} : { cause: valueForLog(cause, depth, causes + 1) }),
  };
};

const valueForLog = (value: unknown, depth: number, causes: number): unknown => {
  if (typeof value === "string") return withoutUrlPasswords(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return errorForLog(value, depth, causes);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return "[too deep]";
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ITEMS).map((item) => valueForLog(item, depth + 1, causes));
    return value.length > MAX_ITEMS ? [...shown, `[${value.length - MAX_ITEMS} more]`] : shown;
  }
  if (value instanceof Map || value instanceof Set) return valueForLog([...value], depth, causes);
  return objectForLog(value, depth, causes);
};

const objectForLog = (value: object, depth: number, causes: number): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [
      key,
      isSecretKey(key) && inner !== undefined && inner !== null ? REDACTED : valueForLog(inner, depth + 1, causes),
    ]),
  );

/**
 * A copy of log fields that is safe to write: secrets by key and passwords in URLs are gone, errors carry their causes,
 * and depth and length are bounded so that one careless field cannot flood or break the log.
 */
export const fieldsForLog = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  objectForLog(fields, 0, 0);
