import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import {
  VERSIONS,
  encodeUserId,
  formatUserReference,
  identityUri,
  isUserId,
  parseIdentityUri,
  parseUserCursor,
  parseUserReference,
  requireUserId,
} from "./index.ts";

const userId = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter(isUserId),
  fc.string({ unit: fc.constantFrom(...Array.from("/+%? #!~'()*.a")), minLength: 1, maxLength: 20 }),
);

describe("user ids", () => {
  it("have 1 to 128 characters", () => {
    expect(isUserId("")).to.equal(false);
    expect(isUserId("u")).to.equal(true);
    expect(isUserId("u".repeat(128))).to.equal(true);
    expect(isUserId("u".repeat(129))).to.equal(false);
  });

  it("are only what storage gives back unchanged", () => {
    expect(isUserId("a\0b")).to.equal(false);
    expect(isUserId("a\ud800")).to.equal(false);
  });

  it("survive being written as an identity id and read again, in one segment", () => {
    fc.assert(
      fc.property(userId, (id) => {
        expect(parseIdentityUri(identityUri(id))).to.equal(id);
        expect(encodeUserId(id)).to.match(/^[A-Za-z0-9%*_.-]+$/);
      }),
    );
  });

  it("are encoded byte for byte as the web clients do it", () => {
    expect(encodeUserId("a/b!~'()*é")).to.equal("a%2Fb%21%7E%27%28%29*%C3%A9");
  });

  it("survive being written and read in every version", () => {
    fc.assert(
      fc.property(userId, fc.constantFrom(...VERSIONS), (id, version) => {
        fc.pre(!id.startsWith("layer:"));
        expect(parseUserReference(version, formatUserReference(version, id))).to.equal(id);
      }),
    );
  });

  it("are written bare in 1.x and as identity ids from 2.0", () => {
    expect(VERSIONS.map((version) => formatUserReference(version, "a/b"))).to.deep.equal([
      "a/b",
      "a/b",
      "layer:///identities/a%2Fb",
      "layer:///identities/a%2Fb",
    ]);
  });

  it("are taken bare in 2.0 and later as well", () => {
    expect(parseUserReference("2.0", "123")).to.equal("123");
    expect(parseUserReference("3.0", "123")).to.equal("123");
  });

  it("are taken as they stand in 1.x", () => {
    expect(parseUserReference("1.0", "50%25")).to.equal("50%25");
    expect(parseUserReference("1.1", "layer:///identities/u")).to.equal("layer:///identities/u");
  });

  for (const uri of [
    "layer:///identities/",
    "layer:///identities/%zz",
    "layer:///identities/%FF",
    "layer:///identities/%00",
    "layer:///conversations/3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11",
  ]) {
    it(`are not read from the bad identity id ${uri}`, () => {
      expect(parseUserReference("3.0", uri)).to.equal(null);
    });
  }

  it("are found in a from_id however often it was decoded on the way", () => {
    expect(parseUserCursor("layer:///identities/a%20b")).to.equal("a b");
    expect(parseUserCursor("layer:///identities/a b")).to.equal("a b");
    expect(parseUserCursor("layer:///identities/100%")).to.equal("100%");
    expect(parseUserCursor("a b")).to.equal("a b");
    expect(parseUserCursor("")).to.equal(null);
  });

  it("in a path are refused with 422 when too long", () => {
    expect(requireUserId("u1")).to.equal("u1");
    expect(refusal(() => requireUserId("u".repeat(129)))).to.equal("invalid_property user_id");
  });
});
