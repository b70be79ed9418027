import type { ReceiptFact } from "@strata/contracts";
import { expect } from "chai";
import { distinctReceipts, partsOf } from "./receipt-group.ts";

const aCommand = (id: string, receipts: readonly ReceiptFact[], app = "app-1") => ({
  id,
  app,
  payload: { announcementId: "a-1", receipts },
});
const read = (userId: string, at: number): ReceiptFact => ({ userId, kind: "read", at });

describe("a group of receipt commands", () => {
  it("has each receipt once, with the first one's time and every command that reports it", () => {
    const commands = [
      aCommand("c1", [read("u1", 5), read("u1", 6)]),
      aCommand("c2", [read("u1", 1), { userId: "u1", kind: "delivered", at: 1 }]),
      aCommand("c3", [read("u1", 1)], "app-2"),
    ];
    const distinct = distinctReceipts(commands).map(({ app, fact, commands: by }) => ({ app, fact, by }));
    expect(distinct).to.deep.equal([
      { app: "app-1", fact: read("u1", 5), by: ["c1", "c2"] },
      { app: "app-1", fact: { userId: "u1", kind: "delivered", at: 1 }, by: ["c2"] },
      { app: "app-2", fact: read("u1", 1), by: ["c3"] },
    ]);
  });

  it("is split in order into parts that are full, without splitting a command", () => {
    const commands = [1, 3, 1, 1, 4].map((size, index) => {
      const receipts = Array.from({ length: size }, (_, n) => read(`u${n}`, 0));
      return aCommand(`c${index}`, receipts);
    });
    const parts = partsOf(commands, 3).map((part) => part.map(({ id }) => id));
    expect(parts).to.deep.equal([
      ["c0", "c1"],
      ["c2", "c3", "c4"],
    ]);
    expect(partsOf([], 3)).to.deep.equal([]);
  });

  it("proves a reader a recipient by either receipt", () => {
    const [reader] = distinctReceipts([aCommand("c1", [read("u1", 1)])]);
    expect(reader?.provingKeys).to.have.length(2);
  });
});
