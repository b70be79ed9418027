import { OPERATOR } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { createApp } from "./create-app.ts";

const anApp = (accountId = OPERATOR) => aDelivery({ appId: anAppId(), accountId, name: "Shop" });

describe("createApp", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("create-app");
    await stores.accounts.ensure({ _id: "other", name: "Other", createdAt: 0 });
  });
  after(() => stores[Symbol.asyncDispose]());

  it("stores the app, says so and answers it", async () => {
    const { events, publisher } = recordingPublisher();
    const delivery = anApp();
    const outcome = await createApp({ ...stores, publisher })(delivery);

    const app = await stores.apps.find(delivery.payload.appId);
    expect(app).to.deep.include(delivery.payload);
    expect(outcome).to.deep.equal({ kind: "reply", reply: app });
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.deep.include({ type: "directory.app.created.v1", app: app?.appId, payload: app });
  });

  it("answers and publishes the same again when its command comes again", async () => {
    const { events, publisher } = recordingPublisher();
    const handle = createApp({ ...stores, publisher });
    const delivery = anApp();
    const first = await handle(delivery);
    expect(await handle(delivery)).to.deep.equal(first);
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("publishes on redelivery what could not be published before", async () => {
    const delivery = anApp();
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await createApp({ ...stores, publisher: failing })(delivery).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);

    const { events, publisher } = recordingPublisher();
    await createApp({ ...stores, publisher })(delivery);
    expect(events).to.have.lengthOf(1);
  });

  it("refuses an id in use, and shows its owner the app that has it", async () => {
    const { events, publisher } = recordingPublisher();
    const handle = createApp({ ...stores, publisher });
    const { payload } = anApp();
    await handle(aDelivery(payload));
    const app = await stores.apps.find(payload.appId);

    const again = await handle(aDelivery({ ...payload, name: "Another" }));
    expect(again).to.have.nested.property("error.code", "id_in_use");
    expect(again).to.have.deep.nested.property("error.details", { app });
    const stranger = await handle(aDelivery({ ...payload, accountId: "other" }));
    expect(stranger).to.have.nested.property("error.code", "id_in_use");
    expect(stranger).to.have.deep.nested.property("error.details", {});
    expect(events).to.have.lengthOf(1);
  });

  it("refuses an account that does not exist", async () => {
    const { events, publisher } = recordingPublisher();
    const outcome = await createApp({ ...stores, publisher })(anApp("nobody"));
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(events).to.deep.equal([]);
  });
});
