import {
  type BatchStored,
  type CategoryPolicy,
  DEFAULT_PUSH_POLICY,
  ExplainPush,
  FindBadges,
  type MessageCreated,
  NO_PREFERENCES,
  type PayloadOf,
  type PushPolicy,
  type PushPreferences,
} from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
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
import { startDuePushes } from "../due-pushes.ts";
import { explainPush } from "./explain-push.ts";
import { pushBatch } from "./push-batch.ts";
import { pushMessage } from "./push-message.ts";

type Batch = PayloadOf<typeof BatchStored>;

const ofBatch = ({ announcementId: id }: Batch) => ({ kind: "announcement", id }) as const;
const ofMessage = ({ messageId: id }: PayloadOf<typeof MessageCreated>) => ({ kind: "message", id }) as const;

const HOUR_MS = 3_600_000;

const rules = (changes: CategoryPolicy): Partial<PushPolicy> => ({ categories: { news: changes } });

const times = fc.constantFrom("00:00", "06:00", "12:00", "18:00", "23:59");
const quietHours = fc.option(fc.record({ from: times, to: times }).filter(({ from, to }) => from !== to));
const someRules = {
  inQuietHours: fc.constantFrom("wait", "skip", "push"),
  isSkippedOnline: fc.boolean(),
  isSkippedRead: fc.boolean(),
  delaySeconds: fc.constantFrom(0, 0, 600),
  unreadAfterMinutes: fc.constantFrom(null, null, 10),
  cap: fc.constantFrom(null, { pushes: 1, hours: 1 }),
} as const;
const policies = fc.record({
  quietHours,
  fallbackTimeZone: fc.constantFrom("UTC", "Asia/Tokyo"),
  cap: fc.constantFrom(null, { pushes: 2, hours: 24 }),
  rules: fc.record(someRules),
  categories: fc.record({
    news: fc.record({ choice: fc.constantFrom("on", "off", "always"), ...someRules }, { requiredKeys: [] }),
  }),
});
const person = fc.record({
  choice: fc.constantFrom(undefined, true, false),
  quietHours,
  timeZone: fc.constantFrom(null, "Asia/Tokyo", "America/New_York"),
  isMuted: fc.boolean(),
  isSuspended: fc.constantFrom(false, false, true),
  isBlocking: fc.constantFrom(false, false, true),
  isOnline: fc.boolean(),
  hasSocket: fc.boolean(),
  hasRead: fc.boolean(),
});
type Person = typeof person extends fc.Arbitrary<infer Some> ? Some : never;

const somebody: Person = {
  choice: undefined,
  quietHours: null,
  timeZone: null,
  isMuted: false,
  isSuspended: false,
  isBlocking: false,
  isOnline: false,
  hasSocket: false,
  hasRead: false,
};
const cast: readonly Person[] = [
  somebody,
  { ...somebody, isSuspended: true },
  { ...somebody, isBlocking: true },
  { ...somebody, isMuted: true },
  { ...somebody, choice: false },
];
/** One run in which much happens for sure, beside those of chance. */
const someCast = (count: number): Person[] =>
  Array.from({ length: count }, (_, n) => cast[n % cast.length] ?? somebody);
const openPolicy = {
  quietHours: null,
  fallbackTimeZone: "UTC",
  cap: null,
  rules: {
    inQuietHours: "wait",
    isSkippedOnline: false,
    isSkippedRead: false,
    delaySeconds: 0,
    unreadAfterMinutes: null,
    cap: null,
  },
  categories: { news: {} },
} as const;

