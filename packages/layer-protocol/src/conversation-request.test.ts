import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { VERSIONS, parseNewConversation } from "./index.ts";

const LIMITS = { maxParticipants: 3, maxMetadataBytes: 64 };
const aBody = (a: string) => ({ participants: ["b"], metadata: { a } });

describe("the body of a new conversation", () => {
  it("names participants by user id in 1.x, and by identity id or user id from 2.0", () => {
    for (const version of ["1.0", "1.1"] as const) {
      const body = { participants: ["layer:///identities/a%20b", "c"] };
      expect(parseNewConversation(version, body, LIMITS).participants).to.deep.equal(body.participants);
    }
    for (const version of ["2.0", "3.0"] as const) {
      const body = { participants: ["layer:///identities/a%20b", "c"] };
      expect(parseNewConversation(version, body, LIMITS).participants).to.deep.equal(["a b", "c"]);
    }
  });

  it("is not distinct and says nothing of metadata unless it does", () => {
    for (const version of VERSIONS) {
      expect(parseNewConversation(version, { participants: ["b"] }, LIMITS)).to.deep.equal({
        participants: ["b"],
        distinct: false,
        metadata: null,
      });
      const nulls = { participants: ["b"], distinct: null, metadata: null, significance: { level: 1 } };
      expect(parseNewConversation(version, nulls, LIMITS)).to.have.property("metadata", null);
    }
    const body = { participants: ["b"], distinct: true, metadata: { a: { b: "c" }, d: "" } };
    expect(parseNewConversation("3.0", body, LIMITS)).to.deep.equal(body);
  });

  it("keeps the order of participants and lets duplicates collapse before it counts them", () => {
    const body = { participants: ["c", "layer:///identities/a", "c", "b", "a"] };
    expect(parseNewConversation("3.0", body, LIMITS).participants).to.deep.equal(["c", "a", "b"]);
  });

  it("adds who creates it, behind those named, and counts her too", () => {
    expect(parseNewConversation("3.0", { participants: ["b"] }, LIMITS, "a").participants).to.deep.equal(["b", "a"]);
    expect(parseNewConversation("3.0", { participants: ["a", "b"] }, LIMITS, "a").participants).to.have.lengthOf(2);
    const full = { participants: ["b", "c", "d"] };
    expect(refusal(() => parseNewConversation("3.0", full, LIMITS, "a"))).to.equal("invalid_property participants");
  });

  it("misses participants before anything else is wrong", () => {
    expect(refusal(() => parseNewConversation("1.0", {}, LIMITS))).to.equal("missing_property participants");
    const body = { metadata: 7, distinct: "yes" };
    expect(refusal(() => parseNewConversation("3.0", body, LIMITS))).to.equal("missing_property participants");
    expect(refusal(() => parseNewConversation("3.0", [], LIMITS))).to.equal("invalid_request");
  });

  it("is refused with participants who cannot be any, or are too few or too many", () => {
    for (const participants of [[], "b", {}, [7], [""], ["a", "b", "c", "d"], ["layer:///identities/%"]]) {
      const act = () => parseNewConversation("3.0", { participants }, LIMITS);
      expect(refusal(act), JSON.stringify(participants)).to.equal("invalid_property participants");
    }
  });

  it("is refused where distinct is no boolean", () => {
    const body = { participants: ["b"], distinct: "true" };
    expect(refusal(() => parseNewConversation("3.0", body, LIMITS))).to.equal("invalid_property distinct");
  });

  it("is refused with metadata that is more than strings in objects, by its path", () => {
    const refused: readonly [unknown, string][] = [
      ["text", "metadata"],
      [[], "metadata"],
      [{ a: 1 }, "metadata.a"],
      [{ a: { "b.c": [] } }, "metadata.a.b\\.c"],
      [{ a: null }, "metadata.a"],
      [{ a: { b: true } }, "metadata.a.b"],
      [{ a: { "": "x" } }, "metadata.a"],
      [JSON.parse('{"__proto__": "x"}'), "metadata"],
      [{ a: "x".repeat(60) }, "metadata"],
    ];
    for (const [metadata, property] of refused) {
      const act = () => parseNewConversation("3.0", { participants: ["b"], metadata }, LIMITS);
      expect(refusal(act), JSON.stringify(metadata)).to.equal(`invalid_property ${property}`);
    }
  });

  it("counts metadata in bytes of UTF-8", () => {
    expect(parseNewConversation("3.0", aBody("x".repeat(56)), LIMITS).metadata).to.have.property("a");
    const long = aBody("ü".repeat(29));
    expect(refusal(() => parseNewConversation("3.0", long, LIMITS))).to.equal("invalid_property metadata");
  });
});
