import { OPERATOR } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores } from "../../test/support.ts";
import { getApp } from "./get-app.ts";
import { listApps } from "./list-apps.ts";

describe("getApp and listApps", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const first = { appId: anAppId(), accountId: OPERATOR, name: "Shop", createdAt: 1 };
  const second = { appId: anAppId(), accountId: OPERATOR, name: "Bank", createdAt: 2 };
  before(async () => {
    stores = await openStores("get-app");
    await stores.apps.insertOrFind(second, "test");
    await stores.apps.insertOrFind(first, "test");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("show an account its apps, oldest first", async () => {
    const one = await getApp(stores)(aDelivery({ accountId: OPERATOR }, { app: first.appId }));
    expect(one).to.deep.equal({ kind: "reply", reply: { app: first } });
    const all = await listApps(stores)(aDelivery({ accountId: OPERATOR }));
    expect(all).to.deep.equal({ kind: "reply", reply: { apps: [first, second] } });
  });

  it("show no account another's apps", async () => {
    const one = await getApp(stores)(aDelivery({ accountId: "other" }, { app: first.appId }));
    expect(one).to.deep.equal({ kind: "reply", reply: { app: null } });
    const all = await listApps(stores)(aDelivery({ accountId: "other" }));
    expect(all).to.deep.equal({ kind: "reply", reply: { apps: [] } });
  });

  it("show no app for an id that no app has", async () => {
    const one = await getApp(stores)(aDelivery({ accountId: OPERATOR }, { app: anAppId() }));
    expect(one).to.deep.equal({ kind: "reply", reply: { app: null } });
  });
});
