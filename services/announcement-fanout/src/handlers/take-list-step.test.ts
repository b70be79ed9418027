import { expect } from "chai";
import { takenTogether } from "./take-list-step.ts";

const PARTITIONS = [5, 13, 21];
const rows = PARTITIONS.map((partition) => ({ announcement: "one", partition }));

const listOf = (recipientCount: number, chunksEach: number) => ({
  audience: { kind: "recipients" } as const,
  isUploaded: false,
  state: "distributing" as const,
  recipientCount,
  chunks: PARTITIONS.map((partition) => ({ partition, count: chunksEach })),
});

const partitionsOf = (taken: readonly { readonly partition: number }[]) => taken.map(({ partition }) => partition);

describe("takenTogether", () => {
  it("takes short lists of one announcement together", () => {
    expect(partitionsOf(takenTogether(listOf(2_000, 1), rows))).to.deep.equal([5, 13, 21]);
  });

  it("takes no more together than a long list's step may hold", () => {
    expect(partitionsOf(takenTogether(listOf(5_400, 2), rows))).to.deep.equal([5, 13]);
    expect(partitionsOf(takenTogether(listOf(16_000, 6), rows))).to.deep.equal([5]);
  });

  it("takes nothing of another announcement, nor what is not a list that is being distributed", () => {
    const mixed = [...rows, { announcement: "two", partition: 29 }];
    expect(partitionsOf(takenTogether(listOf(2_000, 1), mixed))).to.deep.equal([5, 13, 21]);
    const short = listOf(2_000, 1);
    expect(partitionsOf(takenTogether({ ...short, isUploaded: true }, rows))).to.deep.equal([5]);
    expect(partitionsOf(takenTogether({ ...short, state: "paused" }, rows))).to.deep.equal([5]);
    const sorting = PARTITIONS.map((partition) => ({ announcement: "one", partition, isSorting: true as const }));
    expect(partitionsOf(takenTogether(short, sorting))).to.deep.equal([5]);
    const sliced = PARTITIONS.map((partition) => ({ announcement: "one", partition, slice: 7 }));
    expect(partitionsOf(takenTogether(short, sliced))).to.deep.equal([5]);
  });
});
