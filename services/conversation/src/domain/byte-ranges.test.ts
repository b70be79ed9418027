import { DomainError } from "@strata/runtime";
import { expect } from "chai";
import { requestedRange, storedRange, uploadStepOf } from "./byte-ranges.ts";

const SIZE = 200;
const step = (contentRange: string | undefined, contentLength?: number) =>
  uploadStepOf({ contentRange, contentLength }, SIZE);

const range = (header: string | undefined) => requestedRange(header, SIZE);

/** `<code> <header>` of a refusal. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return `${error.code} ${String(error.details["header"])}`;
    throw error;
  }
  return "none";
}

describe("an upload request", () => {
  it("brings everything where it names no range", () => {
    expect(step(undefined, SIZE)).to.deep.equal({ kind: "bytes", range: { first: 0, last: 199 } });
    expect(step(undefined)).to.deep.equal({ kind: "bytes", range: { first: 0, last: 199 } });
  });

  it("brings a range, of a total that may not be known yet", () => {
    for (const total of ["200", "*"]) {
      expect(step(`bytes 100-199/${total}`, 100)).to.deep.equal({ kind: "bytes", range: { first: 100, last: 199 } });
    }
  });

  it("asks how far the upload has come with a star", () => {
    for (const total of ["200", "*"]) expect(step(`bytes */${total}`, 0)).to.deep.equal({ kind: "status" });
  });

  it("is refused with the header that does not fit what was announced", () => {
    expect(refusal(() => step(undefined, 199))).to.equal("invalid_property Content-Length");
    expect(refusal(() => step("bytes 0-99/201", 100))).to.equal("invalid_property Content-Range");
    expect(refusal(() => step("bytes 100-200/*", 101))).to.equal("invalid_property Content-Range");
    expect(refusal(() => step("bytes 99-98/200", 0))).to.equal("invalid_property Content-Range");
    expect(refusal(() => step("bytes 0-99/200", 99))).to.equal("invalid_property Content-Length");
  });

  it("is refused when its range cannot be read", () => {
    for (const text of [
      "",
      "0-99/200",
      "bytes=0-99",
      "bytes 0-/200",
      "bytes -5/200",
      "bytes 0-9/2e3",
      "items 0-9/200",
    ]) {
      expect(
        refusal(() => step(text)),
        text,
      ).to.equal("invalid_request Content-Range");
    }
  });

  it("is told what is there, and nothing where nothing is", () => {
    expect([0, 1, 100].map(storedRange)).to.deep.equal([null, "bytes=0-0", "bytes=0-99"]);
  });
});

describe("a download request", () => {
  it("gets the range that it asks for, cut at the end", () => {
    expect(range("bytes=0-99")).to.deep.equal({ first: 0, last: 99 });
    expect(range("bytes=150-")).to.deep.equal({ first: 150, last: 199 });
    expect(range("bytes=150-1000")).to.deep.equal({ first: 150, last: 199 });
    expect(range("bytes=-50")).to.deep.equal({ first: 150, last: 199 });
    expect(range("bytes=-1000")).to.deep.equal({ first: 0, last: 199 });
  });

  it("gets the whole where the header is none that is served", () => {
    for (const header of [undefined, "", "bytes=-", "bytes=9-5", "bytes=0-1,5-9", "items=0-5", "bytes=a-b"]) {
      expect(range(header), header).to.equal(null);
    }
  });

  it("is told when its range begins behind the end", () => {
    expect(range("bytes=200-")).to.equal("unsatisfiable");
    expect(range("bytes=-0")).to.equal("unsatisfiable");
    expect(requestedRange("bytes=0-", 0)).to.equal("unsatisfiable");
  });
});
