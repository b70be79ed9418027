import type { PersonalFacts, PersonalTerms } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { contentFault } from "./check.ts";
import { localised, nobodyKnown, personaliserFor } from "./personalise.ts";
import { isBlank } from "./variables.ts";

const ann: PersonalFacts = { ...nobodyKnown("ann"), firstName: "Ann", metadata: { tier: "gold" } };
const part = (body: string, mimeType = "text/plain") => ({ mimeType, body, encoding: null });
const told = (
  body: string,
  facts: PersonalFacts,
  { mimeType = "text/plain", ...terms }: PersonalTerms & { mimeType?: string } = {},
) => personaliserFor({ isPersonal: true, ...terms }, facts).parts([part(body, mimeType)])[0]?.body;

describe("a personaliser", () => {
  it("puts in what is known of the recipient, and what stands for the rest", () => {
    const terms = { defaults: { first_name: "there", "metadata.tier": "basic" } };
    const body = "Hi {{ first_name }}, you are {{ metadata.tier | upcase }} ({{ user_id }})";
    expect(told(body, ann, terms)).to.equal("Hi Ann, you are GOLD (ann)");
    expect(told(body, nobodyKnown("bob"), terms)).to.equal("Hi there, you are BASIC (bob)");
  });

  it("says the same in a notification as in a part", () => {
    const personaliser = personaliserFor({ isPersonal: true, defaults: {} }, ann);
    const text = "Hi {{ first_name | default: 'you' }}";
    expect(personaliser.notification({ title: text, text, sound: "{{ first_name }}", data: { text } })).to.deep.equal({
      title: "Hi Ann",
      text: "Hi Ann",
      sound: "{{ first_name }}",
      data: { text },
    });
    expect(personaliser.notification({ sound: "bell" })).to.deep.equal({ sound: "bell" });
  });

  it("leaves alone what is not personal, and parts that are no text", () => {
    expect(told("{{ first_name }}", ann, { isPersonal: false })).to.equal("{{ first_name }}");
    expect(told("{{ first_name }}", ann, { mimeType: "application/json" })).to.equal("{{ first_name }}");
  });

  it("takes a text with nothing to see in it for none", () => {
    for (const firstName of ["", " ", "\n\t", " \u2003", "\u200B\u00AD\uFEFF", "\u3164\u2800"]) {
      expect(told("Hi {{ first_name }}", { ...ann, firstName }, { defaults: { first_name: "there" } })).to.equal(
        "Hi there",
      );
      expect(told("Hi {{ first_name | default: 'there' }}", { ...ann, firstName })).to.equal("Hi there");
      expect(told("{% if first_name %}a{% else %}b{% endif %}", { ...ann, firstName })).to.equal("b");
    }
  });

  it("falls back to what is said to who has nothing where filters leave nothing of a name", () => {
    const body = "Hi {{ first_name | remove: 'Ann' }}!";
    expect(told(body, ann, { defaults: { first_name: "there" } })).to.equal("Hi there!");
    const inOneCase = "{% unless metadata.tier %}{% assign x = 'new' %}{% endunless %}Hi {{ x }}";
    expect(told(inOneCase, ann)).to.equal("Hi new");
    const forAllButOne = "{% unless user_id == 'ann' %}{% assign team = 'red' %}{% endunless %}Hi {{ team }}";
    expect(contentFault({ parts: [part(forAllButOne)], notification: null, isPersonal: true })).to.equal(null);
    expect(told(forAllButOne, ann)).to.equal("Hi red");
    const large = { ...ann, metadata: { tier: "x".repeat(150_000) } };
    expect(told("{{ metadata.tier | upcase | downcase }}", large, { defaults: { "metadata.tier": "basic" } })).to.equal(
      "basic",
    );
  });

  it("escapes what it puts into HTML, and nowhere else", () => {
    const firstName = `<img src=x onerror="alert('1')">&`;
    const facts = { ...ann, firstName };
    const body = "<b>{{ first_name | default: 'x' }}</b>";
    expect(told(body, facts)).to.equal(`<b>${firstName}</b>`);
    const escaped = "<b>&lt;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&gt;&amp;</b>";
    expect(told(body, facts, { mimeType: "text/html" })).to.equal(escaped);
    expect(told(body, facts, { mimeType: "TEXT/HTML;charset=utf-8" })).to.equal(escaped);
  });

  it("never evaluates what a user wrote, nor shows anything that is not her own", () => {
    const firstName = "{{ last_name }}{% if x %}";
    expect(told("Hi {{ first_name | default: 'x' }}", { ...ann, firstName, lastName: "Lee" })).to.equal(
      `Hi ${firstName}`,
    );
    for (const key of ["constructor", "__proto__", "toString", "size", "first"]) {
      expect(told(`{{ metadata.${key} | default: "none" }}`, ann), key).to.equal("none");
    }
    const metadata = JSON.parse(`{"__proto__": "mine", "size": "XL"}`);
    expect(told(`{{ metadata.size | default: "none" }}`, { ...ann, metadata })).to.equal("XL");
  });

  it("never has an empty text where a variable stood, whatever users are called", () => {
    const names = ["first_name", "last_name", "display_name", "metadata.tier"];
    const filters = [
      "",
      " | upcase",
      " | slice: 1, 2",
      " | truncate: 3, ''",
      " | split: ' ' | first",
      " | strip",
      " | remove: 'a'",
    ];
    const output = fc
      .record({ name: fc.constantFrom(...names), filter: fc.constantFrom(...filters), isInline: fc.boolean() })
      .map(({ name, filter, isInline }) => `\uE000{{ ${name}${isInline ? " | default: 'dear'" : ""}${filter} }}`);
    const named = fc.option(fc.oneof(fc.string(), fc.constantFrom("a", " a", "aa", "  ", "{{ x }}", "<b>")));
    const facts = fc.record({ firstName: named, lastName: named, displayName: named, tier: fc.string() });
    fc.assert(
      fc.property(
        fc.array(output, { minLength: 1, maxLength: 4 }),
        facts,
        fc.boolean(),
        (outputs, { tier, ...fields }, isHtml) => {
          const body = outputs.join("");
          const defaults = Object.fromEntries(
            names.filter((name) => body.includes(name)).map((name) => [name, "friend"]),
          );
          const said = { parts: [part(body)], notification: null, isPersonal: true, defaults };
          fc.pre(contentFault(said) === null);
          const recipient = { ...nobodyKnown("u"), ...fields, metadata: { tier } };
          const rendered = told(body, recipient, { defaults, mimeType: isHtml ? "text/html" : "text/plain" });
          const spoken = rendered?.split("\uE000").slice(1) ?? [];
          return spoken.length === outputs.length && spoken.every((words) => !isBlank(words));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("localised", () => {
  const variant = (locale: string) => ({ locale, parts: [part(locale)], notification: { text: locale } });
  const said = {
    parts: [part("own")],
    notification: { text: "own" },
    variants: ["de", "de-CH", "zh-Hant", "pt-BR"].map(variant),
  };
  const bodyFor = (locale: string | null) => localised(said, locale).parts[0]?.body;

  it("takes the variant for the locale, else the one for what it is a kind of, else its own", () => {
    const expected = [
      ["de", "de"],
      ["de-CH", "de-CH"],
      ["de-AT", "de"],
      ["de-CH-1996", "de-CH"],
      ["zh-Hant-TW", "zh-Hant"],
      ["zh", "own"],
      ["pt", "own"],
      ["fr-CH", "own"],
      ["den", "own"],
      [null, "own"],
    ] as const;
    for (const [locale, body] of expected) expect(bodyFor(locale), String(locale)).to.equal(body);
  });

  it("reads locales as phones write them, and passes over what is none", () => {
    expect(["DE_at", "de_ch", "ZH-hant-tw"].map(bodyFor)).to.deep.equal(["de", "de-CH", "zh-Hant"]);
    expect(["", "?", "de-", "e"].map(bodyFor)).to.deep.equal(["own", "own", "own", "own"]);
  });

  it("has the notification of the same variant", () => {
    expect(localised(said, "de-AT").notification).to.deep.equal({ text: "de" });
    expect(localised({ ...said, variants: [] }, "de").notification).to.deep.equal({ text: "own" });
  });
});
