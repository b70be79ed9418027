import { createCipheriv, randomBytes } from "node:crypto";
import { expect } from "chai";
import { assert, constantFrom, nat, pre, property, string } from "fast-check";
import { seal, sealedPrefix, SealError, unseal } from "./sealing.ts";

const key = randomBytes(32);

describe("seal and unseal", () => {
  it("give back any text", () => {
    assert(property(string({ unit: "grapheme" }), (text) => unseal(key, seal(key, text)) === text));
  });

  it("never make the same sealed text twice", () => {
    expect(seal(key, "x")).not.to.equal(seal(key, "x"));
  });

  it("refuse a text in which any one character was changed", () => {
    const refused = property(
      string(),
      nat(),
      constantFrom("A", "b", "Z", "0", "9", "-", "_", ".", "="),
      (text, at, character) => {
        const sealed = seal(key, text);
        const index = at % sealed.length;
        pre(sealed[index] !== character);
        const changed = sealed.slice(0, index) + character + sealed.slice(index + 1);
        expect(() => unseal(key, changed)).to.throw(SealError);
      },
    );
    assert(refused, { numRuns: 1_000 });
  });

  it("refuse a text that was cut short or made longer", () => {
    const sealed = seal(key, "secret");
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => unseal(key, sealed.slice(0, length))).to.throw(SealError);
    }
    for (const tail of ["A", ".", ".AAAA", "="]) expect(() => unseal(key, sealed + tail)).to.throw(SealError);
  });

  it("refuse another key, and say nothing about the text", () => {
    expect(() => unseal(randomBytes(32), seal(key, "secret")))
      .to.throw(SealError)
      .with.property("message")
      .not.include("secret");
  });

  it("refuse a key of another length", () => {
    expect(() => seal(randomBytes(16), "x")).to.throw(SealError, "32 bytes");
    expect(() => unseal(randomBytes(33), seal(key, "x"))).to.throw(SealError, "32 bytes");
  });

  it("open with a former key what it sealed, and seal with the current one only", () => {
    const former = randomBytes(32);
    const ring = [key, former];
    expect(unseal(ring, seal(former, "old"))).to.equal("old");
    expect(unseal(ring, seal(key, "new"))).to.equal("new");
    expect(() => unseal([key], seal(former, "old"))).to.throw(SealError);
    expect(() => unseal([], seal(key, "new"))).to.throw(SealError);
  });

  it("say with which key a text was sealed, and nothing of the key", () => {
    const other = randomBytes(32);
    expect(seal(key, "x").startsWith(sealedPrefix(key))).to.equal(true);
    expect(seal(other, "x").startsWith(sealedPrefix(key))).to.equal(false);
    expect(key.toString("base64url")).to.not.contain(sealedPrefix(key).split(".")[1]);
  });

  it("open texts of the former version, which name no key, with whichever key fits", () => {
    const sealed = sealedAsV1(key, "from before");
    expect(unseal([randomBytes(32), key], sealed)).to.equal("from before");
    expect(() => unseal([randomBytes(32)], sealed)).to.throw(SealError);
    expect(() => unseal(key, sealed.replace("v1.", sealedPrefix(key)))).to.throw(SealError);
  });
});

function sealedAsV1(sealingKey: Buffer, text: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", sealingKey, iv, { authTagLength: 16 });
  cipher.setAAD(Buffer.from("v1"));
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return ["v1", ...[iv, cipher.getAuthTag(), data].map((bytes) => bytes.toString("base64url"))].join(".");
}
