import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseSegment, parseSegmentChange, segmentView } from "./segments.ts";

const filter = { field: "metadata.tier", eq: "gold" } as const;

describe("segments on the wire", () => {
  it("reads a name and a filter", () => {
    expect(parseSegment({ name: " Gold ", filter })).to.deep.equal({ name: "Gold", filter });
    expect(parseSegmentChange({ name: "Gold" })).to.deep.equal({ name: "Gold" });
    expect(parseSegmentChange({ filter })).to.deep.equal({ filter });
  });

  it("refuses what is no segment", () => {
    expect(refusal(() => parseSegment("Gold"))).to.equal("invalid_request");
    expect(refusal(() => parseSegment({ filter }))).to.equal("missing_property name");
    expect(refusal(() => parseSegment({ name: "Gold" }))).to.equal("missing_property filter");
    expect(refusal(() => parseSegment({ name: "  ", filter }))).to.equal("invalid_property name");
    expect(refusal(() => parseSegment({ name: "x".repeat(129), filter }))).to.equal("invalid_property name");
    expect(refusal(() => parseSegment({ name: 1, filter }))).to.equal("invalid_property name");
    expect(refusal(() => parseSegment({ name: "Gold", filter: { and: [{}] } }))).to.equal(
      "invalid_property filter.and[0]",
    );
    expect(refusal(() => parseSegmentChange({}))).to.equal("invalid_property name");
    expect(refusal(() => parseSegmentChange({ name: "" }))).to.equal("invalid_property name");
  });

  it("shows all of it", () => {
    const segmentId = "7a2c1f64-3c92-41e4-baad-164230d1df67";
    const wire = { version: "3.0", baseUrl: "https://x", appId: "a" } as const;
    expect(segmentView(wire, { segmentId, name: "Gold", filter, createdAt: 0, updatedAt: 1 })).to.deep.equal({
      id: `layer:///segments/${segmentId}`,
      url: `https://x/apps/a/segments/${segmentId}`,
      name: "Gold",
      filter,
      created_at: "1970-01-01T00:00:00.000Z",
      updated_at: "1970-01-01T00:00:00.001Z",
    });
  });
});
