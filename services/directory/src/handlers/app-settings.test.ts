import { DEFAULT_APP_SETTINGS, OPERATOR } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { changeAppSettings, getAppSettings } from "./app-settings.ts";

const aChange = (appId: string, settings: object, accountId: string | null = null) =>
  aDelivery({ appId, accountId, settings }, { app: appId });

describe("changeAppSettings and getAppSettings", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("app-settings");
  });
  after(() => stores[Symbol.asyncDispose]());

  const anApp = async () => {
    const app = { appId: anAppId(), accountId: OPERATOR, name: "Shop", createdAt: 1 };
    await stores.apps.insertOrFind(app, "test");
    return app.appId;
  };
  const settingsOf = async (app: string) => {
    const outcome = await getAppSettings(stores)(aDelivery({}, { app }));
    return outcome.kind === "reply" ? outcome.reply.settings : outcome;
  };

  it("answer the defaults of an app that set nothing, and nothing of an app that is not there", async () => {
    expect(await settingsOf(await anApp())).to.deep.equal(DEFAULT_APP_SETTINGS);
    expect(await settingsOf(anAppId())).to.equal(null);
  });

  it("change what is named and keep the rest, and tell of the new version", async () => {
    const { events, publisher } = recordingPublisher();
    const appId = await anApp();
    const handle = changeAppSettings({ ...stores, publisher });
    await handle(aChange(appId, { maxParticipants: 100, showsMetadata: true }));
    const outcome = await handle(aChange(appId, { maxParticipants: 50, sessionTtlSeconds: 60 }, OPERATOR));
    const settings = { ...DEFAULT_APP_SETTINGS, maxParticipants: 50, sessionTtlSeconds: 60, showsMetadata: true };
    expect(outcome).to.deep.equal({ kind: "reply", reply: settings });
    expect(await settingsOf(appId)).to.deep.equal(settings);
    expect(events.map(({ type, app, payload }) => [type, app, payload])).to.deep.equal(
      [2, 3].map((version) => ["directory.app.updated.v1", appId, { appId, version }]),
    );
    expect(await stores.apps.find(appId)).to.deep.equal({ appId, accountId: OPERATOR, name: "Shop", createdAt: 1 });
  });

  it("do not go over a later change when one comes again, and tell all the same", async () => {
    const { events, publisher } = recordingPublisher();
    const appId = await anApp();
    const handle = changeAppSettings({ ...stores, publisher });
    const first = aChange(appId, { maxParticipants: 100 });
    await handle(first);
    await handle(aChange(appId, { maxParticipants: 50 }));
    expect(await handle(first)).to.have.nested.property("reply.maxParticipants", 50);
    expect(events.at(-1)).to.have.deep.property("payload", { appId, version: 3 });
  });

  it("publish on redelivery what could not be published before", async () => {
    const appId = await anApp();
    const { outcome, events } = await afterFailedPublish(
      stores,
      changeAppSettings,
      aChange(appId, { maxParticipants: 100 }),
    );
    expect(outcome).to.have.nested.property("reply.maxParticipants", 100);
    expect(events.map(({ payload }) => payload)).to.deep.equal([{ appId, version: 2 }]);
  });

  it("refuse an app that is not there, or another account's", async () => {
    const { events, publisher } = recordingPublisher();
    const handle = changeAppSettings({ ...stores, publisher });
    const appId = await anApp();
    const absent = await handle(aChange(anAppId(), { maxParticipants: 1 }));
    expect(absent).to.have.nested.property("error.code", "not_found");
    const foreign = await handle(aChange(appId, { maxParticipants: 1 }, "other"));
    expect(foreign).to.have.nested.property("error.code", "not_found");
    expect(await settingsOf(appId)).to.deep.equal(DEFAULT_APP_SETTINGS);
    expect(events).to.deep.equal([]);
  });
});
