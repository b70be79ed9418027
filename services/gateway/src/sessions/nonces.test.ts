import { randomBytes } from "node:crypto";
import { expect } from "chai";
import * as fc from "fast-check";
import { nonces } from "./nonces.ts";

describe("nonces", () => {
  const key = randomBytes(32);
  let time = 1_790_000_000_000;
  const now = () => time;
  const ours = nonces(key, now);

  it("are known to every gateway with the key, each under an id of its own", () => {
    const issued = Array.from({ length: 100 }, () => ours.issue());
    const ids = issued.map((text) => nonces(key, now).read(text)).map((read) => (read.kind === "fresh" ? read.id : ""));
    expect(new Set(ids).size).to.equal(100);
    for (const text of issued) expect(escape(text)).to.equal(text);
  });

  it("expire after ten minutes, and are remembered for longer", () => {
    const text = ours.issue();
    time += 599_999;
    const read = ours.read(text);
    expect(read).to.have.property("kind", "fresh");
    expect(read.kind === "fresh" ? read.expiresAt : 0).to.be.greaterThan(time + 1);
    time += 1;
    expect(ours.read(text)).to.deep.equal({ kind: "expired" });
  });

  it("are none of ours with one character changed, or with another key", () => {
    const text = ours.issue();
    expect(nonces(randomBytes(32), now).read(text)).to.deep.equal({ kind: "foreign" });
    const character = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), character, (index, replacement) => {
        fc.pre(text.charAt(index) !== replacement);
        const other = text.slice(0, index) + replacement + text.slice(index + 1);
        expect(ours.read(other)).to.deep.equal({ kind: "foreign" });
      }),
    );
  });

  it("have no second text that means the same", () => {
    for (let n = 0; n < 200; n += 1) {
      const text = ours.issue();
      for (const alias of [text.replaceAll("-", "+"), text.replaceAll("_", "/"), `${text}=`, ` ${text}`, `${text}\n`]) {
        if (alias !== text) expect(ours.read(alias)).to.deep.equal({ kind: "foreign" });
      }
    }
  });

  it("are nothing else, whatever it is", () => {
    fc.assert(fc.property(fc.string(), (text) => ours.read(text).kind === "foreign"));
  });
});
