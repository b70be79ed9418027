import { randomUUID } from "node:crypto";
import { createToken as newToken, DEFAULT_APP_SETTINGS, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { changeAppSettings } from "../handlers/app-settings.ts";
import { createApp } from "../handlers/create-app.ts";
import { createToken } from "../handlers/create-token.ts";
import { revokeToken } from "../handlers/revoke-token.ts";

describe("the audit log of a directory", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("audit");
  });
  after(() => stores[Symbol.asyncDispose]());

  const actor = {
    kind: "token" as const,
    id: randomUUID(),
    tokenId: randomUUID(),
    scopes: ["account:admin" as const],
    expiresAt: null,
    address: "198.51.100.7",
    userAgent: null,
  };
  const log = async (appId: string) =>
    (await stores.audit.list({ accountId: OPERATOR, appId, after: null, limit: 100 })) ?? [];
  const anApp = async () => {
    const delivery = aDelivery({ appId: anAppId(), accountId: OPERATOR, name: "Shop", actor });
    await createApp({ ...stores, ...recordingPublisher() })(delivery);
    return { appId: delivery.payload.appId, delivery };
  };

  it("has one entry for each act, under the id of its command, however often that comes", async () => {
    const { appId, delivery } = await anApp();
    await createApp({ ...stores, ...recordingPublisher() })(delivery);
    const { scopes: _scopes, expiresAt: _expiresAt, ...who } = actor;
    expect(await log(appId)).to.deep.equal([
      {
        entryId: delivery.id,
        accountId: OPERATOR,
        appId,
        at: delivery.sentAt.getTime(),
        action: "app.created",
        subject: { kind: "app", id: appId },
        actor: who,
        before: null,
        after: { name: "Shop" },
      },
    ]);
  });

  it("has what was there before an act also where its process died between the act and the entry", async () => {
    const { appId } = await anApp();
    const change = (maxParticipants: number) =>
      aDelivery({ appId, accountId: OPERATOR, settings: { maxParticipants }, actor });
    const [first, second] = [change(5), change(6)];
    const failing = { ...stores.audit, append: () => Promise.reject(new Error("the process died")) };
    const died = changeAppSettings({ ...stores, audit: failing, ...recordingPublisher() })(first);
    expect(await died.catch((error: unknown) => error)).to.be.instanceOf(Error);
    await changeAppSettings({ ...stores, ...recordingPublisher() })(second);
    await afterFailedPublish(stores, changeAppSettings, first);
    const found = (await log(appId)).filter(({ action }) => action === "app.settings_changed");
    expect(found.map(({ before, after }) => [before, after])).to.have.deep.members([
      [{ maxParticipants: null }, { maxParticipants: 5 }],
      [{ maxParticipants: 5 }, { maxParticipants: 6 }],
    ]);
  });

  it("has nothing of what was refused, or changed nothing", async () => {
    const { appId } = await anApp();
    const wanted = { accountId: OPERATOR, appId, name: "x", scopes: ["app:read" as const], expiresAt: null, actor };
    const [tokenId, hash] = [randomUUID(), tokenHash(newToken())];
    await createToken(stores)(aDelivery({ ...wanted, tokenId, hash }));
    await createToken(stores)(aDelivery({ ...wanted, tokenId, hash: tokenHash(newToken()) }));
    const poor = { ...actor, scopes: ["account:read" as const] };
    await createToken(stores)(
      aDelivery({ ...wanted, actor: poor, tokenId: randomUUID(), hash: tokenHash(newToken()) }),
    );
    const revoke = () => aDelivery({ tokenId, accountId: OPERATOR, actor });
    for (const delivery of [revoke(), revoke()]) {
      await revokeToken({ ...stores, ...recordingPublisher() })(delivery);
    }
    const { maxParticipants, allowedOrigins } = DEFAULT_APP_SETTINGS;
    for (const settings of [{}, { maxParticipants, allowedOrigins }]) {
      await changeAppSettings({ ...stores, ...recordingPublisher() })(
        aDelivery({ appId, accountId: OPERATOR, settings, actor }),
      );
    }
    expect((await log(appId)).map(({ action }) => action)).to.have.members([
      "app.created",
      "token.created",
      "token.revoked",
    ]);
  });

  it("has of settings what is another now alone, and from which app they were copied", async () => {
    const { appId } = await anApp();
    const copiedFrom = anAppId();
    const set = (settings: object, more: object = {}) =>
      changeAppSettings({ ...stores, ...recordingPublisher() })(
        aDelivery({ appId, accountId: OPERATOR, settings, actor, ...more }),
      );
    await set({ maxParticipants: 5 });
    const all = { ...DEFAULT_APP_SETTINGS, maxParticipants: 5 };
    await set(all);
    await set({ ...all, showsMetadata: true }, { copiedFrom });
    const found = (await log(appId)).filter(({ action }) => action === "app.settings_changed");
    expect(found.map(({ before, after }) => [before, after])).to.have.deep.members([
      [{ maxParticipants: null }, { maxParticipants: 5 }],
      [{ showsMetadata: false }, { showsMetadata: true, copiedFrom }],
    ]);
  });

  it("can be added to and read, and nothing else", () => {
    expect(Object.keys(stores.audit)).to.have.members(["append", "ensureIndexes", "list"]);
  });

  it("is read through an index, whatever is asked for", async () => {
    const { appId } = await anApp();
    const questions = [{}, { appId }, { actorId: actor.id }, { action: "app.created" }, { from: 0, to: 9e15 }];
    await stores.db.command({ profile: 2 });
    for (const question of questions) {
      await stores.audit.list({ accountId: OPERATOR, after: null, limit: 10, ...question });
    }
    await stores.db.command({ profile: 0 });
    const plans = await stores.db
      .collection("system.profile")
      .find({ ns: /\.audit$/, planSummary: { $exists: true } })
      .toArray();
    expect(plans).to.have.lengthOf(questions.length);
    for (const plan of plans) {
      expect(plan["planSummary"]).to.match(/^IXSCAN/);
      expect(plan["hasSortStage"]).to.equal(undefined);
    }
  });
});
