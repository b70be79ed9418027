import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { deleteUser } from "./delete-user.ts";
import { findPushFacts } from "./find-push-facts.ts";
import { noteDevice } from "./note-device.ts";
import { recordVisit } from "./record-visit.ts";

describe("findPushFacts", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("push-facts");
  });
  after(() => stores[Symbol.asyncDispose]());

  const [ann = "", bob = "", cid = ""] = userIds(3);

  /** An app that knows Ann and Bob, and nobody by the name of Cid. */
  async function setUp() {
    const app = anAppId();
    for (const userId of [ann, bob]) await withIdentity(stores, app, userId);
    const deps = { ...stores, ...recordingPublisher() };
    const find = async (of = app) => {
      const outcome = await findPushFacts(stores)(aDelivery({ userIds: [cid, bob, ann] }, { app: of }));
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      return Object.fromEntries(
        outcome.reply.facts.map(({ userId, timeZone, lastSeenAt }) => [userId, [timeZone, lastSeenAt]]),
      );
    };
    const visit = (userId: string, at: number) => recordVisit(deps)(aDelivery({ userId, at }, { app }));
    const register = (userId: string, deviceId: string, registeredAt: number, timeZone: string) =>
      noteDevice(stores)(aDelivery({ userId, deviceId, platform: "ios", registeredAt, timeZone }, { app }));
    const forget = (userId: string) => deleteUser(deps)(aDelivery({ userId, at: Date.now() }, { app }));
    return { find, visit, register, forget };
  }

  it("leaves out who is not known, and has nothing to say of who was never there", async () => {
    const { find } = await setUp();
    expect(await find()).to.deep.equal({ [ann]: [null, null], [bob]: [null, null] });
    expect(await find(anAppId())).to.deep.equal({});
  });

  it("says when a user was there last, and where the clock of her newest device is", async () => {
    const { find, visit, register } = await setUp();
    await register(ann, "phone", 1_000, "Europe/Berlin");
    expect(await find()).to.deep.include({ [ann]: ["Europe/Berlin", 1_000] });
    await register(ann, "tablet", 2_000, "Asia/Tokyo");
    await visit(ann, 5_000);
    await visit(ann, 4_000);
    await visit(bob, 3_000);
    expect(await find()).to.deep.equal({ [ann]: ["Asia/Tokyo", 5_000], [bob]: [null, 3_000] });
  });

  it("knows nothing any more of who was deleted", async () => {
    const { find, visit, forget } = await setUp();
    await visit(ann, 5_000);
    await forget(ann);
    expect(await find()).to.deep.equal({ [bob]: [null, null] });
  });
});
