import { compareUserIds } from "@strata/contracts";
import { expect } from "chai";
import { versionKey } from "./app-version.ts";

describe("versionKey", () => {
  it("sorts as versions do", () => {
    const versions = [
      "0.9",
      "1.0.0-alpha",
      "1.0.0-alpha.2",
      "1.0.0-alpha.10",
      "1.0.0-beta",
      "1",
      "1.0.1-rc1",
      "1.0.1",
      "1.2",
      "9.9",
      "10.2",
      "10.2.0.1",
      "10.10",
      "202611261035",
    ];
    const keys = versions.map(versionKey);
    expect(keys).not.to.include(null);
    expect(keys.toSorted((a, b) => compareUserIds(a ?? "", b ?? ""))).to.deep.equal(keys);
    expect(new Set(keys).size).to.equal(keys.length);
  });

  it("takes for equal what is one version", () => {
    for (const [one, other] of [
      ["10.2", "10.2.0"],
      ["v1.0", "1"],
      ["1.2+build7", "1.2"],
      ["1.2 (345)", "1.2.0"],
      ["01.02", "1.2"],
      ["0.0", "0"],
      ["1.0-RC1", "1-rc1"],
    ]) {
      expect(versionKey(one ?? "")).to.equal(versionKey(other ?? ""));
    }
  });

  it("has none for what does not begin with a number, or with one beyond all", () => {
    for (const text of ["", "latest", "-1", ".5", "1".repeat(17)]) expect(versionKey(text), text).to.equal(null);
  });
});
