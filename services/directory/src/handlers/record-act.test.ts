import { randomUUID } from "node:crypto";
import { OPERATOR } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores } from "../../test/support.ts";
import { recordAct } from "./record-act.ts";

const anAct = () => ({
  entryId: randomUUID(),
  at: 5,
  action: "push_credential.set",
  subject: { kind: "push_credential", id: randomUUID() },
  actor: null,
  before: null,
  after: { kind: "apns" },
});

describe("recordAct", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const appId = anAppId();
  before(async () => {
    stores = await openStores("record-act");
    await stores.apps.insertOrFind({ appId, accountId: OPERATOR, name: "Shop", createdAt: 0 }, "test");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("adds an act to the log of the app's account once, however often it is told", async () => {
    const payload = anAct();
    for (let time = 0; time < 3; time += 1) {
      expect(await recordAct(stores)(aDelivery(payload, { app: appId }))).to.deep.equal({ kind: "ack" });
    }
    const entries = await stores.audit.list({ accountId: OPERATOR, appId, after: null, limit: 10 });
    expect(entries).to.deep.equal([{ ...payload, accountId: OPERATOR, appId }]);
  });

  it("keeps an act upon an app that nobody knows for a person to look at", async () => {
    const outcome = await recordAct(stores)(aDelivery(anAct(), { app: anAppId() }));
    expect(outcome).to.have.property("kind", "dead-letter");
  });
});
