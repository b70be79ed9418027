import { randomUUID } from "node:crypto";
import {
  AnnouncementDistributed,
  AnnouncementExpired,
  AnnouncementOpened,
  BatchStored,
  FanOut,
  partitionOf,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { openStage, type Stage } from "../../test/stage.ts";
import { paceOf } from "../domain/throttle.ts";
import { attendDue } from "./attend-due.ts";
import { listInbox } from "./queries.ts";
import { sweep } from "./sweep.ts";

/** Somebody of the partition that announcements are staged in. */
const userOf = Array.from({ length: 1_000 }, (_, n) => `u${n}`).find((userId) => partitionOf(userId) === 5) ?? "";
const LEASE_MS = 1_000;
const HOUR_MS = 3_600_000;

describe("what is due about announcements", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("attend-due");
  });
  after(() => stage[Symbol.asyncDispose]());

  /** Attends to one as the worker that claimed it does. */
  async function attend(app: ReturnType<Stage["anApp"]>, announcementId: string, deps = app.deps) {
    const holder = randomUUID();
    await setHeader(app, announcementId, { holder, dueAt: Date.now() + LEASE_MS });
    const header = await app.find(announcementId);
    if (header) await attendDue(deps, header, { holder, leaseMs: LEASE_MS });
  }
  const setHeader = (app: ReturnType<Stage["anApp"]>, announcementId: string, fields: object) =>
    stage.mongo.db
      .collection<{ _id: string }>("announcements")
      .updateOne({ _id: `${app.app}/${announcementId}` }, { $set: fields });
  /** As if the pause were over. */
  const timePasses = (app: ReturnType<Stage["anApp"]>, announcementId: string) =>
    setHeader(app, announcementId, { nextBatchAt: Date.now() });

  describe("a scheduled start", () => {
    it("waits for its moment, then starts, once however often it is attended to", async () => {
      const app = stage.anApp();
      const startsAt = Date.now() + HOUR_MS;
      const id = await app.announced([["a"]], { state: "scheduled", startsAt });
      await attend(app, id);
      expect(await app.find(id)).to.deep.include({ state: "scheduled", dueAt: startsAt });

      await setHeader(app, id, { startsAt: Date.now() });
      await attend(app, id);
      expect(app.commands.map(({ type }) => type)).to.deep.equal([FanOut.type]);
      await attend(app, id);
      await app.work();
      await app.work();
      expect(await app.find(id)).to.deep.include({ state: "distributed" });
      expect(await app.batches()).to.have.length(1);
    });

    it("tells of what is for everyone once it is in every inbox, though its worker died before", async () => {
      const app = stage.anApp();
      const forEveryone = { audience: { kind: "everyone" as const }, chunks: null, startsAt: Date.now() };
      const id = await app.announced([["a"]], { state: "scheduled", ...forEveryone });
      const dying = { ...app.deps.batches, insertNew: () => Promise.reject(new Error("killed")) };
      await attend(app, id, { ...app.deps, batches: dying }).catch(() => undefined);
      expect(await app.find(id)).to.deep.include({ state: "distributing" });
      expect(app.eventsOf(AnnouncementOpened.type)).to.have.length(0);
      await attend(app, id);
      expect(await app.batches()).to.have.length(64);
      expect(app.eventsOf(AnnouncementOpened.type)).to.have.length(1);
    });

    it("starts though a worker died between its rows and its state, or before its wake", async () => {
      const app = stage.anApp();
      const id = await app.announced([["a"]], { state: "scheduled", startsAt: Date.now() });
      const dying = { ...app.deps.announcements, move: () => Promise.reject(new Error("killed")) };
      await attend(app, id, { ...app.deps, announcements: dying }).catch(() => undefined);
      await app.work();
      expect(await app.batches()).to.deep.equal([]);
      app.failNext(new Error("killed"));
      await attend(app, id).catch(() => undefined);
      await sweep(app.deps);
      await app.work();
      expect(await app.find(id)).to.deep.include({ state: "distributed" });
    });

    it("does not start what was put off while it was being started", async () => {
      const app = stage.anApp();
      const id = await app.announced([["a"]], { state: "scheduled", startsAt: Date.now() });
      const header = await app.find(id);
      await setHeader(app, id, { startsAt: Date.now() + HOUR_MS, version: 2 });
      if (header) await attendDue(app.deps, header, { holder: "late", leaseMs: LEASE_MS });
      expect(await app.find(id)).to.deep.include({ state: "scheduled" });
    });
  });

  describe("a throttled announcement", () => {
    const USERS = ["a", "b", "c", "nobody", "e"];
    const throttled = { throttlePerMinute: 120 } as const;

    it("brings one small batch after each pause, in order, across chunks, until everybody has it", async () => {
      const app = stage.anApp();
      const id = await app.announced([USERS, ["f"]], throttled);
      for (let steps = 0; (await app.find(id))?.state !== "distributed" && steps < 20; steps += 1) {
        await timePasses(app, id);
        await attend(app, id);
      }
      expect((await app.batches()).map(({ recipients }) => recipients)).to.deep.equal([
        ["a", "b"],
        ["c"],
        ["e"],
        ["f"],
      ]);
      expect(await app.progress(id)).to.deep.equal({ sent: 5, unknown: 1, pending: 0 });
      expect(app.eventsOf(AnnouncementDistributed.type)).to.have.length(1);
    });

    it("brings nothing before the pause is over, whoever asks, also after pause and resume", async () => {
      const app = stage.anApp();
      const id = await app.announced([USERS], throttled);
      await attend(app, id);
      const { deps } = app;
      await deps.announcements.move(`${app.app}/${id}`, ["distributing"], "paused");
      await deps.announcements.move(`${app.app}/${id}`, ["paused"], "distributing");
      await Promise.all(Array.from({ length: 8 }, () => attend(app, id)));
      expect(await app.batches()).to.have.length(1);
    });

    it("is written by one of many workers that attend to it at the same moment", async () => {
      const app = stage.anApp();
      const id = await app.announced([USERS], throttled);
      await Promise.all(Array.from({ length: 8 }, () => attend(app, id)));
      expect(await app.batches()).to.have.length(1);
      expect(app.eventsOf(BatchStored.type)).to.have.length(1);
    });

    it("repeats the very batch of a worker that was killed, no sooner than a pause later", async () => {
      const app = stage.anApp();
      const id = await app.announced([USERS], throttled);
      app.failNext(new Error("killed"));
      const before = Date.now();
      await attend(app, id).catch(() => undefined);
      await attend(app, id);
      expect(await app.batches()).to.have.length(1);
      const reserved = (await app.find(id))?.nextBatchAt ?? 0;
      expect(reserved).to.be.at.least(before + paceOf(throttled.throttlePerMinute).pauseMs);
      await timePasses(app, id);
      await attend(app, id);
      expect((await app.batches()).map(({ recipients }) => recipients)).to.deep.equal([["a", "b"]]);
      expect(app.eventsOf(BatchStored.type)).to.have.length(1);
      expect((await app.progress(id)).sent).to.equal(2);
    });

    it("is ended at once where it is canceled, without another batch, and is in no slot's way", async () => {
      const app = stage.anApp();
      const id = await app.announced([USERS], throttled);
      await attend(app, id);
      const other = await app.announced([["z"]]);
      await app.work();
      expect((await app.find(other))?.state).to.equal("distributed");
      await app.deps.announcements.move(`${app.app}/${id}`, ["distributing"], "canceled");
      await attend(app, id);
      expect(await app.progress(id)).to.deep.equal({ sent: 2, unknown: 0, pending: 0 });
    });
  });

  describe("an announcement that expires", () => {
    it("is not in the inbox from that very moment, before anybody has attended to it, and ends once, told however often", async () => {
      const app = stage.anApp();
      const expiresAt = Date.now() - 1;
      const id = await app.announced([[userOf], ["b"]], { expiresAt, hidesFrom: expiresAt });
      await app.work();
      const inbox = async (userId: string) => {
        const answer = await listInbox(app.deps)(aDelivery({ userId, limit: 20, after: null }, { app: app.app }));
        return answer.kind === "reply" ? [answer.reply.total, answer.reply.entries?.length] : [];
      };
      expect(await inbox(userOf)).to.deep.equal([0, 0]);
      await attend(app, id);
      expect(await app.find(id)).to.deep.include({ state: "expired" });
      app.failNext(new Error("killed"));
      await attend(app, id).catch(() => undefined);
      await attend(app, id);
      expect(app.eventsOf(AnnouncementExpired.type)).to.have.length(1);
      expect(await app.progress(id)).to.deep.include({ sent: 2 });
    });

    for (const state of ["paused", "canceled"] as const) {
      it(`is not in the inbox from that very moment where it is ${state}, either`, async () => {
        const app = stage.anApp();
        const expiresAt = Date.now() + HOUR_MS;
        const id = await app.announced([[userOf]], { expiresAt, hidesFrom: expiresAt });
        await app.work();
        await app.deps.announcements.move(`${app.app}/${id}`, ["distributing", "distributed"], state);
        const total = async () => {
          const answer = await listInbox(app.deps)(
            aDelivery({ userId: userOf, limit: 20, after: null }, { app: app.app }),
          );
          return answer.kind === "reply" ? answer.reply.total : null;
        };
        expect(await total()).to.equal(1);
        await setHeader(app, id, { expiresAt: Date.now() - 1, hidesFrom: Date.now() - 1 });
        expect(await total()).to.equal(0);
      });
    }

    it("waits for its moment after its start, and ends what is still being written", async () => {
      const app = stage.anApp();
      const expiresAt = Date.now() + HOUR_MS;
      const id = await app.announced([["a"]], { state: "distributed", expiresAt, chunks: null });
      await attend(app, id);
      expect(await app.find(id)).to.deep.include({ state: "distributed", dueAt: expiresAt });
      const other = await app.announced([["a"]], { expiresAt: Date.now() - 1 });
      await attend(app, other);
      await app.work();
      expect((await app.batches()).filter(({ _id }) => _id.includes(other))).to.deep.equal([]);
      expect(await app.progress(other)).to.deep.include({ pending: 0 });
    });
  });

  it("removes the recipients as they came in an hour after the end, and not before", async () => {
    const app = stage.anApp();
    const id = await app.announced([["a"]]);
    await app.work();
    await attend(app, id);
    expect(await app.deps.chunks.count(app.app, id)).to.equal(1);
    await setHeader(app, id, { stateAt: Date.now() - HOUR_MS });
    await attend(app, id);
    expect(await app.deps.chunks.count(app.app, id)).to.equal(0);
    expect((await app.find(id))?.dueAt).to.equal(null);
  });
});
