import { foldedWord } from "@strata/contracts";
import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";

/** Where something was found: from one index of the text to another behind it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * What one message may still cost its lane, in steps of some 20 ns: an app chooses its patterns, and its users the texts, and
 * all other apps wait meanwhile.
 */
export interface Work {
  left: number;
}

/** About 200 ms; a message of two thousand characters and twenty usual patterns takes a third of it. */
const STEPS_OF_A_MESSAGE = 8_000_000;

export const newWork = (): Work => ({ left: STEPS_OF_A_MESSAGE });

/** Whether there is so much left. */
function isSpent(work: Work, steps: number): boolean {
  work.left -= steps;
  return work.left < 0;
}

/**
 * What a rule finds in a text, in order and without overlaps. What is too much to look at counts as found: nobody gets a
 * word past a rule by the length of what stands before it.
 */
export type Finder = (text: string, work: Work) => readonly Span[];

const unseen = (text: string, from: number): Span[] => (from < text.length ? [{ from, to: text.length }] : []);

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

/** To cut a character of text into words, and to go on by one word along entries. */
const STEPS = { character: 15, word: 5 } as const;

/** Entries by their words, one behind the other. */
interface Entries {
  readonly next: Map<string, Entries>;
  /** An entry ends here. */
  isEnd: boolean;
}

const noEntries = (): Entries => ({ next: new Map(), isEnd: false });

/** Whole words, and several in a row where an entry has several. Null: an entry has no word in it. */
export function wordsFinder(entries: readonly string[]): Finder | null {
  const all = noEntries();
  for (const entry of entries) {
    let place = all;
    for (const { word } of wordsIn(entry)) {
      const next = place.next.get(word) ?? noEntries();
      place.next.set(word, next);
      place = next;
    }
    if (place === all) return null;
    place.isEnd = true;
  }
  return (text, work) => {
    if (isSpent(work, text.length * STEPS.character)) return unseen(text, 0);
    const words = wordsIn(text);
    const spans: Span[] = [];
    for (let at = 0; at < words.length; at += 1) {
      const end = endOfLongest(all, words, at);
      const from = words[at]?.from ?? 0;
      if (isSpent(work, STEPS.word * end.looked)) return [...spans, ...unseen(text, from)];
      if (end.last === null) continue;
      spans.push({ from, to: words[end.last]?.to ?? from });
      at = end.last;
    }
    return spans;
  };
}

/** The last word of the longest entry that begins at a word, so that all of what was said is masked; and how far was looked. */
function endOfLongest(entries: Entries, words: readonly Word[], at: number) {
  let last: number | null = null;
  let looked = 0;
  for (let place: Entries | undefined = entries; place; looked += 1) {
    if (place.isEnd) last = at + looked - 1;
    place = place.next.get(words[at + looked]?.word ?? "");
  }
  return { last, looked };
}

/** Instructions that each character is compared with at most. */
const MAX_PROGRAM = 500;

/** What is wrong with a pattern, and where. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

/**
 * What a pattern finds, by RE2: to find one thing is linear in the text, unlike with the regular expressions of JavaScript. To
 * find all is not: where a pattern looks to the end each time, it is the text's square.
 * @throws PatternError
 */
export function regexFinder(pattern: string, isCaseSensitive: boolean): Finder {
  const compiled = compile(pattern, isCaseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
  if (compiled.programSize() > MAX_PROGRAM) throw new PatternError("the pattern is too large");
  if (compiled.matcher("").find()) throw new PatternError("the pattern finds something in every text, also in none");
  const program = compiled.programSize();
  const isLazy = isBounded(pattern);
  // A character takes an instruction at least, and two places in the text at most.
  const longest = 2 * program;
  return (text, work) => {
    const spans: Span[] = [];
    const matcher = compiled.matcher(text);
    for (let from = 0; ; from = matcher.end()) {
      if ((text.length - from) * program > work.left) return [...spans, ...unseen(text, from)];
      if (!matcher.find()) {
        work.left -= (text.length - from) * program;
        return spans;
      }
      // Where a pattern may go on for ever, it may have looked to the end for this one thing.
      const end = isLazy ? Math.min(text.length, matcher.end() + longest) : text.length;
      work.left -= (end - from) * program;
      if (matcher.end() > matcher.start()) spans.push({ from: matcher.start(), to: matcher.end() });
    }
  };
}

/** Whether what it finds is no longer than its program, for nothing in it repeats without end; where in doubt, not. */
const isBounded = (pattern: string): boolean => !/[*+]|,\}/.test(pattern.replaceAll(/\\[^QE]/g, ""));

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
