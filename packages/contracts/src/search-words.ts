/** What can be searched of one message or announcement: its first words, and of a long word its beginning. */
export const MAX_SEARCH_WORDS = 200;
const MAX_WORD_CHARACTERS = 64;
/** Of one part: the segmenter takes its time, and a book is found by how it begins. */
const MAX_TEXT_CHARACTERS = 20_000;

/** What a part must have for its words to be found. */
interface SearchedPart {
  readonly mimeType: string;
  readonly body: string | null;
  readonly encoding: "base64" | null;
}

/** The language is fixed, so that every machine finds the same words whatever it speaks; scripts are told apart anyway. */
const segmenter = new Intl.Segmenter("en", { granularity: "word" });

/** Diacritics of Latin, Greek and Cyrillic, points of Hebrew, vowels of Arabic and the stroke that only widens a word. */
const MARKS =
  /\u{640}|[\u{300}-\u{36f}\u{591}-\u{5bd}\u{5bf}\u{5c1}\u{5c2}\u{5c4}\u{5c5}\u{5c7}\u{610}-\u{61a}\u{64b}-\u{65f}\u{670}\u{6d6}-\u{6ed}]/gu;

/** A word as it is compared: `Straße`, `STRASSE` and `strasse` are one. */
export const foldedWord = (word: string): string =>
  // Up before down: `ß` is then `ss`, and the two small sigmas are one.
  cut(word.normalize("NFKD").replace(MARKS, "").toUpperCase().toLowerCase().replaceAll("ς", "σ").replaceAll("’", "'"));

const cut = (word: string): string =>
  word.length <= MAX_WORD_CHARACTERS ? word : Array.from(word).slice(0, MAX_WORD_CHARACTERS).join("");

/** The words of a text in their order, folded. */
function* wordsOf(text: string): Generator<string> {
  // Composed first: that is the form in which the segmenter knows the words of a language that has no spaces.
  const composed = text.slice(0, MAX_TEXT_CHARACTERS).toWellFormed().normalize("NFKC");
  for (const { segment, isWordLike } of segmenter.segment(composed)) {
    const word = isWordLike ? foldedWord(segment) : "";
    if (word !== "") yield word;
  }
}

/** By which words a message or an announcement is found: those of its text parts. Templates are taken as they stand. */
export function searchWordsOf(parts: readonly SearchedPart[]): string[] {
  const words = new Set<string>();
  for (const part of parts) {
    for (const word of wordsOf(textOf(part))) {
      if (words.size >= MAX_SEARCH_WORDS) return [...words];
      words.add(word);
    }
  }
  return [...words];
}

function textOf({ mimeType, body, encoding }: SearchedPart): string {
  if (body === null || encoding !== null) return "";
  switch (mimeType.split(";")[0]?.trim().toLowerCase()) {
    case "text/plain":
    case "text/markdown":
      return body;
    case "text/html":
      return textOfHtml(body);
    default:
      return "";
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  auml: "ä",
  ouml: "ö",
  uuml: "ü",
  Auml: "Ä",
  Ouml: "Ö",
  Uuml: "Ü",
  szlig: "ß",
};

/** No parser: what is shown of most HTML. Each pattern takes time linear in the text. */
const textOfHtml = (html: string): string =>
  html
    .replace(/<!--[^]*?(?:-->|$)/g, " ")
    .replace(/<(script|style)\b[^]*?(?:<\/\1|$)/gi, " <")
    .replace(/<[^<>]*>/g, " ")
    .replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(\w{2,8}));/g, (whole, decimal, hex, name: string | undefined) => {
      if (name !== undefined) return ENTITIES[name] ?? whole;
      const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    });

/** What is looked for: all of `words`, and a word that begins with `prefix`. */
export interface SearchQuestion {
  readonly words: readonly string[];
  readonly prefix: string;
}

/** What a user asks for: the last word may be one that she is still typing. null: there is no word in it. */
export function searchQuestionOf(text: string): SearchQuestion | null {
  const [prefix, ...words] = [...wordsOf(text)].toReversed();
  return prefix === undefined ? null : { words: [...new Set(words)], prefix };
}
