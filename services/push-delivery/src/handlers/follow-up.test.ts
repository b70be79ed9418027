import { randomUUID } from "node:crypto";
import type { Phone } from "@strata/phone";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import {
  aBatch,
  aDelivery,
  anAndroid,
  anIphone,
  openPusher,
  type Pusher,
  usersOfOnePartition,
} from "../../test/support.ts";
import { followCorrection, followRecall } from "./follow-up.ts";
import { getPushCounts } from "./get-push-counts.ts";
import { pushBatch } from "./push-batch.ts";

/** Long enough ago that nobody sends the former text any more. */
const A_WHILE_AGO = 60_000;

describe("what follows a push", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("follow-up", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });

  let nextToken = 50_000;

  /** An announcement that an Android phone and an iPhone show, and a third device got no push of. */
  async function shown() {
    const app = anAppId();
    await pusher.putCredentials(app);
    const [ann = "", bob = "", eve = ""] = usersOfOnePartition(3);
    const devices = [anAndroid((nextToken += 1)), anIphone((nextToken += 1)), anAndroid((nextToken += 1))] as const;
    await pusher.register(app, ann, devices[0]);
    await pusher.register(app, bob, devices[1]);
    const batch = aBatch(app, [ann, bob, eve]);
    pusher.notifications.set(batch.announcementId, { text: "wrong", sound: "ping" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    await pusher.register(app, eve, devices[2]);
    const change = { announcementId: batch.announcementId, version: 2, at: Date.now() - A_WHILE_AGO };
    const received = () => devices.map(({ token }) => phone.device(token).received);
    return { app, change, received, announcementId: batch.announcementId };
  }

  it("a correction replaces what is shown, without a sound, on the devices that took the push, once", async () => {
    const { app, change, received, announcementId } = await shown();
    pusher.notifications.set(announcementId, { text: "right", sound: "ping" });
    const delivery = aDelivery({ ...change, revision: 2, hasNotification: true }, { app });
    await followCorrection(pusher.deps)(delivery);
    await followCorrection(pusher.deps)(delivery);
    const [android = [], iphone = [], late] = received();
    expect(late).to.deep.equal([]);
    for (const pushes of [android, iphone]) {
      expect(pushes.map(({ text }) => text)).to.deep.equal(["wrong", "right"]);
      expect(new Set(pushes.map(({ collapse_id: id }) => id)).size).to.equal(1);
      expect(JSON.stringify(pushes[1])).not.to.include("ping");
    }
    const counts = await getPushCounts(pusher.deps)(aDelivery({ announcementId }, { app }));
    expect(counts).to.have.nested.property("reply.pushed", 2);
  });

  it("a second correction follows the first", async () => {
    const { app, change, received, announcementId } = await shown();
    for (const revision of [2, 3]) {
      pusher.notifications.set(announcementId, { text: `revision ${revision}` });
      await followCorrection(pusher.deps)(aDelivery({ ...change, revision, hasNotification: true }, { app }));
    }
    expect(received()[0]?.map(({ text }) => text)).to.deep.equal(["wrong", "revision 2", "revision 3"]);
  });

  it("a recall tells the app to take it away, with nothing to see", async () => {
    const { app, change, received, announcementId } = await shown();
    pusher.notifications.set(announcementId, null);
    await followRecall(pusher.deps)(aDelivery(change, { app }));
    for (const pushes of received().slice(0, 2)) {
      expect(pushes).to.have.length(2);
      expect(pushes[1]).to.include({ silent: true });
      expect(pushes[0]?.collapse_id).to.equal(pushes[1]?.collapse_id);
      expect(JSON.stringify(pushes[1])).to.include("recalled");
    }
  });

  it("nothing follows where nothing was pushed", async () => {
    const app = anAppId();
    const change = { announcementId: randomUUID(), version: 2, at: Date.now() - A_WHILE_AGO };
    expect(await followRecall(pusher.deps)(aDelivery(change, { app }))).to.deep.equal({ kind: "ack" });
  });
});

describe("pushBatch", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-terms", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });

  it("pushes nothing at all of a silent announcement, nor of one that is over, and says that it was over", async () => {
    const app = anAppId();
    await pusher.putCredentials(app);
    const [ann = ""] = usersOfOnePartition(1);
    const device = anAndroid(60_001);
    await pusher.register(app, ann, device);
    const push = async (changes: Parameters<typeof aBatch>[2]) => {
      const batch = aBatch(app, [ann], changes);
      pusher.notifications.set(batch.announcementId, { text: "hello" });
      await pushBatch(pusher.deps)(aDelivery(batch, { app }));
      return pusher.deps.chunks.ofPlan(batch.batchId);
    };
    expect(await push({ isSilent: true, hasNotification: false })).to.deep.equal([]);
    const [over] = await push({ expiresAt: Date.now() - 1 });
    expect(over?.outcomes.map(({ outcome }) => outcome)).to.deep.equal(["expired"]);
    expect(phone.device(device.token).received).to.deep.equal([]);
  });
});
