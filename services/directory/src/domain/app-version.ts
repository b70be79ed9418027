/** A leading `v` is no part of it; behind the numbers comes what says that it is not the version itself yet. */
const VERSION = /^v?(?<numbers>\d{1,16}(?:\.\d{1,16})*)(?!\d)(?<rest>.*)$/is;
const NUMBER_LENGTH = 16;
/** Their order is what makes `1.0-beta` < `1.0` < `1.0.1`. */
const AFTER = { prerelease: "!", release: "#", number: "." } as const;

const padded = (digits: string): string => digits.padStart(NUMBER_LENGTH, "0");

/**
 * A text for a version of an app, such that these texts sort as versions do: by their numbers (10.2 > 9.9, 10.2 = 10.2.0),
 * and a pre-release before its release. What follows a `+`, a space or a bracket is about the build and does not count.
 * Null for a text that does not begin with a number: it is before and after none.
 */
export function versionKey(version: string): string | null {
  const { numbers, rest = "" } = VERSION.exec(version.trim())?.groups ?? {};
  if (numbers === undefined) return null;
  const core = numbers
    .replace(/(\.0+)+$/, "")
    .split(".")
    .map(padded)
    .join(AFTER.number);
  const prerelease = /^[^+\s()[\]]*/.exec(rest)?.[0].replace(/^[-._]+/, "") ?? "";
  if (prerelease === "") return `${core}${AFTER.release}`;
  return `${core}${AFTER.prerelease}${prerelease.toLowerCase().replaceAll(/\d+/g, padded)}`;
}
