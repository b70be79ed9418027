import { expect } from "chai";
import * as fc from "fast-check";
import { TokenHash } from "./directory.ts";
import {
  createInvitationCode,
  createToken,
  isWellFormedInvitationCode,
  isWellFormedToken,
  tokenHash,
} from "./token.ts";

describe("token", () => {
  it("is always 40 characters: prefix, 160 random bits and checksum", () => {
    for (let n = 0; n < 200; n += 1) expect(createToken()).to.match(/^strata_[0-9A-Za-z]{33}$/);
  });

  it("is never the same twice", () => {
    const tokens = Array.from({ length: 200 }, createToken);
    expect(new Set(tokens)).to.have.lengthOf(200);
  });

  it("is well-formed as it was made", () => {
    for (let n = 0; n < 200; n += 1) expect(isWellFormedToken(createToken())).to.equal(true);
  });

  it("keeps its format: a token of today is well-formed for ever", () => {
    expect(isWellFormedToken(TOKEN)).to.equal(true);
  });

  it("is not well-formed with one character changed", () => {
    const place = fc.integer({ min: 0, max: TOKEN.length - 1 });
    const replacement = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 1 });
    fc.assert(
      fc.property(place, replacement, (index, character) => {
        fc.pre(TOKEN.charAt(index) !== character);
        expect(isWellFormedToken(TOKEN.slice(0, index) + character + TOKEN.slice(index + 1))).to.equal(false);
      }),
    );
  });

  it("is not well-formed when cut, extended or of another kind", () => {
    for (const text of ["", "strata_", TOKEN.slice(0, -1), `${TOKEN}0`, `${TOKEN}\n`, ` ${TOKEN}`, TOKEN.slice(7)]) {
      expect(isWellFormedToken(text), JSON.stringify(text)).to.equal(false);
    }
  });

  it("is taken for no invitation's code, nor such a code for a token", () => {
    const code = createInvitationCode();
    expect(code).to.match(/^strata_invitation_[0-9A-Za-z]{33}$/);
    expect([isWellFormedInvitationCode(code), isWellFormedToken(code)]).to.deep.equal([true, false]);
    expect(isWellFormedInvitationCode(TOKEN)).to.equal(false);
    const changed = code.slice(0, -1) + (code.endsWith("0") ? "1" : "0");
    expect(isWellFormedInvitationCode(changed)).to.equal(false);
  });

  it("is hashed to the SHA-256 that the contracts carry", () => {
    expect(tokenHash("abc")).to.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(TokenHash.safeParse(tokenHash(TOKEN)).success).to.equal(true);
  });
});

/** Made once; its secret opens nothing. */
const TOKEN = "strata_Z7NiNdY3aGASv91514mfubR52Rp0JkMIb";
