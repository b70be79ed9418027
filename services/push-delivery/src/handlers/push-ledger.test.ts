import { GetPushCounts, GetPushOutcomes, ListPushOutcomes, type PushPreferences } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import {
  aBatch,
  aDelivery,
  aMessage,
  anAndroid,
  anIphone,
  openPusher,
  type Pusher,
  usersOfOnePartition,
} from "../../test/support.ts";
import { announcementPlansOf } from "../domain/plan-id.ts";
import { startDuePushes } from "../due-pushes.ts";
import { getPushCounts } from "./get-push-counts.ts";
import { getPushOutcomes, listPushOutcomes } from "./get-push-outcomes.ts";
import { pushBatch } from "./push-batch.ts";
import { pushMessage } from "./push-message.ts";

/** `22:00`, on a clock of UTC. */
const clock = (at: number) => new Date(at).toISOString().slice(11, 16);

describe("the ledger of pushes", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-ledger", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  afterEach(() => phone.removeFaults());

  let nextToken = 500_000;
  const aToken = () => (nextToken += 1);

  /** An announcement to three users: two with a phone each, one of which is dead, and one without any. */
  async function anAnnouncement() {
    const app = anAppId();
    await pusher.putCredentials(app);
    const [ann = "", bob = "", carl = ""] = usersOfOnePartition(3);
    const [iphone, android] = [anIphone(aToken()), anAndroid(aToken())];
    await pusher.register(app, ann, iphone);
    await pusher.register(app, bob, android);
    const batch = aBatch(app, [ann, bob, carl]);
    pusher.notifications.set(batch.announcementId, { text: "for all" });
    const { announcementId } = batch;
    const counts = async () => {
      const outcome = await getPushCounts(pusher.deps)(aDelivery({ announcementId }, { app }));
      return outcome.kind === "reply" ? GetPushCounts.reply.parse(outcome.reply) : outcome;
    };
    const outcomesOf = async (userId: string, of = app) => {
      const outcome = await getPushOutcomes(pusher.deps)(aDelivery({ announcementId, userId }, { app: of }));
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      return GetPushOutcomes.reply.parse(outcome.reply);
    };
    const push = () => pushBatch(pusher.deps)(aDelivery(batch, { app }));
    return { app, announcementId, ann, bob, carl, iphone, android, counts, outcomesOf, push, batch };
  }

  it("counts by platform what was taken, and by its reason what was given up", async () => {
    const { android, counts, push } = await anAnnouncement();
    phone.addFault({ token: android.token, reason: "UNREGISTERED" });
    await push();
    expect(await counts()).to.deep.equal({
      pushed: 1,
      failed: 1,
      skipped: 0,
      expired: 0,
      waiting: 0,
      pushedByPlatform: { ios: 1, android: 0, web: 0 },
      failedByPlatform: { ios: 0, android: 1, web: 0 },
      skippedByPlatform: { ios: 0, android: 0, web: 0 },
      failedByReason: { UNREGISTERED: 1 },
      skippedByPolicy: {},
    });
  });

  it("tells of each user what became of her pushes, and of nobody else's", async () => {
    const { ann, bob, carl, android, iphone, outcomesOf, push } = await anAnnouncement();
    phone.addFault({ token: android.token, reason: "UNREGISTERED" });
    await push();
    const [taken] = (await outcomesOf(ann)).outcomes;
    expect(taken).to.include({ deviceId: `phone-${iphone.token.slice(-8)}`, platform: "ios", outcome: "accepted" });
    expect(taken?.providerId).to.be.a("string");
    const refused = await outcomesOf(bob);
    expect(refused.outcomes.map(({ outcome, reason }) => [outcome, reason])).to.deep.equal([
      ["failed", "UNREGISTERED"],
    ]);
    // Her token was dead, so it is hers no more.
    expect(refused.devices).to.equal(0);
    expect(await outcomesOf(carl)).to.deep.equal({ outcomes: [], devices: 0 });
    expect(await outcomesOf(ann, anAppId())).to.deep.equal({ outcomes: [], devices: 0 });
  });

  it("tells what became of the pushes of several announcements, or messages, of one user's alone", async () => {
    const { app, ann, bob, announcementId, android, push } = await anAnnouncement();
    const again = aBatch(app, [ann]);
    const message = aMessage([ann, bob]);
    for (const id of [again.announcementId, message.messageId]) pusher.notifications.set(id, { text: "more" });
    phone.addFault({ token: android.token, reason: "UNREGISTERED" });
    await push();
    await pushBatch(pusher.deps)(aDelivery(again, { app }));
    await pushMessage(pusher.deps)(aDelivery(message, { app }));
    const asked = [announcementId, again.announcementId, message.messageId];
    const told = async (userId: string, kind: "announcement" | "message", of = app) => {
      const outcome = await listPushOutcomes(pusher.deps)(aDelivery({ userId, kind, ids: asked }, { app: of }));
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      const { outcomes } = ListPushOutcomes.reply.parse(outcome.reply);
      return outcomes.map(({ id, outcome: became, reason }) => [id, became, reason]);
    };
    expect(await told(ann, "announcement")).to.have.deep.members([
      [announcementId, "accepted", null],
      [again.announcementId, "accepted", null],
    ]);
    expect(await told(bob, "announcement")).to.deep.equal([[announcementId, "failed", "UNREGISTERED"]]);
    expect(await told(ann, "message")).to.deep.equal([[message.messageId, "accepted", null]]);
    expect(await told(ann, "announcement", anAppId())).to.deep.equal([]);
  });

  it("shows what waits, and when it is tried next", async () => {
    const { bob, android, outcomesOf, push } = await anAnnouncement();
    phone.addFault({ token: android.token, reason: "QUOTA_EXCEEDED", retry_after: 30, times: 1 });
    await push();
    const { outcomes, devices } = await outcomesOf(bob);
    expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(["waiting"]);
    expect(outcomes[0]?.at).to.be.greaterThan(Date.now() + 20_000);
    expect(devices).to.equal(1);
  });

  it("counts what has no outcome yet: what is being sent, kept back or not taken, until there is none", async () => {
    const { app, announcementId, ann, android, counts, push, batch } = await anAnnouncement();
    const quietHours = { from: clock(Date.now() - 600_000), to: clock(Date.now() + 1_800_000) };
    const want = (at: number, wanted: Partial<PushPreferences>) =>
      pusher.deps.preferences.change(app, ann, { at, by: "test" }, (before) => ({ ...before, ...wanted }));
    await want(1, { quietHours, timeZone: "UTC" });
    phone.addFault({ token: android.token, answer: { status: 503 }, times: 1 });
    expect(await counts()).to.include({ waiting: 0 });
    const whileSent: unknown[] = [];
    const { badges } = pusher.deps;
    const watched = {
      // Asked when the chunk is stored, and nothing of it is sent.
      of: async (...asked: Parameters<typeof badges.of>) => {
        whileSent.push(await counts());
        return badges.of(...asked);
      },
    };
    await pushBatch({ ...pusher.deps, badges: watched })(aDelivery(batch, { app }));
    expect(whileSent).to.have.lengthOf(1);
    expect(whileSent[0]).to.include({ pushed: 0, waiting: 2 });
    expect(await counts()).to.include({ pushed: 0, failed: 0, skipped: 0, expired: 0, waiting: 2 });
    await want(2, { quietHours: null });
    const chunks = pusher.deps.db.collection("push_chunks");
    await chunks.updateMany({ app, dueAt: { $gt: 0 } }, { $set: { dueAt: 1, "pending.$[].dueAt": 1 } });
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(async () => (await pusher.deps.chunks.counts(app, announcementId)).accepted, 2);
    await duePushes.close();
    expect(await counts()).to.include({ pushed: 2, waiting: 0 });
    await push();
    expect(await counts()).to.include({ pushed: 2, waiting: 0 });
  });

  it("is read through indexes: totals without the rows, a user through her partition's", async () => {
    const { app, announcementId, ann, push } = await anAnnouncement();
    await push();
    // What the database says of the question itself.
    await pusher.deps.db.command({ profile: 2 });
    await pusher.deps.chunks.counts(app, announcementId);
    await pusher.deps.db.command({ profile: 0 });
    const [asked] = await pusher.deps.db
      .collection("system.profile")
      .find({ "command.aggregate": "push_chunks" })
      .sort({ ts: -1 })
      .toArray();
    expect(asked).to.include({ nreturned: 1, docsExamined: 0, keysExamined: 2 });
    await pusher.deps.db.command({ profile: 2 });
    const plans = ["0", "1"].map((id) => announcementPlansOf(app, id, ann));
    await pusher.deps.chunks.ofUser([announcementPlansOf(app, announcementId, ann), ...plans], ann);
    await pusher.deps.db.command({ profile: 0 });
    const [hers] = await pusher.deps.db
      .collection("system.profile")
      .find({ "command.aggregate": "push_chunks" })
      .sort({ ts: -1 })
      .toArray();
    // Her partition's two chunks, one for each credential, and none of anything else.
    expect(hers).to.include({ nreturned: 1, docsExamined: 2 });
  });
});
