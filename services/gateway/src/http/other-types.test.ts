import { expect } from "chai";
import { CSV_TYPE, NDJSON_TYPE, otherTypeOf } from "./other-types.ts";

const asked = (accept: string | undefined) => otherTypeOf(accept, [NDJSON_TYPE, CSV_TYPE]);

describe("a type besides JSON", () => {
  it("is taken where Accept names it, whatever its case and parameters", () => {
    expect(asked("text/csv")).to.equal(CSV_TYPE);
    expect(asked("Application/X-NDJSON; charset=utf-8")).to.equal(NDJSON_TYPE);
    expect(asked("text/html, text/csv;q=0.8, */*;q=0.1")).to.equal(CSV_TYPE);
    expect(asked("text/csv, application/x-ndjson")).to.equal(CSV_TYPE);
  });

  it("is not taken for who takes anything, refuses it, or names something else", () => {
    for (const accept of [undefined, "", "*/*", "text/*", "text/csv;q=0", "application/json"]) {
      expect(asked(accept), String(accept)).to.equal(null);
    }
    expect(otherTypeOf("text/csv", [])).to.equal(null);
  });
});
