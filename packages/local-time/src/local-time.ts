const DAY_MS = 86_400_000;
/** The first to have a local time, and how far before anybody has it who gets it when is settled. */
const EARLIEST_MS = 14 * 3_600_000;
const SETTLING_MS = 900_000;

/** Valid zones only, so there are some hundred at the most. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(timeZone, format);
  return format;
}

/** How far a zone's clocks are ahead of UTC at a moment, in milliseconds. Throws RangeError for what is no time zone. */
function offsetOf(timeZone: string, at: number): number {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(at / 1_000) * 1_000;
}

export function isTimeZone(timeZone: string): boolean {
  try {
    return offsetOf(timeZone, 0) !== null;
  } catch {
    return false;
  }
}

/** A local time as if its clock were one of UTC. */
const asUtc = (localTime: string): number => Date.parse(`${localTime}Z`);

/**
 * The moment at which it is this local time (`2026-12-01T09:00:00`) in a zone, in milliseconds since 1970. What clocks show
 * twice is the first time; what they leave out is as much later as they are put forward. As Temporal's "compatible".
 */
export function momentOf(localTime: string, timeZone: string): number {
  const local = asUtc(localTime);
  const [before, after] = [local - DAY_MS, local + DAY_MS].map((at) => local - offsetOf(timeZone, at));
  const moments = [before ?? local, after ?? local].toSorted((one, other) => one - other);
  return moments.find((moment) => moment + offsetOf(timeZone, moment) === local) ?? before ?? local;
}

/** What clocks in a zone show at a moment, to the second: `2026-12-01T09:00:00`. */
export const localTimeOf = (at: number, timeZone: string): string =>
  new Date(at + offsetOf(timeZone, at)).toISOString().slice(0, 19);

/** When it is to be settled who gets it when: before it is this local time anywhere. */
export const settlesAt = (localTime: string): number => asUtc(localTime) - EARLIEST_MS - SETTLING_MS;
