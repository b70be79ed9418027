import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseAnnouncementChange } from "./index.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const LIMITS = { maxParts: 3, maxPartBytes: 2048 };
const parse = (body: unknown) => parseAnnouncementChange("3.0", body, LIMITS, NOW);

describe("a change of an announcement", () => {
  it("is what the body names, and nothing else", () => {
    expect(parse({ parts: [{ mime_type: "text/plain", body: "new" }] })).to.deep.equal({
      content: { parts: [{ mimeType: "text/plain", body: "new", encoding: null }] },
      terms: {},
    });
    expect(parse({ notification: null, category: "news" })).to.deep.equal({
      content: { notification: null },
      terms: { category: "news" },
    });
  });

  it("takes a term back with null, or with the usual value", () => {
    const body = {
      schedule: null,
      expires_at: null,
      throttle: null,
      category: null,
      silent: false,
      priority: "normal",
    };
    expect(parse(body).terms).to.deep.equal({
      schedule: null,
      expiresAt: null,
      throttlePerMinute: null,
      category: null,
      isSilent: false,
      priority: "normal",
    });
  });

  it("takes back with null what made it personal, as part of what it says", () => {
    const none = { isPersonal: false, defaults: {}, variants: [] };
    expect(parse({ personalise: null, defaults: null, variants: null })).to.deep.equal({ content: none, terms: {} });
    expect(parse({ personalise: false, defaults: {}, variants: [] })).to.deep.equal({ content: none, terms: {} });
    const variant = { locale: "de-at", parts: [{ mime_type: "text/plain", body: "hallo" }] };
    expect(parse({ personalise: true, defaults: { first_name: "x" }, variants: [variant] }).content).to.deep.equal({
      isPersonal: true,
      defaults: { first_name: "x" },
      variants: [
        { locale: "de-AT", parts: [{ mimeType: "text/plain", body: "hallo", encoding: null }], notification: null },
      ],
    });
  });

  it("is refused where it is none, or names what never changes", () => {
    expect(refusal(() => parse({}))).to.equal("invalid_request");
    expect(refusal(() => parse({ colour: "red" }))).to.equal("invalid_request");
    expect(refusal(() => parse([]))).to.equal("invalid_request");
    expect(refusal(() => parse({ parts: [] }))).to.equal("missing_property parts");
    expect(refusal(() => parse({ recipients: ["ann"] }))).to.equal("invalid_property recipients");
    expect(refusal(() => parse({ sender_id: "ann" }))).to.equal("invalid_property sender_id");
    expect(refusal(() => parse({ schedule: { at: "soon" } }))).to.equal("invalid_property schedule.at");
  });
});
