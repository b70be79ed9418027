import { foldedWord } from "@strata/contracts";
import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";

/** Where something was found: from one index of the text to another behind it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a rule finds in a text, in order and without overlaps. Its time is linear in the text. */
export type Finder = (text: string) => readonly Span[];

const segmenter = new Intl.Segmenter("en", { granularity: "word" });

/** A space that nobody sees, and that would cut a word in two: for a joiner it does not. */
const ZERO_SPACE = "\u200b";

interface Word extends Span {
  readonly word: string;
}

/** Characters that nobody sees within a word, and that would hide it from a rule. */
const UNSEEN = /\p{Cf}/gu;

/** The words of a text, folded as the search folds them, with their places. */
function wordsIn(text: string): Word[] {
  const words: Word[] = [];
  for (const { segment, index, isWordLike } of segmenter.segment(text.replaceAll(ZERO_SPACE, "\u200d"))) {
    const word = isWordLike ? foldedWord(segment.replace(UNSEEN, "")) : "";
    if (word !== "") words.push({ word, from: index, to: index + segment.length });
  }
  return words;
}

/** Whole words, and several in a row where an entry has several. Null: an entry has no word in it. */
export function wordsFinder(entries: readonly string[]): Finder | null {
  const byFirst = new Map<string, string[][]>();
  for (const entry of entries) {
    const [first, ...rest] = wordsIn(entry).map(({ word }) => word);
    if (first === undefined) return null;
    byFirst.set(first, [...(byFirst.get(first) ?? []), rest]);
  }
  // The longest first, so that all of what was said is masked.
  for (const rests of byFirst.values()) rests.sort((a, b) => b.length - a.length);
  return (text) => {
    const words = wordsIn(text);
    const spans: Span[] = [];
    for (let at = 0; at < words.length; at += 1) {
      const start = words[at];
      const rest =
        start && byFirst.get(start.word)?.find((some) => some.every((word, n) => words[at + 1 + n]?.word === word));
      if (!start || !rest) continue;
      at += rest.length;
      spans.push({ from: start.from, to: words[at]?.to ?? start.to });
    }
    return spans;
  };
}

/** Instructions that each character is compared with at most. */
const MAX_PROGRAM = 500;

/** What is wrong with a pattern, and where. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

/**
 * What a pattern finds, by RE2: no pattern makes it take longer than linear in the text, unlike the regular expressions of
 * JavaScript.
 * @throws PatternError
 */
export function regexFinder(pattern: string, isCaseSensitive: boolean): Finder {
  const compiled = compile(pattern, isCaseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
  if (compiled.programSize() > MAX_PROGRAM) throw new PatternError("the pattern is too large");
  if (compiled.matcher("").find()) throw new PatternError("the pattern finds something in every text, also in none");
  return (text) => {
    const spans: Span[] = [];
    const matcher = compiled.matcher(text);
    while (matcher.find()) {
      if (matcher.end() > matcher.start()) spans.push({ from: matcher.start(), to: matcher.end() });
    }
    return spans;
  };
}

function compile(pattern: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) {
      throw new PatternError(`${error.error} at character ${placeOf(pattern, error.input)}`, { cause: error });
    }
    if (error instanceof RE2JSException) throw new PatternError(error.message, { cause: error });
    throw error;
  }
}

/** The library says which piece of the pattern it could not read; without one, it came to the end. Counted from 1. */
function placeOf(pattern: string, piece: string | null): number {
  const index = piece === null || piece === "" || piece.endsWith(pattern) ? -1 : pattern.indexOf(piece);
  return index < 0 ? pattern.length : index + 1;
}

/** A text with a mask in place of what was found, and every other character as it was. */
export function masked(text: string, spans: readonly Span[], mask: string): string {
  let result = "";
  let done = 0;
  for (const { from, to } of spans) {
    result += text.slice(done, from) + mask;
    done = to;
  }
  return result + text.slice(done);
}
