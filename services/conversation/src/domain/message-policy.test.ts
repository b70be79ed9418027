import type { MessagePolicy, MessageRule, NewPart } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { aUserId } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { aPart } from "../../test/messages.ts";
import { aPolicy, aRateRule, aRegexRule, aSizeRule, aTypesRule, aWordsRule } from "../../test/policies.ts";
import { compilePolicy, type Draft, judge, withRates } from "./message-policy.ts";

type Message = Partial<Draft<NewPart>>;
const byUser = { sender: { userId: aUserId(1) }, authority: "user", notification: null } as const;

const judged = (policy: MessagePolicy, message: Message) =>
  judge(compilePolicy(policy), { ...byUser, parts: [aPart()], ...message });
const saying = (policy: MessagePolicy, text: string, changed: Partial<NewPart> = {}) =>
  judged(policy, { parts: [aPart(text, changed)] });
const refusalOf = (rules: MessageRule[], message: Message) => judged(aPolicy(rules), message).refusedBy;
const maskedBy = (rule: MessageRule, text: string, changed: Partial<NewPart> = {}) =>
  saying(aPolicy([rule]), text, changed).parts[0]?.body;

function wrongIn(...rules: MessageRule[]): string {
  try {
    compilePolicy(aPolicy(rules));
    return "nothing";
  } catch (error) {
    if (error instanceof DomainError && error.code === "invalid_property") return error.message;
    throw error;
  }
}

const of = (...types: string[]) => ({ parts: types.map((mimeType) => aPart("x", { mimeType })) });

