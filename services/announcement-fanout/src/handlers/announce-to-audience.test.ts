import { randomUUID } from "node:crypto";
import {
  type AnnounceToAudience,
  AnnouncementAccepted,
  AnnouncementDistributed,
  AnnouncementOpened,
  type AudienceFilter,
  BatchStored,
  type PayloadOf,
  partitionOf,
  PARTITIONS,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { usersOf } from "../../test/crowd.ts";
import { openStage, PARTITION, type Stage } from "../../test/stage.ts";
import { aContent } from "../../test/support.ts";
import { batchId } from "../domain/batch.ts";
import { announceToAudience } from "./announce-to-audience.ts";
import { attendDue } from "./attend-due.ts";
import { listInboxKeys } from "./list-inbox-keys.ts";
import { listInbox } from "./queries.ts";
import { cancelAnnouncement, recallAnnouncement } from "./change-state.ts";
import { findRecipients, listRecipients } from "./recipient-queries.ts";

type App = ReturnType<Stage["anApp"]>;
type Payload = PayloadOf<typeof AnnounceToAudience>;

const WITH_A: AudienceFilter = { field: "user_id", startsWith: "a" };

/** Known for long. */
const known = (app: App, ...userIds: readonly string[]) => userIds.forEach((userId) => app.users.set(userId, 1));
const recipientsOf = (rows: readonly { recipients: readonly string[] }[]) => rows.flatMap((row) => row.recipients);
const published = (app: App) =>
  app.eventsOf(BatchStored.type).flatMap(({ payload }) => BatchStored.payload.parse(payload).recipients);
const inboxOf = async (app: App, userId: string, knownSince?: number) => {
  const delivery = aDelivery(
    { userId, limit: 20, after: null, ...(knownSince === undefined ? {} : { knownSince }) },
    { app: app.app },
  );
  const answer = await listInbox(app.deps)(delivery);
  return "reply" in answer ? (answer.reply?.entries ?? []).map(({ announcementId }) => announcementId) : [];
};
const membersOf = async (app: App, announcementId: string, ...userIds: string[]) => {
  const answer = await findRecipients(app.deps)(aDelivery({ checks: [{ announcementId, userIds }] }, { app: app.app }));
  return "reply" in answer ? answer.reply?.found[0]?.userIds.toSorted() : [];
};
const listed = async (app: App, announcementId: string, limit = 1_000, after: string | null = null) => {
  const answer = await listRecipients(app.deps)(aDelivery({ announcementId, limit, after }, { app: app.app }));
  return "reply" in answer ? answer.reply?.userIds : null;
};

describe("announceToAudience", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("announce-to-audience");
  });
  after(() => stage[Symbol.asyncDispose]());

  const aCommand = ({ app }: App, fields: Partial<Payload> = {}) =>
    aDelivery<Payload>(
      {
        announcementId: randomUUID(),
        digest: "d".repeat(64),
        ...aContent(),
        audience: { kind: "filter", filter: WITH_A, segmentId: null },
        recipientCount: null,
        ...fields,
      },
      { app },
    );
  const everyone: Partial<Payload> = { audience: { kind: "everyone" } };
  it("accepts with header and 64 rows alone, and asks who matches only when it is distributed", async () => {
    const app = stage.anApp();
    const command = aCommand(app, { recipientCount: 7 });
    const answer = await announceToAudience(app.deps)(command);
    expect(answer).to.have.nested.property("reply.outcome", "accepted");
    expect(await app.progress(command.payload.announcementId)).to.deep.equal({
      sent: 0,
      unknown: 0,
      pending: PARTITIONS,
    });
    expect(app.eventsOf(AnnouncementAccepted.type)).to.have.length(1);
    expect(app.commands).to.have.length(8);
    expect(await app.batches()).to.deep.equal([]);
  });

  it("brings it to who matches and is known since before, in batches of 1,000, and counts them", async () => {
    const app = stage.anApp();
    const matching = usersOf(PARTITION, 2_300, "a");
    known(app, ...matching, ...usersOf(PARTITION, 5, "b"));
    const command = aCommand(app);
    await announceToAudience(app.deps)(command);
    app.users.set("a-later", Date.now() + 60_000);
    await app.workAllSlots();
    expect((await app.batches()).map(({ recipients }) => recipients.length)).to.deep.equal([1_000, 1_000, 300]);
    expect(recipientsOf(await app.batches())).to.deep.equal(matching);
    expect(published(app)).to.deep.equal(matching);
    expect(app.events.at(-1)).to.deep.include({ type: AnnouncementDistributed.type });
    expect(await app.find(command.payload.announcementId)).to.have.property("state", "distributed");
  });

  it("keeps the times in a filter as they were when it was accepted", async () => {
    const app = stage.anApp();
    const filter: AudienceFilter = { field: "created_at", gt: "now-7d" };
    const command = aCommand(app, { audience: { kind: "filter", filter, segmentId: null } });
    await announceToAudience(app.deps)(command);
    const header = await app.find(command.payload.announcementId);
    const week = 7 * 86_400_000;
    expect(header?.audience).to.deep.equal({
      kind: "filter",
      segmentId: null,
      filter: { field: "created_at", gt: (header?.at ?? 0) - week },
    });
  });

  it("starts once when its command comes again, whatever step its first worker died at", async () => {
    for (const lastStep of [0, 1, 4]) {
      const app = stage.anApp();
      known(app, "a-1");
      const command = aCommand(app);
      // Of its publishes (accepted, then eight wakes) it lives to make so many.
      let made = 0;
      const lives = (): boolean => (made += 1) <= lastStep;
      const broker: typeof app.deps.broker = {
        ...app.deps.broker,
        emit: (event, of, payload, options) =>
          lives() ? app.deps.broker.emit(event, of, payload, options) : Promise.reject(new Error("killed")),
        send: (sent, of, payload, options) =>
          lives() ? app.deps.broker.send(sent, of, payload, options) : Promise.reject(new Error("killed")),
      };
      await announceToAudience({ ...app.deps, broker })(command).catch(() => undefined);
      expect(await announceToAudience(app.deps)(command)).to.have.nested.property("reply.outcome", "accepted");
      await app.workAllSlots();
      expect(recipientsOf(await app.batches())).to.deep.equal(["a-1"]);
      expect(await app.find(command.payload.announcementId)).to.have.property("state", "distributed");
      expect(await announceToAudience(app.deps)(command)).to.have.nested.property("reply.outcome", "accepted");
    }
  });

  it("goes on where its first worker died between header and start", async () => {
    const app = stage.anApp();
    known(app, "a-1");
    const command = aCommand(app);
    const dying = { ...app.deps.announcements, move: () => Promise.reject(new Error("killed")) };
    await announceToAudience({ ...app.deps, announcements: dying })(command).catch(() => undefined);
    await announceToAudience(app.deps)(command);
    await app.workAllSlots();
    expect(recipientsOf(await app.batches())).to.deep.equal(["a-1"]);
  });

  it("refuses another command under the same id", async () => {
    const app = stage.anApp();
    const command = aCommand(app);
    await announceToAudience(app.deps)(command);
    const other = aCommand(app, { announcementId: command.payload.announcementId });
    expect(await announceToAudience(app.deps)(other)).to.have.nested.property("reply.outcome", "in-use");
  });

  describe("a worker that finds what a dead one stored", () => {
    it("takes it as it is, says so, and goes on behind its last recipient: nobody is in two batches", async () => {
      const app = stage.anApp();
      const all = usersOf(PARTITION, 1_500, "a");
      // Since the dead one's try the first user has gone, and its batch reached further than ours would.
      known(app, ...all.slice(1));
      const command = aCommand(app);
      const { announcementId } = command.payload;
      await announceToAudience(app.deps)(command);
      const header = await app.find(announcementId);
      await app.deps.batches.insertNew([
        {
          _id: batchId(app.app, announcementId, PARTITION, 0),
          app: app.app,
          partition: PARTITION,
          at: header?.at ?? 0,
          recipients: [...all.slice(0, 700), ...all.slice(900, 1_200)],
        },
      ]);
      await app.workAllSlots();
      const batches = await app.batches();
      expect(batches.map(({ recipients }) => recipients.length)).to.deep.equal([1_000, 300]);
      expect(batches[1]?.recipients).to.deep.equal(all.slice(1_200));
      expect(published(app)).to.deep.equal(recipientsOf(batches));
      expect(await app.progress(announcementId)).to.deep.equal({ sent: 1_300, unknown: 0, pending: 0 });
    });

    it("drops what it had read behind it", async () => {
      const app = stage.anApp();
      const all = usersOf(PARTITION, 3_000, "a");
      known(app, ...all);
      const command = aCommand(app);
      const { announcementId } = command.payload;
      await announceToAudience(app.deps)(command);
      const at = (await app.find(announcementId))?.at ?? 0;
      // Short ones: ours would be [1000, 1000, 1000], and their seconds would overlap.
      const stored = [all.slice(0, 10), all.slice(10, 1_005)].map((recipients, n) => ({
        _id: batchId(app.app, announcementId, PARTITION, n),
        app: app.app,
        partition: PARTITION,
        at,
        recipients,
      }));
      await app.deps.batches.insertNew(stored);
      await app.workAllSlots();
      expect(recipientsOf(await app.batches())).to.deep.equal(all);
      expect(await app.progress(announcementId)).to.deep.equal({ sent: 3_000, unknown: 0, pending: 0 });
    });

    it("repeats a step whose events were not all confirmed", async () => {
      const app = stage.anApp();
      known(app, ...usersOf(PARTITION, 1_200, "a"));
      const command = aCommand(app);
      await announceToAudience(app.deps)(command);
      app.failNext(new Error("killed"));
      await app.work().catch(() => undefined);
      await app.workAllSlots();
      expect(new Set(published(app)).size).to.equal(1_200);
      expect(await app.progress(command.payload.announcementId)).to.deep.equal({ sent: 1_200, unknown: 0, pending: 0 });
    });
  });

  describe("to everyone", () => {
    it("is in every inbox when it is accepted, of who was known by then, once", async () => {
      const app = stage.anApp();
      known(app, "ann");
      const command = aCommand(app, everyone);
      await announceToAudience(app.deps)(command);
      const { announcementId } = command.payload;
      const at = (await app.find(announcementId))?.at ?? 0;
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([announcementId]);
      expect(await inboxOf(app, "just in time", at)).to.deep.equal([announcementId]);
      expect(await inboxOf(app, "too late", at + 1)).to.deep.equal([]);
      expect(await inboxOf(app, "ann")).to.deep.equal([]);
      await app.workAllSlots();
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([announcementId]);
      expect(await app.batches()).to.have.length(PARTITIONS);
    });

    it("is told of once it is in every inbox, and again to who asks again, so that nobody who keeps a count misses it", async () => {
      const app = stage.anApp();
      const command = aCommand(app, everyone);
      const { announcementId } = command.payload;
      const dying = { ...app.deps.batches, insertNew: () => Promise.reject(new Error("killed")) };
      await announceToAudience({ ...app.deps, batches: dying })(command).catch(() => undefined);
      expect(app.eventsOf(AnnouncementOpened.type)).to.deep.equal([]);
      const header = await app.find(announcementId);
      if (!header) throw new Error("it was accepted");
      await attendDue(app.deps, header, { holder: "h", leaseMs: 1_000 });
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([announcementId]);
      expect(app.eventsOf(AnnouncementOpened.type)).to.have.lengthOf(1);
      await announceToAudience(app.deps)(command);
      expect(app.eventsOf(AnnouncementOpened.type).at(-1)?.payload).to.deep.include({ announcementId });
      expect(app.eventsOf(AnnouncementOpened.type)).to.have.lengthOf(2);
    });

    it("cannot be canceled once it is in every inbox, but recalled", async () => {
      const app = stage.anApp();
      known(app, "ann");
      const command = aCommand(app, everyone);
      const { announcementId } = command.payload;
      await announceToAudience(app.deps)(command);
      const canceled = await cancelAnnouncement(app.deps)(aDelivery({ announcementId }, { app: app.app }));
      expect(canceled).to.have.nested.property("reply.outcome", "wrong-state");
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([announcementId]);
      const recalled = await recallAnnouncement(app.deps)(aDelivery({ announcementId }, { app: app.app }));
      expect(recalled).to.have.nested.property("reply.outcome", "done");
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([]);
      const asked = { userId: "ann", after: null, since: null, knownSince: 1, limit: 10 };
      const keys = await listInboxKeys(app.deps)(aDelivery(asked, { app: app.app }));
      expect(keys).to.deep.include({ reply: { keys: [], ended: [announcementId] } });
    });

    it("is written down behind that: counts, listings and events are of those who had it", async () => {
      const app = stage.anApp();
      const all = [...usersOf(PARTITION, 1_100), "ann", "bob"];
      known(app, ...all);
      const command = aCommand(app, everyone);
      const { announcementId } = command.payload;
      await announceToAudience(app.deps)(command);
      app.users.set("late", Date.now() + 1_000);
      expect(await membersOf(app, announcementId, "ann", "late", "nobody")).to.deep.equal(["ann"]);
      await app.workAllSlots();
      expect(recipientsOf(await app.rosters()).toSorted()).to.deep.equal(all.toSorted());
      expect(published(app).toSorted()).to.deep.equal(all.toSorted());
      expect(await app.progress(announcementId)).to.deep.equal({ sent: 1_102, unknown: 0, pending: 0 });
      expect(await membersOf(app, announcementId, "ann", "late", "nobody")).to.deep.equal(["ann"]);
      expect((await listed(app, announcementId, 5_000))?.toSorted()).to.deep.equal(all.toSorted());
      const first = (await listed(app, announcementId, 500)) ?? [];
      const rest = (await listed(app, announcementId, 5_000, first.at(-1))) ?? [];
      expect([...first, ...rest]).to.deep.equal(await listed(app, announcementId, 5_000));
    });

    it("gets into the inboxes though its worker died before it put it there", async () => {
      const app = stage.anApp();
      known(app, "ann");
      const command = aCommand(app, everyone);
      const dying = { ...app.deps.batches, insertNew: () => Promise.reject(new Error("killed")) };
      await announceToAudience({ ...app.deps, batches: dying })(command).catch(() => undefined);
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([]);
      await app.workAllSlots();
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([command.payload.announcementId]);
      expect(await app.find(command.payload.announcementId)).to.have.property("state", "distributed");
    });

    it("is in ordinary batches where each gets it at another moment", async () => {
      const app = stage.anApp();
      known(app, "ann", "bob");
      const command = aCommand(app, { ...everyone, throttlePerMinute: 60_000 });
      await announceToAudience(app.deps)(command);
      expect(await inboxOf(app, "ann", 1)).to.deep.equal([]);
      expect(await app.batches()).to.deep.equal([]);
    });

    it("is found in an inbox through the index alone, beside what has her name on it", async () => {
      const app = stage.anApp();
      const partition = partitionOf("ann");
      const own = { app: app.app, partition, at: { $lte: Date.now() } };
      const filter = {
        $or: [
          { ...own, recipients: "ann" },
          { ...own, recipients: "", cutoff: { $gte: 1 } },
        ],
      };
      const plan = await stage.mongo.db
        .collection("batches")
        .find(filter)
        .sort({ at: -1, _id: 1 })
        .limit(20)
        .explain("queryPlanner");
      expect(JSON.stringify(plan["queryPlanner"].winningPlan)).to.include("SORT_MERGE").and.not.include("COLLSCAN");
    });
  });
});
