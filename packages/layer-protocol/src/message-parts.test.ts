import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { parseInlineParts, requirePartProperties } from "./index.ts";

const LIMITS = { maxParts: 3, maxPartBytes: 2048 };
const parse = (...parts: unknown[]) => parseInlineParts(parts, LIMITS);
const text = (body: string) => ({ mime_type: "text/plain", body });
const base64 = (body: string) => ({ mime_type: "image/png", body, encoding: "base64" });

const missing = (parts: unknown) => refusal(() => requirePartProperties(parts));

describe("message parts", () => {
  it("keep their MIME type as given, parameters included, and their order", () => {
    const mimeType = "application/vnd.layer.text+json;role=root";
    expect(parse({ mime_type: mimeType, body: "{}" }, text("b"))).to.deep.equal([
      { mimeType, body: "{}", encoding: null },
      { mimeType: "text/plain", body: "b", encoding: null },
    ]);
  });

  it("come out as text when their base64 was text", () => {
    expect(parse(base64("aMOpbGxv"))).to.deep.equal([{ mimeType: "image/png", body: "héllo", encoding: null }]);
  });

  it("stay base64 when their bytes are no text", () => {
    expect(parse(base64("/9j/4A=="))).to.deep.equal([{ mimeType: "image/png", body: "/9j/4A==", encoding: "base64" }]);
  });

  it("keep every byte", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const [part] = parse(base64(Buffer.from(bytes).toString("base64")));
        expect(Buffer.from(part?.body ?? "", part?.encoding ?? "utf8").equals(bytes)).to.equal(true);
      }),
    );
  });

  it("may break base64 into lines and leave out the padding", () => {
    expect(parse(base64("/9j/\n4A\r\n"))[0]).to.include({ body: "/9j/4A==", encoding: "base64" });
  });

  for (const body of ["a", "a-_b", "%%%%", "ab=c", "===="]) {
    it(`cannot say base64 of ${body}`, () => {
      expect(refusal(() => parse(base64(body)))).to.equal("invalid_property parts.encoding");
    });
  }

  it("have at most the limit in bytes, counted decoded", () => {
    expect(() => parse(text("é".repeat(1024)))).to.not.throw();
    expect(refusal(() => parse(text(`${"é".repeat(1024)}x`)))).to.equal("invalid_property parts.body");
    expect(() => parse(base64(Buffer.alloc(2048, 255).toString("base64")))).to.not.throw();
    expect(refusal(() => parse(base64(Buffer.alloc(2049, 255).toString("base64"))))).to.equal(
      "invalid_property parts.body",
    );
  });

  it("are at most as many as the limit", () => {
    expect(parse(text("1"), text("2"), text("3"))).to.have.length(3);
    expect(refusal(() => parse(text("1"), text("2"), text("3"), text("4")))).to.equal("invalid_property parts");
  });

  const bad: [string, unknown][] = [
    ["parts", "text"],
    ["parts", null],
    ["parts.mime_type", { mime_type: "", body: "" }],
    ["parts.mime_type", { mime_type: 7, body: "" }],
    ["parts.mime_type", { mime_type: "text/plain\r\nx: y", body: "" }],
    ["parts.body", { mime_type: "text/plain", body: 7 }],
    ["parts.encoding", { mime_type: "text/plain", body: "x", encoding: "hex" }],
    ["parts.content", { mime_type: "text/plain", content: { id: "layer:///content/1", size: 1 } }],
  ];
  for (const [property, part] of bad) {
    it(`refuse ${property} in ${JSON.stringify(part)}`, () => {
      expect(refusal(() => parse(part))).to.equal(`invalid_property ${property}`);
    });
  }

  it("must be there, each with a MIME type and a body", () => {
    expect(missing([])).to.equal("missing_property parts");
    expect(missing([text("x"), { body: "x" }])).to.equal("missing_property parts.mime_type");
    expect(missing([{ mime_type: "text/plain", body: null }])).to.equal("missing_property parts.body");
  });
});
