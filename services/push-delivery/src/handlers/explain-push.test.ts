import { randomUUID } from "node:crypto";
import { type Announcement, DEFAULT_PUSH_POLICY, ExplainPush, type PayloadOf, type PushRules } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { anAppId } from "@strata/testing";
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
import { explainPush } from "./explain-push.ts";
import { pushBatch } from "./push-batch.ts";
import { pushMessage } from "./push-message.ts";

type Asked = PayloadOf<typeof ExplainPush>;

const ofAnything = (kind: "announcement" | "message") => ({ kind, id: null }) as const;

describe("explainPush", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("explain-push", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });

  let nextToken = 600_000;
  const [ann = "", bob = ""] = usersOfOnePartition(2);
  /** An app with rules for all, whose user Ann has a phone of each kind. */
  async function anApp(rules: Partial<PushRules> = {}) {
    const app = anAppId();
    await pusher.putCredentials(app);
    for (const aPhoneOf of [anIphone, anAndroid]) await pusher.register(app, ann, aPhoneOf((nextToken += 1)));
    const policy = { ...DEFAULT_PUSH_POLICY, rules: { ...DEFAULT_PUSH_POLICY.rules, ...rules } };
    await pusher.deps.policies.put(app, policy, { at: 1, by: "test" });
    return app;
  }
  async function explain(app: string, changes: Partial<Asked> & Pick<Asked, "subject">) {
    const payload = { userId: ann, category: null, isUrgent: false, ...changes };
    const outcome = await explainPush(pusher.deps)(aDelivery(payload, { app }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    return ExplainPush.reply.parse(outcome.reply).explanation;
  }
  const announcement = ({ announcementId = randomUUID(), ...changes }: Partial<Announcement> = {}) => {
    pusher.said.announcements.set(announcementId, {
      announcementId,
      state: "distributed",
      at: Date.now(),
      sender: { name: "Ops" },
      parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
      notification: { text: "hello" },
      recipientCount: 1,
      recipients: null,
      category: null,
      priority: "normal",
      ...changes,
    });
    return { kind: "announcement", id: announcementId } as const;
  };

  it("has nothing to say of an announcement or a message that there is not", async () => {
    const app = await anApp();
    for (const kind of ["announcement", "message"] as const)
      expect(await explain(app, { subject: { kind, id: randomUUID() } })).to.equal(null);
  });

  it("tells of a push that nobody has sent yet, under the category named or that of its kind, and on how many devices", async () => {
    const app = await anApp();
    for (const [category, kind, shown] of [
      ["news", "announcement", "news"],
      [null, "announcement", "announcements"],
      [null, "message", "messages"],
    ] as const) {
      const explanation = await explain(app, { category, subject: ofAnything(kind) });
      expect(explanation).to.include({ decision: "send", policy: null, until: null, category: shown, devices: 2 });
      expect(explanation?.checks.map(({ policy }) => policy)).to.have.lengthOf(11);
    }
    expect(await explain(app, { userId: bob, subject: ofAnything("announcement") })).to.include({ devices: 0 });
  });

  it("takes the category and the priority from the announcement, whatever else is asked", async () => {
    const app = await anApp({ delaySeconds: 600 });
    const subject = announcement({ category: "news", priority: "urgent" });
    expect(await explain(app, { subject })).to.include({ decision: "send", category: "news" });
    const calm = announcement({ category: "news" });
    expect(await explain(app, { subject: calm, isUrgent: true, category: "other" })).to.include({
      decision: "wait",
      policy: "delay",
      category: "news",
    });
    // Of what nobody has sent yet, the one who asks says it.
    expect(await explain(app, { subject: ofAnything("announcement"), isUrgent: true })).to.include({
      decision: "send",
    });
    expect(await explain(app, { subject: ofAnything("announcement") })).to.include({ decision: "wait" });
  });

  it("asks only about suspension and blocks where there is nothing to see", async () => {
    const app = await anApp({ delaySeconds: 600 });
    const silent = await explain(app, { subject: announcement({ notification: null }) });
    expect(silent).to.include({ decision: "send" });
    expect(silent?.checks.map(({ policy }) => policy)).to.deep.equal(["suspended", "blocked"]);
  });

  it("says `blocked` of who blocks the user that sends it, of a message as of an announcement", async () => {
    const app = await anApp();
    pusher.said.blocks.add(`${ann}/troll`);
    const messageId = randomUUID();
    pusher.notifications.set(messageId, { text: "hello" });
    pusher.said.senders.set(messageId, "troll");
    for (const subject of [
      announcement({ sender: { userId: "troll" } }),
      { kind: "message", id: messageId } as const,
    ]) {
      expect(await explain(app, { subject })).to.include({ decision: "skip", policy: "blocked" });
      expect(await explain(app, { subject, userId: bob })).to.include({ decision: "send" });
    }
  });

  it("counts a delay from when it was said, where its push is planned, and takes no place under a cap", async () => {
    const app = await anApp({ delaySeconds: 600, cap: { pushes: 1, hours: 1 } });
    const at = Date.now() - 60_000;
    const batch = aBatch(app, [ann], { at });
    pusher.notifications.set(batch.announcementId, { text: "hello" });
    const message = aMessage([ann], { sentAt: at - 1_000 });
    pusher.notifications.set(message.messageId, { text: "hello" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    await pushMessage(pusher.deps)(aDelivery(message, { app }));
    announcement({ announcementId: batch.announcementId, at });
    const ofBatch = { kind: "announcement", id: batch.announcementId } as const;
    const ofMessage = { kind: "message", id: message.messageId } as const;
    expect(await explain(app, { subject: ofBatch })).to.include({ policy: "delay", until: at + 600_000 });
    expect(await explain(app, { subject: ofMessage })).to.include({ policy: "delay", until: at + 599_000 });
    const undelayed = { ...DEFAULT_PUSH_POLICY, cap: { pushes: 1, hours: 1 } };
    await pusher.deps.policies.put(app, undelayed, { at: 2, by: "test" });
    for (const subject of [ofBatch, ofMessage, ofBatch])
      expect(await explain(app, { subject })).to.include({ decision: "send", policy: null });
    expect(
      await pusher.deps.db.collection<{ _id: string }>("push_caps").countDocuments({ _id: { $regex: `^${app}` } }),
    ).to.equal(0);
  });
});
