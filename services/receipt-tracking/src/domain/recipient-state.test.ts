import { expect } from "chai";
import { compareRecipients, type ReceiptTimes, recipientState } from "./recipient-state.ts";

const NONE: ReceiptTimes = { deliveredAt: null, readAt: null, openedAt: null, deletedAt: null };
const statusOf = (times: Partial<ReceiptTimes>) => recipientState("u1", { ...NONE, ...times }).status;

describe("a recipient's state", () => {
  it("only moves forward, whichever receipts there are and in whatever order they came", () => {
    expect(statusOf({})).to.equal("sent");
    expect(statusOf({ deliveredAt: 1 })).to.equal("delivered");
    expect(statusOf({ readAt: 1 })).to.equal("read");
    expect(statusOf({ deliveredAt: 2, readAt: 1 })).to.equal("read");
  });

  it("is delivered to who came by its push, and no further for who deleted it", () => {
    expect(statusOf({ openedAt: 1 })).to.equal("delivered");
    expect(statusOf({ deletedAt: 1 })).to.equal("sent");
    expect(statusOf({ deletedAt: 1, openedAt: 1, readAt: 1 })).to.equal("read");
  });

  it("is listed by partition first, then by user id", () => {
    // Partitions 63, 0, 0 and 1.
    const recipients = ["user-000029", "user-000122", "user-000004", "user-000014"];
    const listed = recipients.toSorted(compareRecipients);
    expect(listed).to.deep.equal(["user-000004", "user-000122", "user-000014", "user-000029"]);
  });
});
