import { compareUserIds, partitionOf } from "@strata/contracts";
import { expect } from "chai";
import { chunkCounts, chunksOf, packChunks } from "./recipient-chunks.ts";

const ids = Array.from({ length: 5_000 }, (_, n) => `user ${(n * 7_919) % 5_000}`);
/** Of one partition alone, with characters that UTF-16 and UTF-8 put in another order. */
const crowd = Array.from({ length: 200_000 }, (_, n) => `${["a", "\u{1F600}", "\uE000"][n % 3]}${n}`).filter(
  (userId) => partitionOf(userId) === 7,
);

describe("chunksOf", () => {
  it("puts each recipient into one chunk of her partition", () => {
    const chunks = [...chunksOf(ids)];
    expect(chunks.flatMap(({ userIds }) => userIds))
      .to.have.members(ids)
      .and.lengthOf(ids.length);
    for (const { partition, userIds } of chunks) {
      expect(new Set(userIds.map(partitionOf))).to.deep.equal(new Set([partition]));
    }
  });

  it("numbers a partition's chunks from 0, with ascending ids within and from one to the next", () => {
    const chunks = [...chunksOf(crowd)];
    expect(chunks.map(({ chunk }) => chunk)).to.deep.equal(chunks.map((_, index) => index));
    expect(chunks.length).to.be.greaterThan(2);
    expect(chunks.every(({ userIds }) => userIds.length <= 1_000)).to.equal(true);
    const all = chunks.flatMap(({ userIds }) => userIds);
    expect(all).to.deep.equal(crowd.toSorted(compareUserIds));
  });

  it("counts what it made", () => {
    const chunks = [...chunksOf(crowd)];
    expect(chunkCounts(chunks)).to.deep.equal([{ partition: 7, count: chunks.length }]);
  });
});

describe("packChunks", () => {
  it("fills messages up to their limit, in order, and loses nothing", () => {
    const chunks = [...chunksOf(ids)];
    const limits = { maxBytes: 10_000, overheadBytes: 100 };
    const packs = [...packChunks(chunks, limits)];
    expect(packs.flat()).to.deep.equal(chunks);
    expect(packs.length).to.be.lessThan(chunks.length);
    for (const pack of packs) expect(Buffer.byteLength(JSON.stringify(pack)) + 100).to.be.at.most(10_000);
  });

  it("sends a chunk that alone is too large alone", () => {
    const chunks = [...chunksOf(crowd)];
    expect([...packChunks(chunks, { maxBytes: 10, overheadBytes: 0 })]).to.deep.equal(chunks.map((chunk) => [chunk]));
  });
});
