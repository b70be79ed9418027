import { type MessagePart, type Part, searchWordsOf } from "@strata/contracts";

interface Said {
  readonly parts: readonly (MessagePart | Part)[];
}

interface Question {
  readonly words: readonly string[];
  readonly prefix: string;
}

/** A search as a plain reader does it: so many of these, taking those that say it, up to a page. */
export function lookThrough<Row extends Said, Place>(
  rows: readonly Row[],
  { words, prefix }: Question,
  atOnce: number,
  limit: number,
  placeOf: (row: Row) => Place,
): { hits: Row[]; next: Place | null } {
  const hits: Row[] = [];
  for (const [index, row] of rows.entries()) {
    if (index === atOnce) return { hits, next: placeOf(rows[index - 1] ?? row) };
    const said = searchWordsOf(row.parts);
    if (words.every((word) => said.includes(word)) && said.some((word) => word.startsWith(prefix))) hits.push(row);
    if (hits.length === limit) return { hits, next: placeOf(row) };
  }
  return { hits, next: null };
}
