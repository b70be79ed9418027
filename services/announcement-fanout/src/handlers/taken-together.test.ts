import { expect } from "chai";
import { takenTogether } from "./taken-together.ts";

const PARTITIONS = [5, 13, 21];
const rows = PARTITIONS.map((partition) => ({ announcement: "one", partition, n: 0 }));

const listOf = (recipientCount: number, chunksEach: number) => ({
  audience: { kind: "recipients" } as const,
  isUploaded: false,
  state: "distributing" as const,
  recipientCount,
  chunks: PARTITIONS.map((partition) => ({ partition, count: chunksEach })),
});

const audienceOf = (recipientCount: number) => ({
  ...listOf(recipientCount, 0),
  audience: { kind: "everyone" } as const,
  chunks: null,
});

/** The eight partitions of a slot, one of which was begun before. */
const eight = (begun?: number) =>
  Array.from({ length: 8 }, (_, index) => {
    return { announcement: "one", partition: 5 + 8 * index, n: index === begun ? 1 : 0 };
  });

const countOf = (recipientCount: number, begun?: number) =>
  takenTogether(audienceOf(recipientCount), eight(begun)).length;

const partitionsOf = (taken: readonly { readonly partition: number }[]) => taken.map(({ partition }) => partition);

describe("takenTogether", () => {
  it("takes short lists of one announcement together", () => {
    expect(partitionsOf(takenTogether(listOf(2_000, 1), rows))).to.deep.equal([5, 13, 21]);
  });

  it("takes no more together than a long list's step may hold", () => {
    expect(partitionsOf(takenTogether(listOf(5_400, 2), rows))).to.deep.equal([5, 13]);
    expect(partitionsOf(takenTogether(listOf(16_000, 6), rows))).to.deep.equal([5]);
  });

  describe("of an audience", () => {
    it("takes as many together as a long list's step may hold, by the number that was counted", () => {
      expect(countOf(64 * 500)).to.equal(8);
      expect(countOf(64 * 900)).to.equal(4);
      expect(countOf(64 * 1_000)).to.equal(4);
      expect(countOf(64 * 1_001)).to.equal(1);
    });

    it("takes the first batches of four where nobody has counted, and by itself what has more", () => {
      expect(countOf(0)).to.equal(4);
      expect(countOf(0, 0)).to.equal(1);
      expect(countOf(0, 1)).to.equal(1);
    });
  });

  it("takes nothing of another announcement, nor what is not a list that is being distributed", () => {
    const mixed = [...rows, { announcement: "two", partition: 29, n: 0 }];
    expect(partitionsOf(takenTogether(listOf(2_000, 1), mixed))).to.deep.equal([5, 13, 21]);
    const short = listOf(2_000, 1);
    expect(partitionsOf(takenTogether({ ...short, isUploaded: true }, rows))).to.deep.equal([5]);
    expect(partitionsOf(takenTogether({ ...short, state: "paused" }, rows))).to.deep.equal([5]);
    const sorting = PARTITIONS.map((partition) => ({ announcement: "one", partition, n: 0, isSorting: true as const }));
    expect(partitionsOf(takenTogether(short, sorting))).to.deep.equal([5]);
    const sliced = PARTITIONS.map((partition) => ({ announcement: "one", partition, n: 0, slice: 7 }));
    expect(partitionsOf(takenTogether(short, sliced))).to.deep.equal([5]);
  });
});
