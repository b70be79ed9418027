import { expect } from "chai";
import { compareRecipients, recipientState } from "./recipient-state.ts";

const statusOf = (deliveredAt: number | null, readAt: number | null) =>
  recipientState("u1", { deliveredAt, readAt }).status;

describe("a recipient's state", () => {
  it("only moves forward, whichever receipts there are and in whatever order they came", () => {
    expect(statusOf(null, null)).to.equal("sent");
    expect(statusOf(1, null)).to.equal("delivered");
    expect(statusOf(null, 1)).to.equal("read");
    expect(statusOf(2, 1)).to.equal("read");
  });

  it("is listed by partition first, then by user id", () => {
    // Partitions 63, 0, 0 and 1.
    const recipients = ["user-000029", "user-000122", "user-000004", "user-000014"].map((userId) => ({ userId }));
    const listed = recipients.toSorted(compareRecipients).map(({ userId }) => userId);
    expect(listed).to.deep.equal(["user-000004", "user-000122", "user-000014", "user-000029"]);
  });
});