describe("a message policy", () => {
  it("finds whole words, however they are written, and words in a row", () => {
    const rule = aWordsRule(["Scheiße", "free money", "çà"], { action: "mask" });
    const rows = [
      ["So eine SCHEISSE!", "So eine ***!"],
      ["Scheißer", "Scheißer"],
      ["get FREE  Money, free moneybags", "get ***, free moneybags"],
      ["free", "free"],
      ["ca va", "*** va"],
      ["c\u0327a\u0300 fr\u200bee mon\u00adey", "*** ***"],
    ] as const;
    for (const [text, expected] of rows) expect(maskedBy(rule, text), text).to.equal(expected);
  });

  it("masks what a pattern finds, and leaves every other character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), fc.nat(30), (before, after, n) => {
        const rule = aRegexRule("[0-9]{4,}", { action: "mask" });
        const [head, tail] = [before.replace(/\d/g, "x"), after.replace(/\d/g, "x")];
        expect(maskedBy(rule, `${head}${"7".repeat(4 + n)}${tail}`)).to.equal(`${head}***${tail}`);
      }),
    );
  });

  it("leaves a message as it is where it finds nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.json(), (text, json) => {
        const parts = [aPart(text), aPart(json, { mimeType: "application/vnd.layer.text+json" })];
        const rules = [aWordsRule(["qzxqzx"], { action: "mask" }), aRegexRule("qzx{3}", { name: "2", action: "mask" })];
        expect(judged(aPolicy(rules), { parts })).to.deep.include({ parts, hits: [], refusedBy: null });
      }),
    );
  });

  it("reads the texts in JSON, and changes no key, id or number there", () => {
    const rule = aWordsRule(["bad"], { action: "mask" });
    const json =
      '{ "bad": 1.0, "text":"a \\"bad\\" \\u0062ad\\n", "item_id": "bad", "type":"bad", "more": ["bad", 1e400] }';
    const expected =
      '{ "bad": 1.0, "text":"a \\"***\\" ***\\n", "item_id": "bad", "type":"bad", "more": ["***", 1e400] }';
    expect(maskedBy(rule, json, { mimeType: "application/vnd.layer.text+json; role=root" })).to.equal(expected);
    expect(maskedBy(rule, "{ bad", { mimeType: "application/json" })).to.equal("{ ***");
    expect(maskedBy(rule, "bad", { mimeType: "image/svg" })).to.equal("bad");
    expect(maskedBy(rule, "bad1", { mimeType: "text/plain", encoding: "base64" })).to.equal("bad1");
  });

  it("masks in the notification too, for each recipient", () => {
    const notification = {
      text: "a bad day",
      title: "Bad",
      sound: "bad",
      locArgs: ["bad"],
      recipients: { u1: { text: "bad one" } },
    };
    const { notification: shown } = judged(aPolicy([aWordsRule(["bad"], { action: "mask" })]), { notification });
    expect(shown).to.deep.equal({
      text: "a *** day",
      title: "***",
      sound: "bad",
      locArgs: ["***"],
      recipients: { u1: { text: "*** one" } },
    });
  });

  it("asks its rules in order: each sees what those before it have masked, none is asked behind a refusal", () => {
    const [mask, refuse] = [aWordsRule(["bad"], { name: "m", action: "mask" }), aRegexRule("bad", { name: "r" })];
    const flag = aWordsRule(["day"], { name: "f", action: "flag" });
    const text = "bad day";
    expect(saying(aPolicy([mask, refuse, flag]), text)).to.deep.include({ refusedBy: null });
    expect(saying(aPolicy([mask, refuse, flag]), text).hits.map(({ rule }) => rule)).to.deep.equal(["m", "f"]);
    const refused = saying(aPolicy([flag, refuse, mask]), text);
    expect(refused.hits.map(({ rule }) => rule)).to.deep.equal(["f", "r"]);
    expect(refused.refusedBy).to.equal("r");
  });

  it("only says in a dry run what it would have done, and nothing of a rule that is inactive", () => {
    const dry = aWordsRule(["bad"], { name: "dry", state: "dry_run" });
    const off = aWordsRule(["bad"], { name: "off", state: "inactive" });
    const { parts, hits, refusedBy } = saying(aPolicy([dry, off]), "bad");
    expect(hits).to.deep.equal([{ rule: "dry", kind: "words", action: "refuse", isDryRun: true }]);
    expect([parts[0]?.body, refusedBy]).to.deep.equal(["bad", null]);
    const dryMask = aWordsRule(["bad"], { state: "dry_run", action: "mask" });
    expect(maskedBy(dryMask, "bad")).to.equal("bad");
  });

  it("is for users, unless a rule asks for the backend's or for system messages", () => {
    const parts = [aPart("bad")];
    const backends = { parts, authority: "backend" } as const;
    const systems = { ...backends, sender: { name: "System" } };
    expect(refusalOf([aWordsRule(["bad"])], { parts })).to.equal("words");
    expect(refusalOf([aWordsRule(["bad"])], { parts, authority: "participant" })).to.equal("words");
    expect(refusalOf([aWordsRule(["bad"])], backends)).to.equal(null);
    expect(refusalOf([aWordsRule(["bad"])], systems)).to.equal(null);
    expect(refusalOf([aWordsRule(["bad"], { appliesTo: ["backend"] })], backends)).to.equal("words");
    expect(refusalOf([aWordsRule(["bad"], { appliesTo: ["backend"] })], systems)).to.equal(null);
    expect(refusalOf([aWordsRule(["bad"], { appliesTo: ["system"] })], systems)).to.equal("words");
  });

  it("lets through what is allowed, and not what is denied, with wildcards", () => {
    const allow = aTypesRule("allow", ["text/plain", "image/*"]);
    expect(refusalOf([allow], of("Text/Plain; charset=utf-8", "image/png"))).to.equal(null);
    expect(refusalOf([allow], of("text/plain", "video/mp4"))).to.equal("types");
    expect(refusalOf([allow], of("imagery/png"))).to.equal("types");
    const deny = aTypesRule("deny", ["video/*"]);
    expect(refusalOf([deny], of("text/plain", "image/png"))).to.equal(null);
    expect(refusalOf([deny], of("text/plain", "video/mp4"))).to.equal("types");
    expect(refusalOf([aTypesRule("deny", ["*/*"])], of("text/plain"))).to.equal("types");
  });

  it("measures parts, texts, and all together, content included", () => {
    const content = { contentId: "7a0aefb8-3c97-41e4-baad-164230d1df67", size: 50 };
    const parts = [aPart("ä"), aPart("", { mimeType: "image/png", body: null, content })];
    expect(refusalOf([aSizeRule({ maxParts: 2, maxTextBytes: 2, maxBytes: 52 })], { parts })).to.equal(null);
    for (const less of [{ maxParts: 1 }, { maxTextBytes: 1 }, { maxBytes: 51 }]) {
      expect(refusalOf([aSizeRule(less)], { parts }), JSON.stringify(less)).to.equal("size");
    }
    const more = { parts: [aPart()], whole: parts };
    expect(refusalOf([aSizeRule({ maxParts: 1 })], more)).to.equal("size");
  });

  it("leaves rates to be counted, of what no other rule refuses", () => {
    const [rate, dry] = [aRateRule(1, { action: "flag" }), aRateRule(1, { name: "dry", state: "dry_run" })];
    const last = aRateRule(1, { name: "last" });
    const policy = aPolicy([rate, dry, aWordsRule(["bad"]), last]);
    expect(saying(policy, "bad")).to.deep.include({ refusedBy: "words", rates: [] });
    const open = saying(policy, "good");
    expect(open.rates.map(({ name }) => name)).to.deep.equal(["rate", "dry", "last"]);
    expect(withRates(open, () => false)).to.deep.include({ refusedBy: null, hits: [], rates: [] });
    expect(withRates(open, ({ name }) => name !== "last")).to.have.property("refusedBy", null);
    const exceeded = withRates(open, () => true);
    expect(exceeded.refusedBy).to.equal("last");
    expect(exceeded.hits.map(({ rule, isDryRun }) => [rule, isDryRun])).to.deep.equal([
      ["rate", false],
      ["dry", true],
      ["last", false],
    ]);
  });

  it("does not back up in a text, whatever the pattern", function linear() {
    // JavaScript's own regular expressions take longer than the universe for any of these.
    this.timeout(20_000);
    for (const pattern of ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){10}$"]) {
      expect(
        saying(aPolicy([aRegexRule(pattern, { isCaseSensitive: true })]), `${"a".repeat(20_000)}!`).refusedBy,
      ).to.equal(null);
    }
  });

  it("looks at so much of a message at most, and takes what is behind it for found", function bounded() {
    // Looked at whole, each of these takes minutes at least.
    this.timeout(20_000);
    const long = "a".repeat(900_000);
    const looking = aRegexRule("a.*b|a", { name: "looking" });
    expect(refusalOf([looking], { parts: [], notification: { text: long } })).to.equal("looking");
    const harmless = aRegexRule("zzz", { name: "harmless" });
    expect(refusalOf([harmless], { parts: [], notification: { text: long.repeat(4) } })).to.equal("harmless");
    const entries = Array.from({ length: 1_000 }, (_, n) => `${"a ".repeat(46)}b${n}`);
    const parts = Array.from({ length: 500 }, () => aPart("a ".repeat(1_024)));
    expect(refusalOf([aWordsRule(entries)], { parts })).to.equal("words");
    const mask = aRegexRule("a.*b|a", { name: "mask", action: "mask" });
    const hidden = maskedBy(mask, `${"ac".repeat(2_000)} and a word`);
    expect(hidden)
      .to.match(/^(\*{3}c){100}/)
      .and.not.include("word");
  });

  it("looks at all of what people write, with as many rules as there may be", () => {
    const text = "Call 0171 555 0199 or +49 (30) 901820, mail me: ann@example.com. ".repeat(30);
    const rules = [
      aRegexRule("\\+?\\d[\\d ()-]{6,}\\d", { name: "phone", action: "mask" }),
      aRegexRule("[\\w.+-]+@[\\w-]+\\.[\\w.]+\\w", { name: "mail", action: "mask" }),
      ...Array.from({ length: 18 }, (_, n) => aRegexRule(`\\b(?:badword${n}|worse${n}s?)\\b`, { name: `r${n}` })),
      ...Array.from({ length: 30 }, (_, n) => aWordsRule([`never ${n}`, `ever${n}`], { name: `w${n}` })),
    ];
    const { parts, hits, refusedBy } = saying(aPolicy(rules), text);
    expect([hits.map(({ rule }) => rule), refusedBy]).to.deep.equal([["phone", "mail"], null]);
    expect(parts[0]?.body).to.equal("Call *** or ***, mail me: ***. ".repeat(30));
  });

  it("reads text in base64 that is no clean text, by its character set", () => {
    const mask = aWordsRule(["bad"], { action: "mask" });
    const encoded = (bytes: Buffer, mimeType = "text/plain") =>
      maskedBy(mask, bytes.toString("base64"), { mimeType, encoding: "base64" });
    expect(encoded(Buffer.from([0xff, ...Buffer.from(" bad day")]))).to.equal("\ufffd *** day");
    expect(encoded(Buffer.from("bad day", "utf16le"), "text/plain; charset=utf-16le")).to.equal("*** day");
    const good = Buffer.from([0xff, ...Buffer.from(" good day")]);
    expect(encoded(good), "as it was").to.equal(good.toString("base64"));
    expect(encoded(Buffer.from("bad"), "image/png")).to.equal(Buffer.from("bad").toString("base64"));
  });

  it("reads what is no name under a key of names", () => {
    const json = '{"note_id": "bad idea", "item_id": "bad"}';
    const masked = '{"note_id": "*** idea", "item_id": "bad"}';
    expect(maskedBy(aWordsRule(["bad"], { action: "mask" }), json, { mimeType: "application/json" })).to.equal(masked);
  });

  it("is refused with the place of what is wrong", () => {
    const rows: readonly (readonly [string, string])[] = [
      ["(a+", "rules.1.pattern: missing closing ) at character 3"],
      ["ab[z-a]", "rules.1.pattern: invalid character class range at character 4"],
      ["x(?=y)", "rules.1.pattern: invalid or unsupported Perl syntax at character 2"],
      ["a*", "rules.1.pattern: the pattern finds something in every text, also in none"],
      ["(a{100}){9}", "rules.1.pattern: the pattern is too large"],
    ];
    for (const [pattern, what] of rows) {
      expect(wrongIn(aWordsRule(["a"]), aRegexRule(pattern))).to.equal(what);
    }
    expect(wrongIn(aWordsRule(["a", "!"]))).to.equal("rules.0.words: has an entry without a word");
    expect(wrongIn(aWordsRule(["a"]), aWordsRule(["b"]))).to.equal("rules.1.name: is another rule's name too");
    const many = Array.from({ length: 21 }, (_, n) => aRegexRule("a", { name: `r${n}` }));
    expect(wrongIn(...many)).to.equal("rules: has more than 20 of kind regex");
  });
});
