import type { DeviceFacts } from "./user.ts";

/** What a user's app speaks, and where her clock is, as far as anybody said. */
interface Region {
  readonly locale?: string;
  readonly timeZone?: string;
}

interface Sources {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly devices?: readonly DeviceFacts[] | undefined;
}

/** The backend's word in her metadata (`locale`, `time_zone`) where it is one, else her newest device's that has one. */
export function regionOf({ metadata = {}, devices = [] }: Sources): Region {
  const newestFirst = devices.toSorted((a, b) => b.registeredAt - a.registeredAt);
  const locale =
    canonicalLocale(own(metadata, "locale")) ?? newestFirst.map((device) => device.locale).find((one) => one !== null);
  const timeZone =
    knownTimeZone(own(metadata, "time_zone")) ??
    newestFirst.map((device) => device.timeZone).find((one) => one !== null);
  return { ...(locale ? { locale } : {}), ...(timeZone ? { timeZone } : {}) };
}

const own = (metadata: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(metadata, key) ? metadata[key] : undefined;

/** Intl has no other way to ask than to try. */
function canonicalLocale(tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined;
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0];
  } catch {
    return undefined;
  }
}

function knownTimeZone(zone: string | undefined): string | undefined {
  if (zone === undefined) return undefined;
  try {
    Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}
