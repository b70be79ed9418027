import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { VERSIONS, hasAddressableParts, negotiateVersion, requireLayerPatchType, usesIdentityIds } from "./index.ts";

const vendor = (version: string) => `application/vnd.layer+json; version=${version}`;

describe("version negotiation", () => {
  for (const version of VERSIONS) {
    it(`gives ${version} to who asks for it`, () => {
      expect(negotiateVersion(vendor(version))).to.equal(version);
    });
  }

  for (const accept of [undefined, "", "*/*", "application/json", "application/*", "application/json; charset=utf-8"]) {
    it(`gives the newest version when Accept is ${JSON.stringify(accept)}`, () => {
      expect(negotiateVersion(accept)).to.equal("3.0");
    });
  }

  for (const accept of [
    "application/vnd.layer+json;version=1.1",
    "application/vnd.layer+json ;  version = 1.1",
    "Application/VND.Layer+JSON; Version=1.1",
    'application/vnd.layer+json; version="1.1"',
    "application/vnd.layer+json; charset=utf-8; version=1.1",
  ]) {
    it(`does not mind white space, letter case or quotes: ${accept}`, () => {
      expect(negotiateVersion(accept)).to.equal("1.1");
    });
  }

  for (const accept of [
    vendor("4.0"),
    vendor("1"),
    vendor(""),
    "application/vnd.layer+json",
    "text/html",
    "application/vnd.layer.webhooks+json; version=1.0",
    `${vendor("3.0")}; q=0`,
    "nonsense",
    ";;;,,,",
  ]) {
    it(`refuses ${accept} with 406`, () => {
      expect(refusal(() => negotiateVersion(accept))).to.equal("invalid_header Accept");
    });
  }

  it("takes what HTTP libraries and browsers send by themselves for the newest version", () => {
    expect(negotiateVersion("application/json, text/plain, */*")).to.equal("3.0");
    expect(negotiateVersion("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")).to.equal("3.0");
  });

  it("prefers a named version to a wildcard of the same weight", () => {
    expect(negotiateVersion(`*/*, ${vendor("1.0")}`)).to.equal("1.0");
    expect(negotiateVersion(`${vendor("2.0")}, */*; q=0.01`)).to.equal("2.0");
  });

  it("follows the weights of a list, and takes the newer of two equal ones", () => {
    expect(negotiateVersion(`${vendor("3.0")}; q=0.4, ${vendor("1.0")}; q=0.8`)).to.equal("1.0");
    expect(negotiateVersion(`${vendor("1.1")}, ${vendor("2.0")}`)).to.equal("2.0");
  });

  it("falls back on the other entries of a list when one names an unknown version", () => {
    expect(negotiateVersion(`${vendor("9.0")}, ${vendor("2.0")}; q=0.5`)).to.equal("2.0");
  });

  it("never gives a version that was weighted zero", () => {
    expect(negotiateVersion(`${vendor("3.0")}; q=0, */*`)).to.equal("2.0");
  });

  it("knows from which version users are identity ids and parts have URLs", () => {
    expect(VERSIONS.map(usesIdentityIds)).to.deep.equal([false, false, true, true]);
    expect(VERSIONS.map(hasAddressableParts)).to.deep.equal([false, false, false, true]);
  });
});

describe("the type of a PATCH body", () => {
  it("is Layer-Patch, also as a page of the documentation misspelt it", () => {
    requireLayerPatchType("application/vnd.layer-patch+json");
    requireLayerPatchType("Application/vnd.layer-patch+json; charset=utf-8");
    requireLayerPatchType("application/vnd.layer-patch.json");
  });

  for (const type of [undefined, "application/json", "application/vnd.layer+json"]) {
    it(`is refused with 406 when it is ${type}`, () => {
      expect(refusal(() => requireLayerPatchType(type))).to.equal("invalid_header Content-Type");
    });
  }
});
