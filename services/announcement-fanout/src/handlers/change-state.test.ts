import {
  AnnouncementCanceled,
  AnnouncementDistributed,
  AnnouncementPaused,
  AnnouncementResumed,
  BatchStored,
  FanOut,
  FanOutUrgently,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import pLimit from "p-limit";
import { openStage, SLOT, type Stage } from "../../test/stage.ts";
import { type Batch, batchId } from "../domain/batch.ts";
import { attendDue } from "./attend-due.ts";
import { cancelAnnouncement, pauseAnnouncement, resumeAnnouncement } from "./change-state.ts";
import { sweep } from "./sweep.ts";

/** Longer than one step takes, so that something is left after it. */
const LONG = ["a", "b", "c", "d", "e", "f", "g"].map((userId) => [userId]);
const STEP = 4;

describe("the states of an announcement", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("change-state");
  });
  after(() => stage[Symbol.asyncDispose]());

  /** An app, and its announcement with the three commands. */
  async function set(fields: Parameters<ReturnType<Stage["anApp"]>["announced"]>[1] = {}, chunks = LONG) {
    const app = stage.anApp();
    const announcementId = await app.announced(chunks, fields);
    const command = { announcementId };
    const asked = () => aDelivery(command, { app: app.app });
    return {
      ...app,
      announcementId,
      asked,
      pause: (delivery = asked()) => pauseAnnouncement(app.deps)(delivery),
      resume: (delivery = asked()) => resumeAnnouncement(app.deps)(delivery),
      cancel: (delivery = asked()) => cancelAnnouncement(app.deps)(delivery),
      state: async () => (await app.find(announcementId))?.state,
    };
  }

  /** Hears what it says after its first step, as if that came from somebody else meanwhile. */
  function meanwhile(deps: Awaited<ReturnType<typeof set>>["deps"], change: () => Promise<unknown>) {
    const { batches } = deps;
    let isFirst = true;
    return {
      ...batches,
      async insertOrAdopt(rows: readonly Batch[]) {
        const stored = await batches.insertOrAdopt(rows);
        if (isFirst) await change();
        isFirst = false;
        return stored;
      },
    };
  }

  it("pause: the step under way is the last, and the resumed one goes on behind it until everybody has it", async () => {
    const one = await set();
    const { deps } = one;
    Object.assign(deps, { batches: meanwhile(deps, () => one.pause()) });
    await one.work();
    expect(await one.state()).to.equal("paused");
    expect(await one.progress(one.announcementId)).to.deep.equal({ sent: STEP, unknown: 0, pending: 1 });
    await one.work();
    expect(await one.batches()).to.have.length(STEP);

    const resumed = await one.resume();
    expect(resumed).to.have.nested.property("reply.outcome", "done");
    expect(one.commands.at(-1)).to.deep.include({ type: FanOut.type, payload: { slot: SLOT } });
    await one.work();
    expect(await one.state()).to.equal("distributed");
    expect((await one.batches()).flatMap(({ recipients }) => recipients)).to.deep.equal(LONG.flat());
    expect(one.eventsOf(AnnouncementDistributed.type)).to.have.length(1);
  });

  it("pause: holds for a step that waited for its turn when it came", async () => {
    const one = await set();
    Object.assign(one.deps, {
      async pace(work: (...given: unknown[]) => Promise<unknown>, ...given: unknown[]) {
        await one.pause();
        return work(...given);
      },
    });
    await one.work();
    expect(await one.batches()).to.deep.equal([]);
  });

  it("takes no more steps at once than a process may, whoever's they are", async () => {
    const apps = [await set(), await set(), await set()];
    const pace = pLimit(1);
    let [under, most] = [0, 0];
    for (const { deps } of apps) {
      const { batches } = deps;
      const counted = async (rows: readonly Batch[]) => {
        most = Math.max(most, (under += 1));
        const stored = await batches.insertOrAdopt(rows);
        under -= 1;
        return stored;
      };
      Object.assign(deps, { pace, batches: { ...batches, insertOrAdopt: counted } });
    }
    await Promise.all(apps.map((one) => one.work()));
    expect(most).to.equal(1);
    expect(await Promise.all(apps.map((one) => one.state()))).to.deep.equal([
      "distributed",
      "distributed",
      "distributed",
    ]);
  });

  it("pause: says how many it reached, and what it was", async () => {
    const one = await set();
    const answer = await one.pause();
    expect(answer).to.have.nested.property("reply.progress.counts.sent", 0);
    expect(answer).to.have.nested.property("reply.progress.announcement.state", "paused");
    const [event] = one.eventsOf(AnnouncementPaused.type);
    expect(event).to.deep.include({ subjectVersion: 2 });
    expect(event?.payload).to.deep.include({ announcementId: one.announcementId, version: 2 });
  });

  it("cancel: the step under way is the last for ever, and is counted", async () => {
    const one = await set();
    Object.assign(one.deps, { batches: meanwhile(one.deps, () => one.cancel()) });
    await one.work();
    expect(await one.state()).to.equal("canceled");
    expect(await one.progress(one.announcementId)).to.deep.equal({ sent: STEP, unknown: 0, pending: 0 });
    await one.work();
    await sweep(one.deps);
    expect(await one.batches()).to.have.length(STEP);
    expect(one.eventsOf(AnnouncementDistributed.type)).to.deep.equal([]);
    expect(one.eventsOf(AnnouncementCanceled.type)).to.have.length(1);
  });

  it("cancel: counts and publishes the batch that a killed worker stored and did not live to count", async () => {
    const one = await set();
    const _id = batchId(one.app, one.announcementId, 5, 0);
    await one.deps.batches.insertNew([{ _id, app: one.app, partition: 5, at: Date.now(), recipients: ["a"] }]);
    await one.cancel();
    await one.work();
    expect(await one.progress(one.announcementId)).to.deep.equal({ sent: 1, unknown: 0, pending: 0 });
    expect(one.eventsOf(BatchStored.type)).to.have.length(1);
  });

  it("cancel: before it starts nothing is ever sent", async () => {
    const one = await set({ state: "scheduled", startsAt: Date.now() - 1 });
    await one.cancel();
    const header = await one.find(one.announcementId);
    if (header) await attendDue(one.deps, { ...header, holder: "h" }, { holder: "h", leaseMs: 1_000 });
    await one.work();
    expect(await one.state()).to.equal("canceled");
    expect(await one.batches()).to.deep.equal([]);
  });

  it("does a redelivered command again: same version, same event, no second change", async () => {
    const one = await set();
    for (const [command, event] of [
      ["pause", AnnouncementPaused],
      ["resume", AnnouncementResumed],
      ["cancel", AnnouncementCanceled],
    ] as const) {
      const delivery = one.asked();
      one.failNext(new Error("killed"));
      await one[command](delivery).catch(() => undefined);
      const answer = await one[command](delivery);
      expect(answer).to.have.nested.property("reply.outcome", "done");
      await one[command](delivery);
      const versions = one.eventsOf(event.type).map(({ subjectVersion }) => subjectVersion);
      expect(new Set(versions).size).to.equal(1);
    }
    expect((await one.find(one.announcementId))?.version).to.equal(4);
  });

  it("publishes what a command changed also when it comes again behind a later change", async () => {
    const one = await set();
    const [paused, resumed] = [one.asked(), one.asked()];
    await one.pause(paused);
    await one.resume(resumed);
    expect(await one.pause(paused)).to.have.nested.property("reply.outcome", "done");
    expect(await one.state()).to.equal("distributing");
    await one.work();
    expect(await one.state()).to.equal("distributed");
    expect(await one.resume(resumed)).to.have.nested.property("reply.outcome", "done");
  });

  it("is done where it is so already, and says nothing again", async () => {
    const one = await set();
    await one.pause();
    expect(await one.pause()).to.have.nested.property("reply.outcome", "done");
    expect(one.eventsOf(AnnouncementPaused.type)).to.have.length(1);
  });

  it("refuses what does not go from a state, and names the state; and says where there is none", async () => {
    const one = await set({ state: "distributed" });
    for (const answer of [await one.pause(), await one.resume(), await one.cancel()]) {
      expect(answer).to.have.nested.property("reply.outcome", "wrong-state");
      expect(answer).to.have.nested.property("reply.progress.announcement.state", "distributed");
    }
    const nothing = aDelivery({ announcementId: crypto.randomUUID() }, { app: one.app });
    expect(await one.pause(nothing)).to.deep.include({ reply: { outcome: "not-found", progress: null } });
  });

  it("a paused one stands in nobody's way in its slot, by the index alone", async () => {
    const one = await set();
    await one.pause();
    const other = await one.announced([["z"]]);
    await one.work();
    expect((await one.find(other))?.state).to.equal("distributed");
    const plan = await stage.mongo.db
      .collection("partitions")
      .find({ app: one.app, slot: SLOT, done: false, held: null })
      .sort({ rank: 1, at: 1, _id: 1 })
      .explain("executionStats");
    expect(JSON.stringify(plan)).to.include('"indexName":"waiting"').and.not.include('"stage":"SORT"');
    expect(plan["executionStats"].totalKeysExamined).to.be.lessThan(2);
  });

  it("goes on though a worker put it aside after it was resumed", async () => {
    const one = await set();
    await one.pause();
    await one.resume();
    await one.deps.partitions.hold(one.app, one.announcementId);
    await one.work();
    expect(await one.batches()).to.deep.equal([]);
    await sweep(one.deps);
    await one.work();
    expect(await one.state()).to.equal("distributed");
  });

  it("takes an urgent one in the middle of a longer one, and wakes its slot in a lane of its own", async () => {
    const one = await set();
    let urgent = "";
    Object.assign(one.deps, {
      batches: meanwhile(one.deps, async () => {
        urgent = await one.announced([["urgent"]], { priority: "urgent", at: Date.now() + 1_000 });
      }),
    });
    await one.work();
    const order = one
      .eventsOf(BatchStored.type)
      .map(({ payload }) => BatchStored.payload.parse(payload).announcementId);
    expect(order.indexOf(urgent)).to.equal(STEP);
    const again = await one.announced([["x"]], { priority: "urgent", state: "paused" });
    await one.deps.partitions.insertNew(one.app, again, { at: 1, isUrgent: true, isThrottled: false }, [5]);
    await resumeAnnouncement(one.deps)(aDelivery({ announcementId: again }, { app: one.app }));
    expect(one.commands.at(-1)?.type).to.equal(FanOutUrgently.type);
  });
});
