import { expect } from "chai";
import * as fc from "fast-check";
import { MAX_SEARCH_WORDS, searchQuestionOf, searchWordsOf } from "./search-words.ts";

const part = (body: string | null, mimeType = "text/plain", encoding: "base64" | null = null) => ({
  body,
  mimeType,
  encoding,
});
const wordsIn = (body: string, mimeType?: string): string[] => searchWordsOf([part(body, mimeType)]);

describe("words that are searched for", () => {
  it("are folded: case, diacritics, widths, ligatures and vowel marks make no difference", () => {
    expect(wordsIn("Grüße GRÜSSE grusse Ａbc ﬁn")).to.deep.equal(["grusse", "abc", "fin"]);
    expect(wordsIn("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ")).to.deep.equal(["οδυσσευσ"]);
    expect(wordsIn("مَرْحَبًا مـرحبا أحمد احمد")).to.deep.equal(["مرحبا", "احمد"]);
    expect(wordsIn("Ёлка елка")).to.deep.equal(["елка"]);
    expect(wordsIn("don’t don't")).to.deep.equal(["don't"]);
  });

  it("are told apart where there are no spaces, and voiced kana from plain ones", () => {
    expect(wordsIn("東京都に行きます")).to.include.members(["東京", "都"]);
    expect(wordsIn("がき かき")).to.not.deep.equal(wordsIn("かき かき"));
    expect(wordsIn("สวัสดีครับ")).to.have.lengthOf(2);
  });

  it("are numbers too, but no signs", () => {
    expect(wordsIn("Order #12345, 12.50 €! 😀 — 2026")).to.deep.equal(["order", "12345", "12.50", "2026"]);
  });

  it("are those of text parts: plain, Markdown, and what is shown of HTML", () => {
    const html =
      "<style>p{red}</style><p title='no'>Hallo&nbsp;W&uuml;rst<!-- hidden --><script>evil()</script> gut&#33;";
    expect(searchWordsOf([part("one"), part("*two*", "text/markdown")])).to.deep.equal(["one", "two"]);
    expect(wordsIn(html, "Text/HTML; charset=utf-8")).to.deep.equal(["hallo", "wurst", "gut"]);
    expect(
      searchWordsOf([part("{}", "application/json"), part("b25l", "text/plain", "base64"), part(null)]),
    ).to.deep.equal([]);
  });

  it("are the first 200, each of up to 64 characters, and never take longer than the text is long", () => {
    const many = Array.from({ length: 500 }, (_, n) => `w${n}`).join(" ");
    expect(wordsIn(many)).to.have.lengthOf(MAX_SEARCH_WORDS);
    expect(searchWordsOf([part(many), part("late")])).to.have.lengthOf(MAX_SEARCH_WORDS);
    expect(wordsIn("a".repeat(100))).to.deep.equal(["a".repeat(64)]);
    for (const hostile of ["<script>", "<", "<!--", "&#", "<a "]) {
      expect(wordsIn(hostile.repeat(50_000), "text/html").length).to.be.at.most(MAX_SEARCH_WORDS);
    }
  });

  it("of a question are those of a text, in its order, the last of them the beginning of one", () => {
    expect(searchQuestionOf("  The Größe, the Ord")).to.deep.equal({ words: ["the", "grosse"], prefix: "ord" });
    expect(searchQuestionOf("ord")).to.deep.equal({ words: [], prefix: "ord" });
    for (const nothing of ["", "  ", "!?", "😀"]) expect(searchQuestionOf(nothing)).to.equal(null);
  });

  it("are well formed and stay what they are when they are looked for, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const word of wordsIn(text)) {
          expect(word.isWellFormed()).to.equal(true);
          expect(Array.from(word).length).to.be.within(1, 64);
        }
        const question = searchQuestionOf(text);
        if (question) expect(new Set(wordsIn(text))).to.deep.equal(new Set([...question.words, question.prefix]));
      }),
    );
  });
});