describe("policies over pushes", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async function () {
    this.timeout(60_000);
    phone = await aPhone();
    pusher = await openPusher("push-policies", phone);
  });
  beforeEach(() => {
    phone.removeFaults();
    pusher.said.questions.length = 0;
    pusher.said.blocks.clear();
    pusher.said.isDirectoryAway = false;
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });

  let nextToken = 400_000;
  let nextCommand = 0;

  async function anApp(users: readonly string[], policy: Partial<PushPolicy> = {}) {
    const app = anAppId();
    await pusher.putCredentials(app);
    for (const [index, userId] of users.entries()) {
      await pusher.register(app, userId, (index % 2 === 0 ? anIphone : anAndroid)((nextToken += 1)));
    }
    await setPolicy(app, policy);
    return app;
  }
  const setPolicy = (app: string, policy: Partial<PushPolicy>) =>
    pusher.deps.policies.put(app, { ...DEFAULT_PUSH_POLICY, ...policy }, { at: (nextCommand += 1), by: "test" });
  const wish = (app: string, userId: string, wanted: Partial<PushPreferences>) =>
    pusher.deps.preferences.change(app, userId, { at: (nextCommand += 1), by: "test" }, () => ({
      ...NO_PREFERENCES,
      ...wanted,
    }));
  const suspend = (app: string, userId: string, version = 1, isSuspended = true) =>
    pusher.deps.preferences.suspend(app, userId, { isSuspended, version, at: 1 });

  function batchTo(app: string, users: readonly string[], changes: Partial<Batch> = {}) {
    const batch = aBatch(app, users, { category: "news", ...changes });
    pusher.notifications.set(batch.announcementId, { title: "News", text: "Hello" });
    return batch;
  }
  const push = (app: string, batch: Batch, deps = pusher.deps) => pushBatch(deps)(aDelivery(batch, { app }));

  /** What became of the push to each user, by the ledger. */
  const ledgerOf = (app: string, { batchId }: Batch, users: readonly string[]) => ledgerOfPlan(batchId, users);
  async function ledgerOfPlan(planId: string, users: readonly string[]) {
    const rows = await Promise.all(
      users.map(async (userId) => {
        const [row] = await pusher.deps.chunks.ofUser([planId], userId);
        const outcome = row?.outcomes.find(({ user }) => user === userId);
        const waiting = row?.pending.find((target) => target.userId === userId);
        if (outcome) return [userId, [outcome.outcome, outcome.policy ?? null]] as const;
        return [userId, waiting ? ["waiting", waiting.waitsFor ?? null] : null] as const;
      }),
    );
    return Object.fromEntries(rows);
  }
  const oneOf = async (app: string, batch: Batch, userId: string) => (await ledgerOf(app, batch, [userId]))[userId];

  let version = 1;
  /** What each of these users wants, and what others know of her. */
  async function know(app: string, users: readonly string[], some: readonly Person[], subject: string) {
    version += 1;
    pusher.said.blocks.clear();
    await Promise.all(
      some.map(async (one, index) => {
        const userId = users[index] ?? "";
        await wish(app, userId, {
          categories: one.choice === undefined ? {} : { news: one.choice },
          quietHours: one.quietHours,
          timeZone: one.timeZone,
          mutedUntil: one.isMuted ? Date.now() + HOUR_MS : null,
        });
        await suspend(app, userId, version, one.isSuspended);
        if (one.isBlocking) pusher.said.blocks.add(`${userId}/sender`);
        pusher.said.whereabouts.set(userId, {
          timeZone: "Europe/Berlin",
          lastSeenAt: one.isOnline ? Date.now() + HOUR_MS : null,
        });
        if (one.hasSocket) pusher.said.connected.add(userId);
        else pusher.said.connected.delete(userId);
        if (one.hasRead) pusher.said.read.add(`${subject}/${userId}`);
      }),
    );
  }
  async function explain(app: string, userId: string, subject: PayloadOf<typeof ExplainPush>["subject"]) {
    const payload = { userId, subject, category: null, isUrgent: false };
    const outcome = await explainPush(pusher.deps)(aDelivery(payload, { app }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    return ExplainPush.reply.parse(outcome.reply).explanation;
  }
  /** As the ledger has what an explanation says. */
  async function explained(app: string, userId: string, subject: PayloadOf<typeof ExplainPush>["subject"]) {
    const explanation = await explain(app, userId, subject);
    expect(explanation?.checks.at(-1)?.decision).to.equal(explanation?.decision);
    const became = { send: "accepted", skip: "skipped", wait: "waiting" }[explanation?.decision ?? "send"];
    return [userId, [became, explanation?.policy ?? null]] as const;
  }
  function knownByFanOut({ announcementId, at, category, priority }: Batch, senderId: string | null) {
    pusher.said.announcements.set(announcementId, {
      announcementId,
      state: "distributed",
      at,
      sender: senderId === null ? { name: "Ops" } : { userId: senderId },
      parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
      notification: { title: "News", text: "Hello" },
      recipientCount: 1,
      recipients: null,
      category: category ?? null,
      priority: priority ?? "normal",
    });
  }

  it("cost no question to anybody, where an app has none and nobody wants anything", async () => {
    const users = usersOfOnePartition(4);
    const app = await anApp(users);
    await push(app, batchTo(app, users));
    // The number on an iPhone's icon is no policy.
    const questions = pusher.said.questions.filter((type) => type !== FindBadges.type);
    expect(questions).to.deep.equal(["announcement-fanout.GetAnnouncementContent.v1"]);
    expect(
      await pusher.deps.db.collection<{ _id: string }>("push_caps").countDocuments({ _id: { $regex: `^${app}` } }),
    ).to.equal(0);
  });

  it("are in the ledger as an explanation right before has them, whatever is set, wanted and known", async function () {
    this.timeout(240_000);
    const users = usersOfOnePartition(40);
    const apps: string[] = [];
    for (let n = 0; n < 2; n += 1) apps.push(await anApp(users));
    const people = fc.array(person, { minLength: users.length, maxLength: users.length });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        policies,
        people,
        fc.constantFrom(...apps),
        fc.boolean(),
        async (policy, some, app, isUrgent) => {
          const batch = batchTo(app, users, {
            senderId: "sender",
            ...(isUrgent ? { priority: "urgent" as const } : {}),
          });
          knownByFanOut(batch, "sender");
          await setPolicy(app, policy);
          await know(app, users, some, batch.announcementId);
          const explanations = await Promise.all(users.map((userId) => explained(app, userId, ofBatch(batch))));
          await push(app, batch);
          const ledger = await ledgerOf(app, batch, users);
          expect(ledger).to.deep.equal(Object.fromEntries(explanations));
          for (const [, [, policyName]] of explanations) seen.add(policyName ?? "none");
        },
      ),
      { numRuns: 5, endOnFailure: true, examples: [[openPolicy, someCast(users.length), apps[0] ?? "", false]] },
    );
    // A run in which nothing much happened would show nothing.
    expect([...seen]).to.include.members(["none", "suspended", "blocked", "muted", "opted_out"]);
  });

  it("are in the ledger of a message as explained, and who blocks its sender is explained as left out", async function () {
    this.timeout(240_000);
    const users = usersOfOnePartition(20);
    const app = await anApp(users);
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        policies,
        fc.array(person, { minLength: users.length, maxLength: users.length }),
        async (policy, some) => {
          // As conversation names them.
          const message = aMessage(
            users.filter((_, index) => some[index]?.isBlocking !== true),
            { sender: { userId: "sender" } },
          );
          pusher.notifications.set(message.messageId, { text: "Hello", category: "news" });
          pusher.said.senders.set(message.messageId, "sender");
          await setPolicy(app, policy);
          await know(app, users, some, message.messageId);
          const explanations = await Promise.all(users.map((userId) => explained(app, userId, ofMessage(message))));
          await pushMessage(pusher.deps)(aDelivery(message, { app }));
          const ledger = await ledgerOfPlan(`${app}/message/${message.messageId}`, users);
          for (const [index, [userId, told]] of explanations.entries()) {
            seen.add(told[1] ?? "none");
            if (message.recipients.includes(userId)) {
              expect(ledger[userId]).to.deep.equal(told);
              continue;
            }
            expect(ledger[userId], "it is for nobody who blocks its sender").to.equal(null);
            expect(told).to.deep.equal(["skipped", some[index]?.isSuspended ? "suspended" : "blocked"]);
          }
        },
      ),
      { numRuns: 5, endOnFailure: true, examples: [[openPolicy, someCast(users.length)]] },
    );
    expect([...seen]).to.include.members(["none", "suspended", "blocked", "muted", "opted_out"]);
  });

  it("leave out who came to block the sender of a message while her push waited", async () => {
    const users = usersOfOnePartition(2);
    const [ann = "", bob = ""] = users;
    const app = await anApp(users, { rules: { ...DEFAULT_PUSH_POLICY.rules, delaySeconds: 1_800 } });
    const message = aMessage(users, { sender: { userId: "nagger" } });
    pusher.notifications.set(message.messageId, { text: "Hello" });
    pusher.said.senders.set(message.messageId, "nagger");
    await pushMessage(pusher.deps)(aDelivery(message, { app }));
    // Conversation has asked who blocks him.
    expect(pusher.said.questions).to.not.include("directory.FindBlockers.v1");
    pusher.said.blocks.add(`${ann}/nagger`);
    await setPolicy(app, {});
    expect(await explained(app, ann, ofMessage(message))).to.deep.equal([ann, ["skipped", "blocked"]]);
    await pusher.deps.db.collection("push_chunks").updateMany({ app }, { $set: { dueAt: 1, "pending.$[].dueAt": 1 } });
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(() => ledgerOfPlan(`${app}/message/${message.messageId}`, users), {
      [ann]: ["skipped", "blocked"],
      [bob]: ["accepted", null],
    });
    await duePushes.close();
  });

  it("skip who opted out, is muted or suspended, per device and with the policy, and count it so", async () => {
    const users = usersOfOnePartition(4);
    const [ann = "", bob = "", carl = "", dora = ""] = users;
    const app = await anApp(users);
    await wish(app, ann, { categories: { news: false } });
    await wish(app, bob, { mutedUntil: Date.now() + HOUR_MS });
    await suspend(app, carl);
    const batch = batchTo(app, users);
    await push(app, batch);
    expect(await ledgerOf(app, batch, users)).to.deep.equal({
      [ann]: ["skipped", "opted_out"],
      [bob]: ["skipped", "muted"],
      [carl]: ["skipped", "suspended"],
      [dora]: ["accepted", null],
    });
    const totals = await pusher.deps.chunks.counts(app, batch.announcementId);
    expect(totals).to.include({ accepted: 1, failed: 0, skipped: 3, expired: 0 });
    expect(await pusher.deps.chunks.reasons(app, batch.announcementId)).to.deep.include({
      skippedByPolicy: { opted_out: 1, muted: 1, suspended: 1 },
      skippedByPlatform: { ios: 2, android: 1, web: 0 },
    });
  });

  it("obey what users want where their app has none of its own", async () => {
    const users = usersOfOnePartition(3);
    const [ann = "", bob = "", carl = ""] = users;
    const app = anAppId();
    await pusher.putCredentials(app);
    for (const userId of users) await pusher.register(app, userId, anIphone((nextToken += 1)));
    await wish(app, ann, { categories: { news: false } });
    pusher.said.blocks.add(`${bob}/troll`);
    const wanted = batchTo(app, users);
    await push(app, wanted);
    expect(await ledgerOf(app, wanted, users)).to.deep.equal({
      [ann]: ["skipped", "opted_out"],
      [bob]: ["accepted", null],
      [carl]: ["accepted", null],
    });
    // Of whom nobody has said anything.
    const others = [bob, carl];
    const trolled = batchTo(app, others, { senderId: "troll" });
    await push(app, trolled);
    expect(await ledgerOf(app, trolled, others)).to.deep.equal({
      [bob]: ["skipped", "blocked"],
      [carl]: ["accepted", null],
    });
  });

  it("skip who blocks the user that says it", async () => {
    const users = usersOfOnePartition(2);
    const [ann = "", bob = ""] = users;
    const app = await anApp(users);
    pusher.said.blocks.add(`${ann}/troll`);
    const batch = batchTo(app, users, { senderId: "troll" });
    await push(app, batch);
    expect(await ledgerOf(app, batch, users)).to.deep.equal({
      [ann]: ["skipped", "blocked"],
      [bob]: ["accepted", null],
    });
  });

  it("have a push wait in its row, held by nobody, and decide again when it is due", async () => {
    const users = usersOfOnePartition(3);
    const [ann = "", bob = "", carl = ""] = users;
    const app = await anApp(users, rules({ delaySeconds: 1_800 }));
    const batch = batchTo(app, users);
    await push(app, batch);
    expect(await oneOf(app, batch, ann)).to.deep.equal(["waiting", "delay"]);
    await wish(app, ann, { mutedUntil: Date.now() + HOUR_MS });
    await suspend(app, bob);
    // As if the delay were over.
    await setPolicy(app, {});
    await pusher.deps.db.collection("push_chunks").updateMany({ app }, { $set: { dueAt: 1, "pending.$[].dueAt": 1 } });
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(() => ledgerOf(app, batch, users), {
      [ann]: ["skipped", "muted"],
      [bob]: ["skipped", "suspended"],
      [carl]: ["accepted", null],
    });
    await duePushes.close();
    // The same event again plans nothing more.
    await push(app, batch);
    expect(await pusher.deps.chunks.counts(app, batch.announcementId)).to.include({ accepted: 1, skipped: 2 });
  });

  it("push a message only to who has not read it meanwhile", async () => {
    const users = usersOfOnePartition(2);
    const [ann = "", bob = ""] = users;
    const app = await anApp(users, { rules: { ...DEFAULT_PUSH_POLICY.rules, isSkippedRead: true } });
    const message = aMessage(users);
    pusher.notifications.set(message.messageId, { text: "Hello" });
    pusher.said.read.add(`${message.messageId}/${ann}`);
    await pushMessage(pusher.deps)(aDelivery(message, { app }));
    const rows = await pusher.deps.chunks.ofPlan(`${app}/message/${message.messageId}`);
    const outcomes = rows.flatMap((row) => row.outcomes).map(({ user, outcome, policy }) => [user, outcome, policy]);
    expect(outcomes).to.have.deep.members([
      [ann, "skipped", "already_read"],
      [bob, "accepted", undefined],
    ]);
  });

  it("are kept from who has a socket open, and from nobody where none can be asked about", async () => {
    const users = usersOfOnePartition(2);
    const [ann = "", bob = ""] = users;
    const app = await anApp(users, rules({ isSkippedOnline: true }));
    pusher.said.connected.clear();
    pusher.said.whereabouts.clear();
    pusher.said.connected.add(ann);
    const [first, second] = [batchTo(app, users), batchTo(app, users)];
    await push(app, first);
    expect(await ledgerOf(app, first, users)).to.deep.equal({
      [ann]: ["skipped", "online"],
      [bob]: ["accepted", null],
    });
    pusher.said.isRealtimeAway = true;
    await push(app, second);
    pusher.said.isRealtimeAway = false;
    expect(await ledgerOf(app, second, users)).to.deep.equal({ [ann]: ["accepted", null], [bob]: ["accepted", null] });
  });

  it("claim nothing while the directory is away, and go on once it answers", async () => {
    const users = usersOfOnePartition(2);
    const [ann = "", bob = ""] = users;
    const app = await anApp(users, rules({ isSkippedOnline: true }));
    pusher.said.whereabouts.set(ann, { timeZone: null, lastSeenAt: Date.now() + HOUR_MS });
    pusher.said.whereabouts.delete(bob);
    pusher.said.connected.clear();
    pusher.said.isDirectoryAway = true;
    const batch = batchTo(app, users);
    const failure = await push(app, batch).catch((error: unknown) => error);
    expect(pusher.deps.directory.isDown(failure)).to.equal(true);
    expect(await pusher.deps.chunks.ofPlan(batch.batchId)).to.deep.equal([]);
    pusher.said.isDirectoryAway = false;
    await push(app, batch);
    expect(await ledgerOf(app, batch, users)).to.deep.equal({
      [ann]: ["skipped", "online"],
      [bob]: ["accepted", null],
    });
  });

  describe("of which caps", () => {
    it("let no more pass than they say, however many plans ask at once and again", async function () {
      this.timeout(120_000);
      const users = usersOfOnePartition(5);
      const app = await anApp(users, { ...rules({ cap: { pushes: 3, hours: 1 } }), cap: { pushes: 4, hours: 24 } });
      const batches = Array.from({ length: 20 }, (_, n) =>
        batchTo(app, users, { category: n % 2 === 0 ? "news" : "sport" }),
      );
      await Promise.all([...batches, ...batches].map((batch) => push(app, batch)));
      const ledgers = await Promise.all(batches.map((batch) => ledgerOf(app, batch, users)));
      for (const userId of users) {
        const accepted = batches.filter((_, n) => ledgers[n]?.[userId]?.[0] === "accepted");
        expect(accepted, userId).to.have.lengthOf(4);
        expect(accepted.filter(({ category }) => category === "news").length).to.be.at.most(3);
        const others = ledgers.map((ledger) => ledger[userId]).filter((one) => one?.[0] !== "accepted");
        expect(new Set(others.map((one) => one?.[0]))).to.deep.equal(new Set(["skipped"]));
      }
    });

    it("count a push once, though its process was killed between taking the place and sending", async () => {
      const users = usersOfOnePartition(1);
      const [ann = ""] = users;
      const app = await anApp(users, { cap: { pushes: 1, hours: 1 } });
      const batch = batchTo(app, users);
      const killed = { ...pusher.deps.chunks, insertNew: () => Promise.reject(new Error("killed")) };
      await push(app, batch, { ...pusher.deps, chunks: killed }).catch(() => undefined);
      expect(await oneOf(app, batch, ann)).to.equal(null);
      const other = batchTo(app, users);
      await push(app, other);
      expect(await oneOf(app, other, ann)).to.deep.equal(["skipped", "cap"]);
      await push(app, batch);
      expect(await oneOf(app, batch, ann)).to.deep.equal(["accepted", null]);
    });

    it("roll: a place is free when its hours are over", async () => {
      const app = anAppId();
      const users = [{ userId: "ann", category: "$news", categoryCap: { pushes: 1, hours: 1 } }];
      const take = (subject: string, now: number) =>
        pusher.deps.caps
          .take({ app, subject, users, all: null, now, keptMs: HOUR_MS })
          .then((places) => places.get("ann"));
      const now = Date.now();
      expect(await take("$a", now)).to.include({ hasPlace: true });
      expect((await take("b", now + HOUR_MS - 1))?.category).to.include({ used: 1, freeAt: now + HOUR_MS });
      expect(await take("$a", now + HOUR_MS - 1)).to.include({ hasPlace: true });
      expect(await take("b", now + HOUR_MS)).to.include({ hasPlace: true });
      expect(await take("$a", now + HOUR_MS)).to.include({ hasPlace: false });
    });
  });
});
