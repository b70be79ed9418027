import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** SHA-256, hex, over what a value means: the order of its keys does not matter. */
export const digestOf = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex");

/** No user id has it inside, so that two lists never run into one text. */
const SEPARATOR = "\0";

/** The same over what a value means and long lists of texts: each list as it comes, so that nobody holds all of them as one text. */
export function digestWithLists(value: unknown, lists: Iterable<readonly string[]>): string {
  const hash = createHash("sha256").update(canonicalJson(value));
  for (const texts of lists) hash.update(SEPARATOR).update(texts.join(SEPARATOR));
  return hash.digest("hex");
}
