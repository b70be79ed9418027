import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { OBJECT_PAGES, USER_PAGES, parseObjectId, parsePaging, parseUserCursor } from "./index.ts";

const UUID = "7a2c1f64-3c92-41e4-baad-164230d1df67";
const objects = (query: Record<string, unknown>) =>
  parsePaging(query, OBJECT_PAGES, (text) => parseObjectId("announcements", text));

describe("paging", () => {
  it("starts at the top with the default size", () => {
    expect(objects({})).to.deep.equal({ pageSize: 100, fromId: null });
    expect(parsePaging({}, USER_PAGES, parseUserCursor)).to.deep.equal({ pageSize: 500, fromId: null });
  });

  it("takes sizes from 1 up, and clamps at the maximum", () => {
    const sizes = ["1", "20", "100", "101", "9".repeat(400)].map((text) => objects({ page_size: text }).pageSize);
    expect(sizes).to.deep.equal([1, 20, 100, 100, 100]);
  });

  for (const size of ["0", "-1", "1.5", "", "ten", "1e2", ["1", "2"]]) {
    it(`refuses page_size ${JSON.stringify(size)} with 422`, () => {
      expect(refusal(() => objects({ page_size: size }))).to.equal("invalid_property page_size");
    });
  }

  it("takes from_id as URI or bare", () => {
    expect(objects({ from_id: UUID }).fromId).to.equal(UUID);
    expect(objects({ from_id: `layer:///announcements/${UUID}` }).fromId).to.equal(UUID);
    expect(parsePaging({ from_id: "layer:///identities/a%2Fb" }, USER_PAGES, parseUserCursor).fromId).to.equal("a/b");
  });

  for (const fromId of ["", "x", `layer:///messages/${UUID}`, [UUID, UUID]]) {
    it(`answers 404 to from_id ${JSON.stringify(fromId)}, which can be no row`, () => {
      expect(refusal(() => objects({ from_id: fromId }))).to.equal("not_found");
    });
  }
});
