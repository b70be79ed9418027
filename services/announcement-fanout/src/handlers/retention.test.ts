import { randomUUID } from "node:crypto";
import {
  type AnnounceToFew,
  AnnouncementExpired,
  type ChangeAnnouncement,
  type OpenAnnouncement,
  type PayloadOf,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { openStage, type Stage } from "../../test/stage.ts";
import { aContent } from "../../test/support.ts";
import { announcementKey } from "../domain/batch.ts";
import { announceToFew } from "./announce-to-few.ts";
import { attendDue } from "./attend-due.ts";
import { changeAnnouncement } from "./change-announcement.ts";
import { openAnnouncement } from "./open-announcement.ts";
import { progressOf } from "./progress.ts";
import { getAnnouncementContent, listInbox } from "./queries.ts";
import { searchInbox } from "./search-inbox.ts";

type App = ReturnType<Stage["anApp"]>;

const DAY_MS = 86_400_000;

const request = (rest: Partial<PayloadOf<typeof AnnounceToFew>> = {}) => ({
  announcementId: randomUUID(),
  digest: "d".repeat(64),
  ...aContent(),
  recipients: ["ann", "bob"],
  ...rest,
});

async function announced(app: App, rest: Partial<PayloadOf<typeof AnnounceToFew>> = {}): Promise<string> {
  app.users.set("ann", 1).set("bob", 1);
  const payload = request(rest);
  await announceToFew(app.deps)([aDelivery(payload, { app: app.app })]);
  return payload.announcementId;
}

async function opened(app: App, rest: Partial<PayloadOf<typeof OpenAnnouncement>> = {}): Promise<string> {
  const { recipients, ...payload } = request();
  await openAnnouncement(app.deps)(
    aDelivery({ ...payload, recipientCount: recipients.length, ...rest }, { app: app.app }),
  );
  return payload.announcementId;
}

const ends = async (app: App, announcementId: string) => {
  const header = await app.find(announcementId);
  if (!header) throw new Error("not there");
  expect(header.hidesFrom).to.equal(header.expiresAt);
  return header;
};

/** What she has in her inbox, and what she finds there. */
const seen = async ({ app, deps }: App, userId: string) => {
  const asked = { userId, limit: 20, after: null };
  const listed = await listInbox(deps)(aDelivery(asked, { app }));
  const question = { ...asked, words: [], prefix: "hello", knownSince: null };
  const found = await searchInbox(deps)(aDelivery(question, { app }));
  return [listed, found].map((one) => ("reply" in one && one.reply ? Object(one.reply) : {}));
};

describe("the retention of announcements", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("retention");
  });
  after(() => stage[Symbol.asyncDispose]());

  const headers = () => stage.mongo.db.collection<{ _id: string }>("announcements");

  it("is the end of their time, counted from when they are accepted, unless that comes first", async () => {
    const app = stage.anApp();
    const kept = await ends(app, await announced(app, { retentionDays: 30 }));
    expect(kept.expiresAt).to.equal(kept.at + 30 * DAY_MS);
    expect(kept.dueAt).to.equal(kept.expiresAt);
    const early = kept.at + DAY_MS;
    expect((await ends(app, await announced(app, { retentionDays: 30, expiresAt: early }))).expiresAt).to.equal(early);
    expect((await ends(app, await announced(app))).expiresAt).to.equal(null);
  });

  it("is counted from the start of what starts later, and follows it, its category's and an end that is asked for", async () => {
    const app = stage.anApp();
    const at = Date.now() + 40 * DAY_MS;
    const id = await opened(app, { schedule: { at }, retentionDays: 30 });
    const end = async () => (await ends(app, id)).expiresAt;
    expect(await end()).to.equal(at + 30 * DAY_MS);
    await headers().updateOne({ _id: announcementKey(app.app, id) }, { $set: { state: "scheduled", startsAt: at } });
    const change = (terms: PayloadOf<typeof ChangeAnnouncement>["terms"]) =>
      changeAnnouncement(app.deps)(aDelivery({ announcementId: id, content: {}, terms }, { app: app.app }));
    await change({ schedule: { at: at + DAY_MS } });
    expect(await end()).to.equal(at + 31 * DAY_MS);
    await change({ expiresAt: at + 2 * DAY_MS });
    expect(await end()).to.equal(at + 2 * DAY_MS);
    await change({ category: "offers", retentionDays: 7 });
    expect(await end()).to.equal(at + 2 * DAY_MS);
    await change({ expiresAt: null });
    expect(await end()).to.equal(at + 8 * DAY_MS);
    await change({ category: null, retentionDays: null });
    expect(await end()).to.equal(null);
  });

  it("is counted from when the last zone has it where each gets it at a time of her own clock, and stays so", async () => {
    const app = stage.anApp();
    const schedule = { localTime: "2020-01-01T09:00:00", fallbackTimeZone: "UTC" };
    const id = await opened(app, { schedule, retentionDays: 30 });
    const end = Date.UTC(2020, 0, 31, 21);
    expect((await ends(app, id)).expiresAt).to.equal(end);
    await headers().updateOne({ _id: announcementKey(app.app, id) }, { $set: { state: "scheduled" } });
    const asked = { announcementId: id, content: {}, terms: { retentionDays: 31 } };
    await changeAnnouncement(app.deps)(aDelivery(asked, { app: app.app }));
    expect((await ends(app, id)).expiresAt).to.equal(end + DAY_MS);
  });

  it("takes them out of inboxes and search at their moment and for good, tells of it, and leaves the counts", async () => {
    const app = stage.anApp();
    const id = await announced(app, { retentionDays: 1 });
    expect(await seen(app, "ann")).to.have.nested.property("[0].total", 1);
    expect(await seen(app, "ann")).to.have.nested.property("[1].hits.length", 1);
    const header = await ends(app, id);
    const before = await progressOf(app.deps, header);
    expect(before.counts.sent).to.equal(2);

    // As if the day were over.
    const past = Date.now() - 1;
    const _id = announcementKey(app.app, id);
    await headers().updateOne({ _id }, { $set: { expiresAt: past, hidesFrom: past, dueAt: past } });
    for (const userId of ["ann", "bob"]) {
      expect(await seen(app, userId)).to.have.nested.property("[0].total", 0);
      expect(await seen(app, userId)).to.have.nested.property("[1].hits.length", 0);
    }
    const content = await getAnnouncementContent(app.deps)(aDelivery({ announcementId: id }, { app: app.app }));
    expect(content).to.have.nested.property("reply.content", null);

    for (let n = 0; n < 3; n += 1) {
      const holder = randomUUID();
      await headers().updateOne({ _id }, { $set: { holder, dueAt: Date.now() + 1_000 } });
      const due = await app.find(id);
      if (due) await attendDue(app.deps, due, { holder, leaseMs: 1_000 });
    }
    expect(app.eventsOf(AnnouncementExpired.type)).to.have.length.above(0);
    expect(await app.batches()).to.deep.equal([]);
    expect((await app.rosters()).flatMap(({ recipients }) => recipients)).to.have.members(["ann", "bob"]);
    const ended = await app.find(id);
    expect(ended?.state).to.equal("expired");
    if (ended) expect((await progressOf(app.deps, ended)).counts).to.deep.equal(before.counts);
  });
});
