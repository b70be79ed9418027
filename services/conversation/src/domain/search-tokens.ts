import { type Part, type SearchQuestion, searchWordsOf } from "@strata/contracts";

/** Every message that has words has this stem too: by it, the newest of a conversation are found. */
const ANY = "";
const STEM_CHARACTERS = 3;
/** In these a character is worth a syllable or a word. */
const DENSE = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

const stemLength = (word: string): number => (DENSE.test(word) ? 1 : STEM_CHARACTERS);

/** How a word begins; all of it, where it is no longer than that. */
const stemOf = (word: string): string => Array.from(word).slice(0, stemLength(word)).join("");

/**
 * By what a message is found (docs/decisions/search.md): `tokens` are its words. `stems` are their beginnings, by which
 * they are looked up: one exact value each, never a range, so that messages come out of the index in the order of time.
 */
export function searchTokensOf(parts: readonly Pick<Part, "mimeType" | "body" | "encoding">[]) {
  const tokens = searchWordsOf(parts);
  return { tokens, stems: tokens.length === 0 ? [] : [...new Set([ANY, ...tokens.map(stemOf)])] };
}

/** The stem that every message must have which has what is asked for. */
export function entryStemOf({ words, prefix }: SearchQuestion): string {
  // How long a word is says how rare its beginning is, as well as can be said without counting.
  const isStem = Array.from(prefix).length >= stemLength(prefix);
  const [longest] = [...words, ...(isStem ? [prefix] : [])].toSorted((a, b) => b.length - a.length);
  return longest === undefined ? ANY : stemOf(longest);
}
