import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { MAX_REPORTED_RECEIPTS, parseAnnouncementReceipt, parseReceipt, parseReportedReceipts } from "./index.ts";

describe("a receipt", () => {
  it("is read, delivered, or what the web clients call delivery", () => {
    expect(["read", "delivered", "delivery"].map((type) => parseReceipt({ type }))).to.deep.equal([
      "read",
      "delivered",
      "delivered",
    ]);
  });

  it("must say its type", () => {
    expect(refusal(() => parseReceipt({}))).to.equal("missing_property type");
    expect(refusal(() => parseReceipt({ type: null }))).to.equal("missing_property type");
  });

  for (const type of ["seen", "READ", 1, "constructor", ["read"]]) {
    it(`is not of type ${JSON.stringify(type)}`, () => {
      expect(refusal(() => parseReceipt({ type }))).to.equal("invalid_property type");
    });
  }

  for (const body of [null, undefined, [], "read"]) {
    it(`is not ${JSON.stringify(body)}`, () => {
      expect(refusal(() => parseReceipt(body))).to.equal("invalid_request");
    });
  }
});

describe("a receipt of an announcement", () => {
  it("may also say that she came by its push", () => {
    expect(["read", "delivery", "opened"].map((type) => parseAnnouncementReceipt({ type }))).to.deep.equal([
      "read",
      "delivered",
      "opened",
    ]);
    expect(refusal(() => parseReceipt({ type: "opened" }))).to.equal("invalid_property type");
    expect(refusal(() => parseAnnouncementReceipt({ type: "deleted" }))).to.equal("invalid_property type");
  });
});

describe("receipts that a backend reports", () => {
  const NOW = Date.UTC(2026, 0, 2);
  const parse = (body: unknown) => parseReportedReceipts("3.0", body, NOW);
  const one = (row: unknown) => parse({ receipts: [row] });

  it("name user, type and time, by any name that the version has for a user", () => {
    expect(
      parse({
        receipts: [
          { user_id: "layer:///identities/a%2Fb", type: "opened", at: "2026-01-01T01:00:00+01:00" },
          { user_id: "layer:///identities/carl", type: "delivery", at: null },
        ],
      }),
    ).to.deep.equal([
      { userId: "a/b", kind: "opened", at: Date.UTC(2026, 0, 1) },
      { userId: "carl", kind: "delivered", at: NOW },
    ]);
  });

  it("are never of the future: clocks differ", () => {
    expect(one({ user_id: "layer:///identities/ann", type: "read", at: "2031-01-01T00:00:00Z" })[0]?.at).to.equal(NOW);
  });

  it("are refused by the row that is wrong, and what is wrong in it", () => {
    const user_id = "layer:///identities/ann";
    const good = { user_id, type: "read" };
    expect(refusal(() => parse({ receipts: [good, { ...good, user_id: 7 }] }))).to.equal(
      "invalid_property receipts[1].user_id",
    );
    expect(refusal(() => one({ user_id, type: "seen" }))).to.equal("invalid_property receipts[0].type");
    expect(refusal(() => one({ user_id }))).to.equal("invalid_property receipts[0].type");
    expect(refusal(() => one({ ...good, at: "yesterday" }))).to.equal("invalid_property receipts[0].at");
    expect(refusal(() => one({ ...good, at: "2026-01-01T00:00:00" }))).to.equal("invalid_property receipts[0].at");
    expect(refusal(() => one("ann"))).to.equal("invalid_property receipts[0]");
  });

  it("are at least one and at most a thousand", () => {
    const row = { user_id: "layer:///identities/ann", type: "read" };
    const rows = (count: number) => ({ receipts: Array.from({ length: count }, () => row) });
    expect(parse(rows(MAX_REPORTED_RECEIPTS))).to.have.lengthOf(MAX_REPORTED_RECEIPTS);
    for (const body of [rows(0), rows(MAX_REPORTED_RECEIPTS + 1), { receipts: "all" }]) {
      expect(refusal(() => parse(body))).to.equal("invalid_property receipts");
    }
    expect(refusal(() => parse({}))).to.equal("missing_property receipts");
    expect(refusal(() => parse([]))).to.equal("invalid_request");
  });
});
