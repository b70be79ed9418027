import { partitionOf } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../test/provider-fixture.ts";
import { aBatch, aDelivery, aMessage, anAndroid, anIphone, openPusher, type Pusher } from "../test/support.ts";
import { followCorrection } from "./handlers/follow-up.ts";
import { pushBadge } from "./handlers/push-badge.ts";
import { pushBatch } from "./handlers/push-batch.ts";
import { pushMessage } from "./handlers/push-message.ts";

describe("badges", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("badges", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  afterEach(() => {
    phone.removeFaults();
    pusher.said.badges.clear();
    pusher.said.askedBadges.length = 0;
    pusher.said.isReceiptTrackingAway = false;
  });

  let nextToken = 0;
  const aToken = () => (nextToken += 1);

  /** One user with an iPhone, another token of Apple's over FCM, and an Android phone. */
  async function aUser() {
    const app = anAppId();
    await pusher.putCredentials(app);
    const devices = [anIphone(aToken()), anAndroid(aToken(), { platform: "ios" }), anAndroid(aToken())];
    for (const device of devices) await pusher.register(app, "ann", device);
    return { app, tokens: devices.map(({ token }) => token) };
  }
  const badgesOn = (tokens: readonly string[]) =>
    tokens.map((token) =>
      phone.device(token).received.map(({ payload }) => {
        const { aps, apns } = Object(payload);
        return [aps?.badge ?? null, apns?.payload?.aps?.badge ?? null];
      }),
    );
  const changed = (app: string, externalUnread = 4) =>
    pushBadge({ ...pusher.deps })(aDelivery({ userId: "ann", externalUnread, version: 2 }, { app }));

  it("go with the pushes of announcements and messages to Apple's phones, whichever way they come", async () => {
    const { app, tokens } = await aUser();
    pusher.said.badges.set("ann", 3);
    const batch = aBatch(app, ["ann"], { partition: partitionOf("ann") });
    pusher.notifications.set(batch.announcementId, { text: "for all" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    pusher.said.badges.set("ann", 0);
    const message = aMessage(["ann"]);
    pusher.notifications.set(message.messageId, { text: "hello" });
    await pushMessage(pusher.deps)(aDelivery(message, { app }));
    expect(badgesOn(tokens)).to.deep.equal([
      [
        [3, null],
        [0, null],
      ],
      [
        [null, 3],
        [null, 0],
      ],
      [
        [null, null],
        [null, null],
      ],
    ]);
  });

  it("are left as they are where nobody answers for them: the push goes all the same", async () => {
    const { app, tokens } = await aUser();
    pusher.said.badges.set("ann", 3);
    pusher.said.isReceiptTrackingAway = true;
    const batch = aBatch(app, ["ann"], { partition: partitionOf("ann") });
    pusher.notifications.set(batch.announcementId, { text: "for all" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    expect(badgesOn(tokens)).to.deep.equal([[[null, null]], [[null, null]], [[null, null]]]);
  });

  it("are asked for once of each user, with the announcement that is new to her, and not with a message or what follows", async () => {
    const app = anAppId();
    await pusher.putCredentials(app);
    for (const _ of [1, 2]) await pusher.register(app, "ann", anIphone(aToken()));
    const batch = aBatch(app, ["ann"], { partition: partitionOf("ann") });
    const { announcementId, at } = batch;
    pusher.notifications.set(announcementId, { text: "for all" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    const message = aMessage(["ann"]);
    pusher.notifications.set(message.messageId, { text: "hello" });
    await pushMessage(pusher.deps)(aDelivery(message, { app }));
    const correction = { announcementId, version: 2, at: at - 60_000, revision: 2, hasNotification: true };
    await followCorrection(pusher.deps)(aDelivery(correction, { app }));
    const ofAnn = { userIds: ["ann"] };
    const told = { ...ofAnn, announcement: { announcementId, at } };
    expect(pusher.said.askedBadges).to.deep.equal([told, ofAnn, ofAnn]);
  });

  it("asks for nobody's where no phone of Apple's is pushed to", async () => {
    const app = anAppId();
    await pusher.putCredentials(app);
    await pusher.register(app, "ann", anAndroid(aToken()));
    const batch = aBatch(app, ["ann"], { partition: partitionOf("ann") });
    pusher.notifications.set(batch.announcementId, { text: "for all" });
    const asked = pusher.said.questions.length;
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    expect(pusher.said.questions.slice(asked)).to.not.include("receipt-tracking.FindBadges.v1");
  });

  it("are pushed by themselves when the app counts another number, silently and once", async () => {
    const { app, tokens } = await aUser();
    pusher.said.badges.set("ann", 7);
    const event = aDelivery({ userId: "ann", externalUnread: 4, version: 2 }, { app });
    for (const _ of [1, 2]) expect(await pushBadge(pusher.deps)(event)).to.deep.equal({ kind: "ack" });
    expect(badgesOn(tokens)).to.deep.equal([[[7, null]], [[null, 7]], []]);
    const [iphone] = phone.device(tokens[0] ?? "").received;
    expect(iphone).to.include({ title: null, text: null, collapse_id: "badge" });
    expect(iphone?.headers).to.include({ "apns-push-type": "alert", "apns-priority": "5" });
    expect(iphone?.payload).to.have.deep.property("aps", { "content-available": 1, badge: 7 });
  });

  it("wake no app where the number is not to be touched, nor a suspended user's", async () => {
    const { app, tokens } = await aUser();
    await changed(app);
    expect(badgesOn(tokens)).to.deep.equal([[], [], []]);
    pusher.said.badges.set("ann", 7);
    await pusher.deps.preferences.suspend(app, "ann", { isSuspended: true, version: 5, at: Date.now() });
    await changed(app, 5);
    expect(badgesOn(tokens)).to.deep.equal([[], [], []]);
  });
});
