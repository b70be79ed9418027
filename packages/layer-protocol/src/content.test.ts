import { expect } from "chai";
import { refusal, refusalOf } from "../test/refusal.ts";
import { announcedContentView, contentView, parseContentHeaders, parseContentReference } from "./index.ts";

const K = "7a0aefb8-3c97-11e4-baad-164230d1df67";
const MAX_BYTES = 2 * 1024 ** 3;
const headers = (given: Readonly<Record<string, string>>) => parseContentHeaders((name) => given[name], MAX_BYTES);
const good = { "Upload-Content-Type": "image/png", "Upload-Content-Length": "20480" };

describe("the headers that announce content", () => {
  it("are a type, a length, and an origin that may be left out", () => {
    expect(headers(good)).to.deep.equal({ mimeType: "image/png", size: 20_480, origin: null });
    expect(headers({ ...good, "Upload-Origin": "HTTPS://App.example.com/" })).to.have.property(
      "origin",
      "https://app.example.com",
    );
  });

  it("are named by data.header when they are missing, the type first", () => {
    expect(refusal(() => headers({}))).to.equal("missing_property Upload-Content-Type");
    expect(refusal(() => headers({ "Upload-Content-Type": "image/png" }))).to.equal(
      "missing_property Upload-Content-Length",
    );
    expect(refusalOf(() => headers({}))).to.deep.include({ status: 422, data: { header: "Upload-Content-Type" } });
  });

  it("take an empty content and one of 2 GB, and no longer one", () => {
    expect(headers({ ...good, "Upload-Content-Length": "0" }).size).to.equal(0);
    expect(headers({ ...good, "Upload-Content-Length": String(MAX_BYTES) }).size).to.equal(MAX_BYTES);
    expect(refusal(() => headers({ ...good, "Upload-Content-Length": String(MAX_BYTES + 1) }))).to.equal(
      "invalid_property Upload-Content-Length",
    );
  });

  it("are refused when they cannot be what they say", () => {
    for (const length of ["-1", "1.5", "1e3", "many", "99999999999999999999"]) {
      expect(
        refusal(() => headers({ ...good, "Upload-Content-Length": length })),
        length,
      ).to.equal("invalid_property Upload-Content-Length");
    }
    for (const origin of ["app.example.com", "null", "data:text/plain,x", "*"]) {
      expect(
        refusal(() => headers({ ...good, "Upload-Origin": origin })),
        origin,
      ).to.equal("invalid_property Upload-Origin");
    }
    expect(refusal(() => headers({ ...good, "Upload-Content-Type": "image/pñg" }))).to.equal(
      "invalid_property Upload-Content-Type",
    );
  });
});

describe("the content of a part", () => {
  it("is an id, as a URI or bare, and a size", () => {
    expect(parseContentReference({ id: `layer:///content/${K}`, size: 5 })).to.deep.equal({ contentId: K, size: 5 });
    expect(parseContentReference({ id: K.toUpperCase(), size: 0 })).to.deep.equal({ contentId: K, size: 0 });
    expect(parseContentReference(null)).to.equal(null);
  });

  it("is refused without either", () => {
    for (const bad of [
      "x",
      {},
      { id: K },
      { size: 5 },
      { id: `layer:///messages/${K}`, size: 5 },
      { id: K, size: -1 },
    ]) {
      expect(
        refusal(() => parseContentReference(bad)),
        JSON.stringify(bad),
      ).to.equal("invalid_property parts.content");
    }
  });
});

describe("views of content", () => {
  it("have explicit nulls where nothing was uploaded yet", () => {
    expect(announcedContentView({ contentId: K, size: 5 }, "https://api.example.com/content/t")).to.deep.equal({
      id: `layer:///content/${K}`,
      size: 5,
      upload_url: "https://api.example.com/content/t",
      download_url: null,
      refresh_url: null,
      expiration: null,
    });
  });

  it("say where it can be had, until when, and where a fresh URL comes from", () => {
    const links = { downloadUrl: "https://d", refreshUrl: "https://r", expiresAt: 1_577_934_245_678 };
    expect(contentView({ contentId: K, size: 5 }, links)).to.deep.equal({
      id: `layer:///content/${K}`,
      size: 5,
      download_url: "https://d",
      refresh_url: "https://r",
      expiration: "2020-01-02T03:04:05.678Z",
    });
  });
});
