import type { Notification, PersonalTerms } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { contentFault } from "./check.ts";
import type { Said } from "./texts.ts";

const part = (body: string, mimeType = "text/plain") => ({ mimeType, body, encoding: null });
const saying = (body: string, changes: Partial<Said & PersonalTerms> = {}) =>
  contentFault({ parts: [part(body)], notification: null, isPersonal: true, ...changes });
const reasonOf = (body: string, changes?: Partial<Said & PersonalTerms>) => saying(body, changes)?.reason ?? "none";

const placed = (content: Said & PersonalTerms) => contentFault({ ...content, isPersonal: true })?.property;
const withType = (mimeType: string, encoding: "base64" | null = null) =>
  saying("", { parts: [{ mimeType, body: "{{ oops }}", encoding }] });
const withDefaults = (defaults: Record<string, string>, changes = {}) =>
  saying("Hi {{ first_name | default: 'you' }}", { defaults, ...changes })?.property;
const silent = (notification: Notification | null, more: object = {}) =>
  contentFault({ parts: [part("hello")], notification, isSilent: true, ...more })?.property ?? null;

describe("contentFault", () => {
  it("finds nothing in what is not personal, however much it looks like a template", () => {
    expect(saying("{{ nobody", { isPersonal: false })).to.equal(null);
    expect(saying("no template at all")).to.equal(null);
  });

  it("lets a silent announcement wake the app, and show nothing to anybody", () => {
    expect(silent(null)).to.equal(null);
    expect(silent({ data: { a: "1" } })).to.equal(null);
    expect(silent({ text: "hello" }, { isSilent: false })).to.equal(null);
    for (const shown of [{ text: "hello" }, { sound: "ping" }, { recipients: { ann: { title: "hello" } } }]) {
      expect(silent(shown)).to.equal("notification");
      const variants = [{ locale: "de", parts: [part("hallo")], notification: shown }];
      expect(silent({ data: {} }, { variants })).to.equal("variants[0].notification");
    }
  });

  it("names part, line and column of what is no template", () => {
    const broken = [
      ["Hello {{ first_name ", 'output "{{ first_name " not closed', 1, 7],
      ["Hello\n{% if metadata.tier %}you", "tag {% if metadata.tier %} not closed", 2, 1],
      ["{{ user_id | shout }}", "undefined filter: shout", 1, 1],
      ["{{ }}", 'invalid value expression: ""', 1, 4],
    ] as const;
    for (const [body, words, line, column] of broken) {
      expect(saying(body)).to.deep.equal({
        property: "parts[0].body",
        reason: `is no template at line ${line}, column ${column}: ${words}`,
      });
    }
  });

  it("looks into every text: parts, notification, overrides, variants", () => {
    const bad = "{{ oops }}";
    const good = { parts: [part("hi")], notification: { text: "hi" } };
    expect(placed({ ...good, parts: [part("hi"), part(bad)] })).to.equal("parts[1].body");
    expect(placed({ ...good, notification: { title: bad, text: "hi" } })).to.equal("notification.title");
    expect(placed({ ...good, notification: { text: bad } })).to.equal("notification.text");
    const recipients = { ann: { text: bad } };
    expect(placed({ ...good, notification: { recipients } })).to.equal("notification.recipients.ann.text");
    const variant = { locale: "de", ...good };
    expect(placed({ ...good, variants: [variant, { ...variant, locale: "fr", parts: [part(bad)] }] })).to.equal(
      "variants[1].parts[0].body",
    );
    const notification = { title: bad };
    expect(placed({ ...good, variants: [{ ...variant, notification }] })).to.equal("variants[0].notification.title");
  });

  it("takes text/* for templates, and nothing else", () => {
    for (const type of ["text/plain", "TEXT/HTML; charset=utf-8", "text/markdown", "text/x-mine"]) {
      expect(withType(type), type).to.have.property("property", "parts[0].body");
    }
    for (const type of ["application/json", "image/svg+xml", "texts/plain"])
      expect(withType(type), type).to.equal(null);
    expect(withType("text/plain", "base64")).to.equal(null);
  });

  it("refuses by name what is no variable", () => {
    const unknown = ["firstname", "first_name.size", "metadata", "metadata.a.b", "metadata[first_name]", "constructor"];
    for (const text of [...unknown, "metadata.tier.size", "['first_name.size']", "'x'.size"]) {
      expect(reasonOf(`Hi {{ ${text} | default: "you" }}`), text).to.match(
        /^names .* at line 1, column 7, which is no vari/,
      );
      expect(reasonOf(`Hi {{ ${text} | default: "you" }}`)).to.include(text);
      expect(reasonOf(`{% if ${text} %}a{% else %}b{% endif %}`), text).to.include("no variable");
    }
  });

  it("wants something to stand for every variable that may be missing, and names it", () => {
    const fields = ["display_name", "first_name", "last_name", "email_address", "phone_number", "metadata.tier"];
    for (const name of fields) {
      expect(reasonOf(`Hi {{ ${name} }}`)).to.match(new RegExp(`^names ${name} at line 1, column 7, which not every`));
      expect(reasonOf(`Hi {{ ${name} | upcase | default: "you" }}`)).to.include(`names ${name}`);
      expect(reasonOf(`Hi {{ "x" | append: ${name} }}`)).to.include(`names ${name}`);
      expect(reasonOf(`{% assign x = ${name} %}Hi {{ x | default: "you" }}`)).to.include(`names ${name}`);
      expect(saying(`Hi {{ ${name} }}`, { defaults: { [name]: "you" } })).to.equal(null);
      expect(saying(`Hi {{ ${name} | default: "you" | upcase }}`)).to.equal(null);
      expect(saying(`{% if ${name} %}Hi {{ ${name} | default: "you" }}{% else %}Hi{% endif %}`)).to.equal(null);
    }
    expect(saying("{{ user_id }}")).to.equal(null);
    expect(saying(`{{ metadata["loyalty tier"] }}`, { defaults: { "metadata.loyalty tier": "none" } })).to.equal(null);
    expect(saying(`{% assign first_name = first_name | default: "you" %}Hi {{ first_name }}`)).to.equal(null);
  });

  it("does not take an empty default for one", () => {
    for (const none of [`""`, `"  "`, "nil", "blank", "false", ""]) {
      expect(reasonOf(`Hi {{ first_name | default: ${none} }}`), none).to.include("names first_name");
    }
    expect(reasonOf("Hi {{ first_name | default: last_name }}")).to.include("names last_name");
    expect(saying("Hi {{ first_name }}", { defaults: { first_name: " " } })).to.deep.equal({
      property: "defaults.first_name",
      reason: "must say something",
    });
  });

  it("refuses what comes out empty for a user of whom nothing is known", () => {
    for (const body of [
      `{{ first_name | default: "Ann" | remove: "Ann" }}!`,
      "{% if metadata.tier %}gold{% endif %}",
      "{% if metadata.tier %}{% assign x = 'a' %}{% endif %}Hi {{ x | default: '' }}",
    ]) {
      expect(reasonOf(body), body).to.match(/^comes out empty/);
    }
    expect(reasonOf("{% if metadata.tier %}{% assign x = 'a' %}{% endif %}Hi {{ x }}")).to.include(
      "undefined variable: x",
    );
  });

  it("refuses defaults that nobody uses, or that are for nothing", () => {
    expect(withDefaults({ first_name: "you" })).to.equal(undefined);
    expect(withDefaults({ last_name: "you" })).to.equal("defaults.last_name");
    expect(withDefaults({ frist_name: "you" })).to.equal("defaults.frist_name");
    expect(withDefaults({ user_id: "you" })).to.equal("defaults.user_id");
    expect(withDefaults({ first_name: "you" }, { isPersonal: false })).to.equal("defaults");
  });

  it("wants a notification in each variant where the announcement has one, and in none where it has none", () => {
    const variants = [{ locale: "de", parts: [part("hallo")], notification: null }];
    const notification = { text: "hi" };
    expect(saying("hi", { variants, notification })?.property).to.equal("variants[0].notification");
    expect(saying("hi", { variants: [{ ...variants[0], locale: "de", parts: [], notification }] })?.property).to.equal(
      "variants[0].notification",
    );
    expect(saying("hi", { variants })).to.equal(null);
  });

  it("has no loops, nothing that loads, and no way around the escaping", () => {
    for (const tag of ["for i in (1..1000000000)", "tablerow i in (1..9)", "include 'x'", "render 'x'", "layout 'x'"]) {
      expect(reasonOf(`{% ${tag} %}x`), tag).to.match(/^is no template at line 1, column 1: tag "\w+" not found$/);
    }
    expect(reasonOf("{{ user_id | raw }}")).to.include("undefined filter: raw");
  });

  it("refuses in bounded time what would take a machine's memory or minutes", () => {
    const hostile = [
      "{{ (1..1000000000) }}",
      "{% if (1..1000000000) contains 5 %}x{% else %}y{% endif %}",
      `{% assign a = "x" %}${"{% assign a = a | append: a %}".repeat(64)}{{ a }}`,
      `{% assign a = "x" %}${`{% assign a = a | replace: "x", "xxxxxxxxxx" %}`.repeat(64)}{{ a }}`,
      "{{ 'now' | date: '%999999999N' }}",
    ];
    for (const body of hostile) expect(reasonOf(body), body).to.include("memory alloc limit exceeded");
    expect(saying(`{{ user_id }}${"x".repeat(10_000)}`)?.reason).to.equal("has more than 10000 characters");
    const recipients = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [`user-${n}`, { text: "{{ user_id }} {{ user_id }} {{ user_id }}" }]),
    );
    expect(reasonOf("hi", { notification: { recipients } })).to.include("2000 tags and outputs together");
    expect(saying("{% if user_id %}".repeat(500) + "x" + "{% endif %}".repeat(500))).to.have.property("reason");
  });

  it("never throws, whatever the template", () => {
    const fragment = fc.constantFrom("{{", "}}", "{%", "%}", " if ", "first_name", "|", "default:", "'", '"', "(1..9)");
    const text = fc.array(fc.oneof(fragment, fc.string())).map((fragments) => fragments.join(""));
    fc.assert(
      fc.property(text, (body) => saying(body) === null || reasonOf(body).length > 0),
      { numRuns: 2_000 },
    );
  });
});
