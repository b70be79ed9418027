import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readDevJson, updateDevJson } from "./dev-json.mjs";

describe("dev.json", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "strata-dev-json-"));
    file = join(folder, "dev.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("names what only the seed knows before there was one, so that a reader sees what is missing", () => {
    updateDevJson(() => ({ baseUrl: "http://127.0.0.1:1" }), file);

    expect(readDevJson(file)).to.include({ appId: null, token: null, identityProvider: null });
  });

  it("keeps the seed's app and the account's token when a second start writes its addresses", () => {
    updateDevJson(() => ({ appId: "an-app", token: "a-token", accountToken: "an-account-token" }), file);
    updateDevJson(() => ({ baseUrl: "http://127.0.0.1:2" }), file);

    const kept = { appId: "an-app", token: "a-token", accountToken: "an-account-token", baseUrl: "http://127.0.0.1:2" };
    expect(readDevJson(file)).to.include(kept);
  });

  it("is readable by its owner only, since it holds tokens and keys", () => {
    updateDevJson(() => ({ token: "a-token" }), file);

    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });
});
