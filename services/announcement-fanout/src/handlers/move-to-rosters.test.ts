import { randomUUID } from "node:crypto";
import { AnnouncementRecalled } from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { usersOf } from "../../test/crowd.ts";
import { openStage, PARTITION, type Stage } from "../../test/stage.ts";
import { type Batch, batchesOfEveryone, batchesOfFew, batchId } from "../domain/batch.ts";
import { attendDue } from "./attend-due.ts";
import { recallAnnouncement } from "./change-state.ts";
import { moveToRosters } from "./move-to-rosters.ts";
import { getAnnouncement, listInbox } from "./queries.ts";
import { findRecipients, listRecipients } from "./recipient-queries.ts";

type App = ReturnType<Stage["anApp"]>;

const LEASE_MS = 1_000;
const MINUTE_MS = 60_000;
/** More than one step moves. */
const USERS = usersOf(PARTITION, 20);
const [FIRST = ""] = USERS;

const inboxTotal = async ({ app, deps }: App) => {
  const answer = await listInbox(deps)(aDelivery({ userId: FIRST, limit: 20, after: null }, { app }));
  return answer.kind === "reply" ? answer.reply.total : null;
};

describe("moveToRosters", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("move-to-rosters");
  });
  after(() => stage[Symbol.asyncDispose]());

  const setHeader = (app: App, announcementId: string, fields: object) =>
    stage.mongo.db
      .collection<{ _id: string }>("announcements")
      .updateOne({ _id: `${app.app}/${announcementId}` }, { $set: fields });
  async function attend(app: App, announcementId: string, deps = app.deps) {
    const holder = randomUUID();
    await setHeader(app, announcementId, { holder, dueAt: Date.now() + LEASE_MS });
    const header = await app.find(announcementId);
    if (header) await attendDue(deps, header, { holder, leaseMs: LEASE_MS });
  }
  /** One that everybody of USERS has, each in a batch of her own, and that was recalled. */
  async function recalled(app: App) {
    const announcementId = await app.announced(USERS.map((userId) => [userId]));
    while ((await app.find(announcementId))?.state !== "distributed") await app.work();
    await recallAnnouncement(app.deps)(aDelivery({ announcementId }, { app: app.app }));
    return announcementId;
  }
  /** All that is to be read of who had it. */
  async function readings({ app, deps }: App, announcementId: string) {
    const [listed, found, told] = await Promise.all([
      listRecipients(deps)(aDelivery({ announcementId, after: null, limit: 1_000 }, { app })),
      findRecipients(deps)(aDelivery({ checks: [{ announcementId, userIds: [...USERS, "stranger"] }] }, { app })),
      getAnnouncement(deps)(aDelivery({ announcementId }, { app })),
    ]);
    return {
      listed: listed.kind === "reply" ? listed.reply.userIds : null,
      found: found.kind === "reply" ? found.reply.found[0]?.userIds.toSorted() : null,
      counts: told.kind === "reply" ? told.reply.progress?.counts : null,
    };
  }
  const whole = { listed: USERS, found: USERS, counts: { recipients: USERS.length, unknown: 0, sent: USERS.length } };

  it("takes what was recalled out of the inboxes, and then nobody need pass it over; what is read of it stays", async () => {
    const app = stage.anApp();
    const announcementId = await recalled(app);
    await attend(app, announcementId);
    expect(await app.batches()).to.deep.equal([]);
    expect(await app.rosters()).to.have.length(USERS.length);
    expect(await readings(app, announcementId)).to.deep.equal(whole);
    // A slow worker may still add to it, for a minute.
    const late = { app: app.app, partition: PARTITION, at: Date.now(), recipients: [FIRST] };
    await app.deps.batches.insertNew([{ ...late, _id: batchId(app.app, announcementId, PARTITION, 999) }]);
    expect(await app.deps.announcements.hidden(app.app)).to.have.length(1);
    expect(await inboxTotal(app)).to.equal(0);
    expect((await app.find(announcementId))?.dueAt).to.be.greaterThan(Date.now());

    await setHeader(app, announcementId, { stateAt: Date.now() - MINUTE_MS });
    await attend(app, announcementId);
    expect(await app.batches()).to.deep.equal([]);
    expect(await app.deps.announcements.hidden(app.app)).to.deep.equal([]);
    expect(await app.find(announcementId)).to.deep.include({ hidesFrom: null, state: "recalled" });
    expect(await inboxTotal(app)).to.equal(0);
    expect(app.eventsOf(AnnouncementRecalled.type)).to.have.length(1);
  });

  it("loses and doubles nothing, whichever write its worker is killed before or after", async () => {
    for (const isWritten of [false, true]) {
      for (let killedAt = 1; ; killedAt += 1) {
        const app = stage.anApp();
        const announcementId = await recalled(app);
        let writes = 0;
        const dying =
          <A extends unknown[]>(write: (...args: A) => Promise<void>) =>
          async (...args: A) => {
            writes += 1;
            const isLast = writes === killedAt;
            if (!isLast || isWritten) await write(...args);
            if (isLast) throw new Error("killed");
          };
        const { batches, rosters, announcements } = app.deps;
        const deps = {
          ...app.deps,
          batches: { ...batches, remove: dying((ids: readonly string[]) => batches.remove(ids)) },
          rosters: { ...rosters, insertNew: dying((rows: readonly Batch[]) => rosters.insertNew(rows)) },
          announcements: {
            ...announcements,
            stopHiding: dying((id: string, version: number) => announcements.stopHiding(id, version)),
          },
        };
        await setHeader(app, announcementId, { stateAt: Date.now() - MINUTE_MS });
        const death = await attend(app, announcementId, deps).catch((error: unknown) => error);
        expect(await readings(app, announcementId)).to.deep.equal(whole);
        expect(await inboxTotal(app)).to.equal(0);
        await attend(app, announcementId);
        expect(await readings(app, announcementId)).to.deep.equal(whole);
        expect(await app.batches()).to.deep.equal([]);
        expect((await app.find(announcementId))?.hidesFrom).to.equal(null);
        if (!(death instanceof Error)) break;
      }
    }
  }).timeout(60_000);

  it("leaves nobody out of a list or a membership that is read while it moves", async () => {
    const app = stage.anApp();
    const announcementId = await recalled(app);
    const { batches, rosters } = app.deps;
    const oneByOne = {
      rosters,
      batches: { ...batches, first: (ofApp: string, id: string) => batches.first(ofApp, id, 1) },
    };
    for (let left = USERS.length; left > 0; left -= 1) {
      const [read] = await Promise.all([
        readings(app, announcementId),
        moveToRosters(oneByOne, app.app, announcementId),
        moveToRosters(oneByOne, app.app, announcementId),
      ]);
      expect(read).to.deep.equal(whole);
    }
    expect(await app.batches()).to.deep.equal([]);
  }).timeout(60_000);

  it("waits for the partitions that are still being ended, whose workers count what is in the inboxes", async () => {
    const app = stage.anApp();
    const announcementId = await app.announced([[FIRST]], { state: "recalled", hidesFrom: 1, stateAt: 1 });
    await app.deps.partitions.insertNew(app.app, announcementId, { at: 1, isUrgent: false, isThrottled: false }, [5]);
    const left = { app: app.app, partition: PARTITION, at: 1, recipients: [FIRST] };
    await app.deps.batches.insertNew([{ ...left, _id: batchId(app.app, announcementId, PARTITION, 0) }]);
    await attend(app, announcementId);
    expect(await app.batches()).to.have.length(1);
    await app.work();
    await attend(app, announcementId);
    expect(await app.batches()).to.deep.equal([]);
    expect(await app.progress(announcementId)).to.deep.equal({ sent: 1, unknown: 0, pending: 0 });
  });

  it("removes what stands for everyone, which has its id in common with the roster's own batch", async () => {
    const app = stage.anApp();
    const announcementId = randomUUID();
    const roster = { _id: batchId(app.app, announcementId, PARTITION, 0), app: app.app, partition: PARTITION, at: 1 };
    await app.deps.batches.insertNew(batchesOfEveryone(app.app, announcementId, 1, 1));
    await moveToRosters(app.deps, app.app, announcementId);
    await app.deps.rosters.insertNew([{ ...roster, recipients: [...USERS] }]);
    while (await moveToRosters(app.deps, app.app, announcementId));
    expect(await app.batches()).to.deep.equal([]);
    expect((await app.rosters()).flatMap(({ recipients }) => recipients)).to.deep.equal(USERS);
  });

  it("counts a short list once, though it is half moved", async () => {
    const app = stage.anApp();
    const announcementId = await app.announced([USERS], {
      state: "expired",
      recipients: [...USERS],
      unknown: [],
      chunks: null,
      recipientCount: USERS.length,
    });
    const rows = batchesOfFew(app.app, announcementId, 1, [...USERS, "elsewhere", "anywhere"]);
    await app.deps.batches.insertNew(rows);
    await app.deps.rosters.insertNew(rows.slice(0, 1));
    expect((await readings(app, announcementId)).counts?.sent).to.equal(USERS.length + 2);
  });
});
