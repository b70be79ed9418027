import { randomUUID } from "node:crypto";
import { expect } from "chai";
import * as fc from "fast-check";
import { createSessionToken, readSessionToken } from "./session-token.ts";
import { createToken, tokenHash } from "./token.ts";

describe("session token", () => {
  it("is 64 characters that may stand in any URL, and names its app", () => {
    for (let n = 0; n < 200; n += 1) {
      const appId = randomUUID();
      const text = createSessionToken(appId);
      expect(text).to.match(/^[A-Za-z0-9_-]{64}$/);
      expect(escape(text)).to.equal(text);
      expect(readSessionToken(text)).to.deep.equal({ appId, hash: tokenHash(text) });
    }
  });

  it("is never the same twice", () => {
    const appId = randomUUID();
    expect(new Set(Array.from({ length: 200 }, () => createSessionToken(appId)))).to.have.lengthOf(200);
  });

  it("is of no app when it is cut, extended, of another kind, or names what can be no app", () => {
    const text = createSessionToken(randomUUID());
    for (const bad of ["", text.slice(1), `${text}A`, `${text}\n`, `${text.slice(0, 63)}+`, createToken()]) {
      expect(readSessionToken(bad), JSON.stringify(bad)).to.equal(null);
    }
    expect(readSessionToken(Buffer.alloc(48, 1).toString("base64url"))).to.equal(null);
  });

  it("has one text: another one is another token", () => {
    const text = createSessionToken(randomUUID());
    const character = fc.string({
      unit: fc.constantFrom("A", "B", "a", "b", "0", "1", "_", "-"),
      minLength: 1,
      maxLength: 1,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 63 }), character, (index, replacement) => {
        fc.pre(text.charAt(index) !== replacement);
        const other = readSessionToken(text.slice(0, index) + replacement + text.slice(index + 1));
        expect(other?.hash).not.to.equal(tokenHash(text));
      }),
    );
  });
});
