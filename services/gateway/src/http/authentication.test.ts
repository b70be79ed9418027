import { randomUUID } from "node:crypto";
import type { Grant } from "@strata/contracts";
import { expect } from "chai";
import { authorize } from "./authentication.ts";

const aGrant = (changes: Partial<Grant> = {}): Grant => ({
  tokenId: randomUUID(),
  accountId: "account",
  appId: null,
  scopes: ["account:admin"],
  expiresAt: null,
  ...changes,
});

describe("authorize", () => {
  const appId = randomUUID();
  const reader = aGrant({ appId, scopes: ["app:read"] });

  it("answers the app in lower case, however the path writes it", () => {
    expect(authorize(reader, "app:read", appId.toUpperCase())).to.equal(appId);
    expect(authorize(reader, "app:read", `layer:///apps/production/${appId}`)).to.equal(appId);
  });

  it("refuses another app, a text that is no app, and a token of the account", () => {
    const invalid = { id: "invalid_app_id", status: 403 };
    for (const attempt of [
      () => authorize(reader, "app:read", randomUUID()),
      () => authorize(reader, "app:read", "shop"),
      () => authorize(aGrant(), "app:read", appId),
    ]) {
      expect(attempt).to.throw().that.includes(invalid);
    }
  });

  it("refuses an app under another environment than its own", () => {
    const invalid = { id: "invalid_app_id", status: 403 };
    const sandbox = { ...reader, environment: "staging" as const };
    expect(authorize(sandbox, "app:read", `layer:///apps/staging/${appId}`)).to.equal(appId);
    expect(authorize(sandbox, "app:read", `layer:///apps/${appId}`)).to.equal(appId);
    expect(() => authorize(sandbox, "app:read", `layer:///apps/production/${appId}`))
      .to.throw()
      .that.includes(invalid);
    expect(() => authorize(reader, "app:read", `layer:///apps/staging/${appId}`))
      .to.throw()
      .that.includes(invalid);
  });

  it("lets nobody into an app that is suspended or deleted, and says that to its own tokens alone", () => {
    for (const closed of ["suspended", "deleted"] as const) {
      expect(() => authorize({ ...reader, closed }, "app:read", appId))
        .to.throw()
        .that.deep.includes({ id: "app_suspended", status: 403, data: { state: closed } });
      expect(() => authorize({ ...reader, closed }, "app:read", randomUUID()))
        .to.throw()
        .that.includes({ id: "invalid_app_id" });
    }
  });

  it("refuses what the scopes leave out, also on routes of the account", () => {
    const denied = { id: "access_denied", status: 403 };
    expect(() => authorize(reader, "app:write", appId))
      .to.throw()
      .that.includes(denied);
    expect(() => authorize(reader, "account:admin", undefined))
      .to.throw()
      .that.includes(denied);
  });
});
