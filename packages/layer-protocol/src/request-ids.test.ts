import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { chosenObjectId, parseIdempotencyKey, parseIfNoneMatch } from "./index.ts";

const UUID = "7a2c1f64-3c92-41e4-baad-164230d1df67";

describe("If-None-Match on a create", () => {
  for (const header of [UUID, `"${UUID}"`, `W/"${UUID}"`, ` ${UUID} `, UUID.toUpperCase()]) {
    it(`names the id of the new object: ${header}`, () => {
      expect(parseIfNoneMatch(header)).to.equal(UUID);
    });
  }

  it("is optional", () => {
    expect(parseIfNoneMatch(undefined)).to.equal(null);
  });

  for (const header of ["", "*", "abc", `${UUID}, ${UUID}`, `layer:///announcements/${UUID}`]) {
    it(`is refused with 400 when it is ${JSON.stringify(header)}`, () => {
      expect(refusal(() => parseIfNoneMatch(header))).to.equal("invalid_request_id If-None-Match");
    });
  }
});

describe("Idempotency-Key", () => {
  it("is any text of 1 to 255 characters, kept as it came", () => {
    expect(parseIdempotencyKey(undefined)).to.equal(null);
    expect(parseIdempotencyKey("Order 17")).to.equal("Order 17");
    expect(parseIdempotencyKey("k".repeat(255))).to.have.length(255);
  });

  for (const key of ["", "k".repeat(256)]) {
    it(`is refused with 400 at ${key.length} characters`, () => {
      expect(refusal(() => parseIdempotencyKey(key))).to.equal("invalid_request_id Idempotency-Key");
    });
  }
});

describe("the id a client chooses", () => {
  const other = "0d5eb0a5-8f2f-4f0f-9d0b-0a4f0bbd5a11";

  it("is the header's before the body's", () => {
    expect(chosenObjectId("announcements", UUID, { id: `layer:///announcements/${other}` })).to.equal(UUID);
  });

  it("is the body's, as URI or bare, when there is no header", () => {
    expect(chosenObjectId("announcements", null, { id: `layer:///announcements/${other}` })).to.equal(other);
    expect(chosenObjectId("announcements", null, { id: other })).to.equal(other);
  });

  it("is left to the server otherwise", () => {
    expect(chosenObjectId("announcements", null, {})).to.equal(null);
    expect(chosenObjectId("announcements", null, { id: null })).to.equal(null);
  });

  for (const id of [`layer:///messages/${other}`, "x", 7]) {
    it(`is refused with 422 when the body says ${id}`, () => {
      expect(refusal(() => chosenObjectId("announcements", null, { id }))).to.equal("invalid_property id");
    });
  }
});
