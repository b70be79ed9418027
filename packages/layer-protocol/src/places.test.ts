import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { locationView, parseLocation } from "./places.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const parse = (body: unknown) => parseLocation(body, NOW);
const here = { latitude: 48.2, longitude: 16.37 };

describe("parseLocation", () => {
  it("reads where a user is, and since when: now, where nothing is said", () => {
    expect(parse(here)).to.deep.equal({ ...here, at: NOW });
    const body = { ...here, at: "2026-11-26T11:00:00.000Z" };
    expect(locationView(parse(body))).to.deep.equal(body);
    expect(parse({ latitude: 0, longitude: 0, at: null })).to.deep.equal({ latitude: 0, longitude: 0, at: NOW });
  });

  it("refuses what is no place on earth, and no time that was", () => {
    expect(refusal(() => parse([]))).to.equal("invalid_request");
    expect(refusal(() => parse({ longitude: 1 }))).to.equal("missing_property latitude");
    expect(refusal(() => parse({ latitude: 1 }))).to.equal("missing_property longitude");
    expect(refusal(() => parse({ ...here, latitude: 90.1 }))).to.equal("invalid_property latitude");
    expect(refusal(() => parse({ ...here, longitude: "16" }))).to.equal("invalid_property longitude");
    expect(refusal(() => parse({ ...here, at: "yesterday" }))).to.equal("invalid_property at");
    expect(refusal(() => parse({ ...here, at: NOW }))).to.equal("invalid_property at");
    expect(refusal(() => parse({ ...here, at: "2026-11-26T12:05:00Z" }))).to.equal("invalid_property at");
  });
});
