import { anAnnouncementId, anAppId } from "@strata/testing";
import { partitionOf } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import {
  countKey,
  countRange,
  type KeyRange,
  parseCountKey,
  partitionRange,
  receiptKey,
  receiptRange,
} from "./receipt-key.ts";

const [app, announcementId] = [anAppId(), anAnnouncementId()];
const userId = fc.string({ unit: "binary", minLength: 1, maxLength: 10 });

/** As MongoDB compares. */
const isIn = (range: KeyRange, key: string): boolean =>
  Buffer.compare(Buffer.from(range.after), Buffer.from(key)) < 0 &&
  Buffer.compare(Buffer.from(key), Buffer.from(range.before)) < 0;

describe("the keys of receipts", () => {
  it("put every user's receipt into the range of its kind and of its partition, and into no other", () => {
    fc.assert(
      fc.property(userId, fc.nat({ max: 63 }), (user, other) => {
        const key = receiptKey(app, announcementId, "read", user);
        const partition = partitionOf(user);
        expect(isIn(receiptRange(app, announcementId, "read", null), key)).to.equal(true);
        expect(isIn(receiptRange(app, announcementId, "delivered", null), key)).to.equal(false);
        const inPartition = isIn(partitionRange({ app, announcementId, partition: other }, "read"), key);
        expect(inPartition).to.equal(partition === other);
      }),
    );
  });

  it("begin a page behind its last user", () => {
    const key = receiptKey(app, announcementId, "read", "u/1");
    const range = receiptRange(app, announcementId, "read", "u/1");
    expect(isIn(range, key)).to.equal(false);
    expect(isIn(range, `${key}!`)).to.equal(true);
  });

  it("tell announcements and apps apart, also where one id begins with the other", () => {
    const range = receiptRange(app, "a", "read", null);
    expect(isIn(range, receiptKey(app, "a0", "read", "u"))).to.equal(false);
    expect(isIn(countRange(app, "a"), countKey({ app, announcementId: "a0", partition: 1 }))).to.equal(false);
  });

  it("of counts are read back as they were made", () => {
    const key = { app, announcementId, partition: 7 };
    expect(countKey(key)).to.equal(`${app}/${announcementId}/07`);
    expect(parseCountKey(countKey(key))).to.deep.equal(key);
    expect(() => parseCountKey("something/else")).to.throw("something/else");
  });
});
