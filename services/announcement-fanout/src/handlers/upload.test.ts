import { randomUUID } from "node:crypto";
import {
  AnnouncementAccepted,
  AnnouncementDistributed,
  AnnouncementScheduled,
  BatchStored,
  compareUserIds,
  type PayloadOf,
  type OpenUpload,
  type StartUpload,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { usersOf } from "../../test/crowd.ts";
import { openStage, PARTITION, SLOT, type Stage } from "../../test/stage.ts";
import { aContent } from "../../test/support.ts";
import { announcementKey } from "../domain/batch.ts";
import { attendDue } from "./attend-due.ts";
import { cancelAnnouncement } from "./change-state.ts";
import { fanOut } from "./fan-out.ts";
import { openUpload } from "./open-announcement.ts";
import { getAnnouncement } from "./queries.ts";
import { startUpload } from "./start-upload.ts";
import { getUpload, storeUploaded } from "./store-uploaded.ts";
import { sweep } from "./sweep.ts";

type App = ReturnType<Stage["anApp"]>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;
const MANY = 10_000_000;

const rowsOf = async ({ app, deps }: App, announcementId: string) =>
  (await deps.uploads.count(app, announcementId)).reduce((sum, { users }) => sum + users, 0);

async function opened({ app, deps }: App, fields: Partial<PayloadOf<typeof OpenUpload>> = {}): Promise<string> {
  const announcementId = randomUUID();
  await openUpload(deps)(aDelivery({ announcementId, digest: "d".repeat(64), ...aContent(), ...fields }, { app }));
  return announcementId;
}
const storing = ({ app }: App, announcementId: string, userIds: readonly string[]) =>
  aDelivery({ announcementId, userIds: [...userIds] }, { app });
async function store(app: App, announcementId: string, userIds: readonly string[]) {
  const answer = await storeUploaded(app.deps)(storing(app, announcementId, userIds));
  return "reply" in answer ? answer.reply.outcome : null;
}
const starting = ({ app }: App, announcementId: string, maxRecipients = MANY) =>
  aDelivery<PayloadOf<typeof StartUpload>>({ announcementId, maxRecipients }, { app });
async function start(app: App, delivery: ReturnType<typeof starting>) {
  const answer = await startUpload(app.deps)(delivery);
  if (!("reply" in answer)) throw new Error("not answered");
  const { outcome, recipientCount, progress } = answer.reply;
  return { outcome, recipientCount, state: progress?.announcement.state ?? null };
}
const stored = async ({ app, deps }: App, announcementId: string) => {
  const answer = await getUpload(deps)(aDelivery({ announcementId }, { app }));
  return "reply" in answer ? answer.reply : null;
};
const counts = async ({ app, deps }: App, announcementId: string) => {
  const answer = await getAnnouncement(deps)(aDelivery({ announcementId }, { app }));
  return "reply" in answer ? answer.reply.progress?.counts : null;
};
const recipientsOf = async (app: App, announcementId: string) =>
  (await app.batches()).filter(({ _id }) => _id.includes(announcementId)).flatMap(({ recipients }) => recipients);

describe("an upload of recipients", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("upload");
  });
  after(() => stage[Symbol.asyncDispose]());

  const attend = async ({ app, deps }: App, announcementId: string) => {
    const id = announcementKey(app, announcementId);
    await stage.mongo.db
      .collection<{ _id: string }>("announcements")
      .updateOne({ _id: id }, { $set: { holder: "me" } });
    const header = await deps.announcements.find(app, announcementId);
    if (header) await attendDue(deps, header, { holder: "me", leaseMs: MINUTE_MS });
  };
  /** As if it had come to where it is so much earlier. */
  const age = async ({ app }: App, announcementId: string, ms: number) => {
    const headers = stage.mongo.db.collection<{ _id: string }>("announcements");
    await headers.updateOne({ _id: announcementKey(app, announcementId) }, [
      { $set: { at: { $subtract: ["$at", ms] }, stateAt: { $subtract: ["$stateAt", ms] } } },
    ]);
  };

  it("reaches each user once, whatever the order, the repeats and the cuts, and counts as a set does", async function property() {
    this.timeout(60_000);
    const userId = fc.oneof(
      fc.integer({ min: 0, max: 60 }).map((n) => `user-${n}`),
      fc.constantFrom("nobody", "a/b", "/", "\u{1f600}x", "\uffeey", "ä"),
    );
    const commands = fc.array(fc.array(userId, { maxLength: 40 }), { maxLength: 6 });
    const runs = fc.asyncProperty(commands, fc.array(fc.nat(), { maxLength: 4 }), async (lists, repeats) => {
      const app = stage.anApp();
      const announcementId = await opened(app);
      const deliveries = lists.map((list) => storing(app, announcementId, list));
      for (const delivery of deliveries) await storeUploaded(app.deps)(delivery);
      for (const repeat of repeats) {
        const again = deliveries[repeat % Math.max(1, deliveries.length)];
        if (again) await storeUploaded(app.deps)(again);
      }
      const named = new Set(lists.flat());
      const wanted = [...named].filter((one) => one !== "nobody").toSorted(compareUserIds);
      expect(await start(app, starting(app, announcementId))).to.deep.equal(
        named.size === 0
          ? { outcome: "empty", recipientCount: 0, state: "accepting" }
          : { outcome: "started", recipientCount: named.size, state: "distributing" },
      );
      await app.workAllSlots();
      expect((await recipientsOf(app, announcementId)).toSorted(compareUserIds)).to.deep.equal(wanted);
      expect(await counts(app, announcementId)).to.deep.equal({
        recipients: named.size,
        unknown: named.size - wanted.length,
        sent: wanted.length,
      });
    });
    await fc.assert(runs, { numRuns: 30 });
  });

  it("cuts a partition of many into batches of 1,000, ascending, and publishes each", async () => {
    const app = stage.anApp();
    const users = usersOf(PARTITION, 8_500);
    const announcementId = await opened(app);
    for (const half of [users.slice(4_000), users.slice(0, 4_500)]) await store(app, announcementId, half.toReversed());
    await start(app, starting(app, announcementId));
    await app.workAllSlots();
    const batches = await app.batches();
    expect(batches.map(({ recipients }) => recipients.length)).to.deep.equal([...Array(8).fill(1_000), 500]);
    expect(batches.flatMap(({ recipients }) => recipients)).to.deep.equal(users);
    const published = app
      .eventsOf(BatchStored.type)
      .flatMap(({ payload }) => BatchStored.payload.parse(payload).recipients);
    expect(published.toSorted(compareUserIds)).to.deep.equal(users);
    expect(app.eventsOf(AnnouncementDistributed.type)).to.have.length(1);
  });

  it("goes on behind what a dead worker stored, though others have come and gone: nobody is in two batches", async () => {
    const app = stage.anApp();
    const users = usersOf(PARTITION, 2_500);
    const announcementId = await opened(app);
    await store(app, announcementId, users.slice(1));
    await start(app, starting(app, announcementId));
    // The worker dies behind its batches: the rows of the partitions are as they were.
    const partitions = { ...app.deps.partitions, advance: () => Promise.reject(new Error("killed")) };
    const dying = fanOut({ ...app.deps, partitions })(aDelivery({ slot: SLOT }, { app: app.app }));
    expect(await dying.catch((error: Error) => error.message)).to.equal("killed");
    expect(await app.batches()).to.have.length(3);
    // What was under way at the start, and comes before all others.
    await app.deps.uploads.insertNew(app.app, announcementId, users.slice(0, 1));
    await app.workAllSlots();
    expect((await app.batches()).flatMap(({ recipients }) => recipients)).to.deep.equal(users.slice(1));
    const { recipients, sent } = (await counts(app, announcementId)) ?? {};
    expect([recipients, sent]).to.deep.equal([2_500, 2_499]);
  });

  it("takes nothing after the start, and says so", async () => {
    const app = stage.anApp();
    const announcementId = await opened(app);
    expect(await store(app, announcementId, ["ann"])).to.equal("open");
    expect(await stored(app, announcementId)).to.deep.equal({ outcome: "open", recipientsAbout: 1 });
    await start(app, starting(app, announcementId));
    expect(await store(app, announcementId, ["bob"])).to.equal("started");
    expect(await rowsOf(app, announcementId)).to.equal(1);
    expect(await stored(app, announcementId)).to.deep.equal({ outcome: "started", recipientsAbout: 0 });
  });

  it("is started once: again is answered alike, and only the same command publishes again", async () => {
    const app = stage.anApp();
    const announcementId = await opened(app);
    await store(app, announcementId, ["ann"]);
    const command = starting(app, announcementId);
    const expected = { outcome: "started", recipientCount: 1, state: "distributing" };
    expect(await start(app, command)).to.deep.equal(expected);
    expect(await start(app, command)).to.deep.equal(expected);
    expect(app.eventsOf(AnnouncementAccepted.type)).to.have.length(2);
    expect(await start(app, starting(app, announcementId))).to.deep.equal(expected);
    expect(app.eventsOf(AnnouncementAccepted.type)).to.have.length(2);
    await app.workAllSlots();
    expect(await recipientsOf(app, announcementId)).to.deep.equal(["ann"]);
  });

  it("is not started with nobody, with more than allowed, when it has ended, or when it is none", async () => {
    const app = stage.anApp();
    const announcementId = await opened(app);
    const go = (max?: number) => start(app, starting(app, announcementId, max));
    expect(await go()).to.deep.equal({ outcome: "empty", recipientCount: 0, state: "accepting" });
    await store(app, announcementId, ["ann", "bob", "eve"]);
    expect(await go(2)).to.deep.equal({ outcome: "too-many", recipientCount: 3, state: "accepting" });
    await cancelAnnouncement(app.deps)(aDelivery({ announcementId }, { app: app.app }));
    expect(await go()).to.deep.equal({ outcome: "ended", recipientCount: 0, state: "canceled" });
    const inline = await app.announced([["ann"]]);
    expect(await start(app, starting(app, inline))).to.include({ outcome: "not-an-upload" });
    expect(await store(app, inline, ["ann"])).to.equal("not-an-upload");
    expect(await start(app, starting(app, randomUUID()))).to.include({ outcome: "not-found" });
    expect(await store(app, randomUUID(), ["ann"])).to.equal("not-found");
  });

  it("is in the inboxes from its start on, not from when the upload began", async () => {
    const app = stage.anApp();
    const announcementId = await opened(app);
    await store(app, announcementId, ["ann"]);
    await age(app, announcementId, HOUR_MS);
    const before = Date.now();
    await start(app, starting(app, announcementId));
    await app.workAllSlots();
    const [batch] = await app.batches();
    expect(batch?.at).to.be.at.least(before);
  });

  it("waits for its time where it is scheduled, and goes out at a throttle's pace", async () => {
    const app = stage.anApp();
    const at = Date.now() + HOUR_MS;
    const later = await opened(app, { schedule: { at } });
    await store(app, later, ["ann"]);
    expect(await start(app, starting(app, later))).to.include({ outcome: "started", state: "scheduled" });
    expect(app.eventsOf(AnnouncementScheduled.type)).to.have.length(1);
    expect(await app.progress(later)).to.include({ pending: 0 });

    const slow = await opened(app, { throttlePerMinute: 60 });
    await store(app, slow, ["ann", "bob"]);
    await start(app, starting(app, slow));
    await app.workAllSlots();
    expect(await recipientsOf(app, slow)).to.deep.equal([]);
    await attend(app, slow);
    expect(await recipientsOf(app, slow)).to.have.length.at.most(1);
  });

  it("is canceled when nobody has started it for a day, and its recipients are removed an hour later", async () => {
    const app = stage.anApp();
    const announcementId = await opened(app);
    await store(app, announcementId, ["ann", "bob", "eve"]);
    await sweep(app.deps, Date.now() + DAY_MS - MINUTE_MS);
    expect((await app.find(announcementId))?.state).to.equal("accepting");
    await sweep(app.deps, Date.now() + DAY_MS + MINUTE_MS);
    expect((await app.find(announcementId))?.state).to.equal("canceled");
    await attend(app, announcementId);
    expect(await rowsOf(app, announcementId)).to.equal(3);
    await age(app, announcementId, HOUR_MS + MINUTE_MS);
    for (let partition = 0; partition < 4; partition += 1) await attend(app, announcementId);
    expect(await rowsOf(app, announcementId)).to.equal(0);
  });

  it("leaves no rows of its recipients behind once it is distributed, and touches no others", async () => {
    const app = stage.anApp();
    const [done, other] = [await opened(app), await opened(app)];
    for (const one of [done, other]) await store(app, one, ["ann", "bob"]);
    await start(app, starting(app, done));
    await app.workAllSlots();
    expect((await app.find(done))?.state).to.equal("distributed");
    await age(app, done, HOUR_MS + MINUTE_MS);
    for (let partition = 0; partition < 3; partition += 1) await attend(app, done);
    expect(await rowsOf(app, done)).to.equal(0);
    expect(await rowsOf(app, other)).to.equal(2);
    expect(await recipientsOf(app, done)).to.have.length(2);
  });
});
