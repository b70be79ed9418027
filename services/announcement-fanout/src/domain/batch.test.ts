import { compareUserIds, partitionOf, PARTITIONS, SLOTS } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { announcementKey, announcementOf, batchesOfFew, batchId, below, byPartition, slotOf } from "./batch.ts";

const userIds = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }).filter((id) => id.isWellFormed()));

describe("batches", () => {
  it("hold every recipient of a short list once, in the partition that is theirs, ascending", () => {
    fc.assert(
      fc.property(userIds, (ids) => {
        const batches = batchesOfFew("app", "announcement", 1, ids);
        expect(batches.flatMap(({ recipients }) => recipients).toSorted()).to.deep.equal(ids.toSorted());
        for (const { partition, recipients } of batches) {
          expect(recipients.every((userId) => partitionOf(userId) === partition)).to.equal(true);
          expect(recipients).to.deep.equal([...recipients].toSorted(compareUserIds));
        }
      }),
    );
  });

  it("have ids that sort as their partitions and numbers do, all below their announcement's key", () => {
    const ids = [0, 9, 10, 63].flatMap((partition) => [0, 9, 10, 100_000].map((n) => batchId("a", "n", partition, n)));
    expect(ids).to.deep.equal(ids.toSorted());
    const { $gte, $lt } = below(announcementKey("a", "n"));
    expect(ids.every((id) => id >= $gte && id < $lt)).to.equal(true);
    expect(batchId("a", "n2", 0, 0) < $lt).to.equal(false);
    expect(ids.map(announcementOf)).to.deep.equal(ids.map(() => "n"));
  });

  it("spread the partitions of an app evenly over its slots", () => {
    const slots = Array.from({ length: PARTITIONS }, (_, partition) => slotOf(partition));
    const sizes = [...Map.groupBy(slots, (slot) => slot).values()].map((group) => group.length);
    expect(sizes).to.deep.equal(Array.from({ length: SLOTS }, () => PARTITIONS / SLOTS));
  });

  it("put ordinary user ids into all partitions, none of them twice as full as the mean", () => {
    const ids = Array.from({ length: 64_000 }, (_, n) => `user-${n}`);
    const sizes = [...byPartition(ids).values()].map((group) => group.length);
    expect(sizes).to.have.length(PARTITIONS);
    expect(Math.max(...sizes)).to.be.lessThan(2_000);
  });
});
