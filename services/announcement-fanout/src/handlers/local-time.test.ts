import { randomUUID } from "node:crypto";
import { AnnouncementDistributed, BatchStored, compareUserIds } from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { usersOf } from "../../test/crowd.ts";
import { openStage, PARTITION, type Stage } from "../../test/stage.ts";
import type { Header } from "../domain/header.ts";
import { attendDue } from "./attend-due.ts";
import { cancelAnnouncement, pauseAnnouncement, resumeAnnouncement } from "./change-state.ts";
import { moveToRosters } from "./move-to-rosters.ts";
import { progressOf } from "./progress.ts";
import { listRecipients } from "./recipient-queries.ts";
import { sweep } from "./sweep.ts";

const HOUR_MS = 3_600_000;
const LEASE_MS = 1_000;
/** Zones without summer time, and how far their clocks are ahead. */
const ZONES = { "Etc/GMT-9": 9, "Etc/GMT-1": 1, "Etc/GMT+8": -8 } as const;
const [ANN = "", BOB = "", CID = "", DAN = ""] = usersOf(PARTITION, 4);
const [EVE = ""] = usersOf(PARTITION + 1, 1);
/** In one partition, where all that can happen to a worker is tried. */
const NAMED = [[ANN, BOB, CID, DAN].toSorted(compareUserIds)];
const TO_NAMED = { audience: { kind: "recipients" as const }, chunks: [{ partition: PARTITION, count: 1 }] };
const EVERYBODY = [ANN, BOB, CID, DAN, EVE];

/** The local time that it is now where clocks are so many hours ahead. */
const nowAt = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString().slice(0, 19);
const sortedIds = (...userIds: string[]) => userIds.toSorted(compareUserIds);

describe("an announcement by local time", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("local-time");
  });
  after(() => stage[Symbol.asyncDispose]());

  /**
   * To everyone: Ann is nine hours ahead, Bob and Eve one, Cid eight behind, and of Dan nothing is known but the fallback,
   * which is one. It is, or was, the time for those who are `due` hours ahead or more.
   */
  async function set(due: number, fields: Partial<Header> = {}, chunks: readonly string[][] = [[]]) {
    const app = stage.anApp();
    const { deps } = app;
    EVERYBODY.forEach((userId) => app.users.set(userId, 1));
    for (const [userId, zone] of [
      [ANN, "Etc/GMT-9"],
      [BOB, "Etc/GMT-1"],
      [EVE, "Etc/GMT-1"],
      [CID, "Etc/GMT+8"],
      [DAN, "no zone at all"],
    ] as const) {
      app.timeZones.set(userId, zone);
    }
    const announcementId = await app.announced(chunks, {
      at: Date.now(),
      audience: { kind: "everyone" },
      chunks: null,
      schedule: { localTime: nowAt(due), fallbackTimeZone: "Etc/GMT-1" },
      startsAt: Date.now(),
      ...fields,
    });
    const key = `${app.app}/${announcementId}`;
    const headers = stage.mongo.db.collection<{ _id: string }>("announcements");
    const header = async () => {
      const found = await app.find(announcementId);
      if (!found) throw new Error("it is gone");
      return found;
    };
    let passedMs = 0;
    const one = {
      ...app,
      announcementId,
      header,
      setHeader: (change: object) => headers.updateOne({ _id: key }, { $set: change }),
      async attend(withDeps = deps) {
        const holder = randomUUID();
        await headers.updateOne({ _id: key }, { $set: { holder, dueAt: Date.now() + LEASE_MS } });
        await attendDue(withDeps, await header(), { holder, leaseMs: LEASE_MS, now: Date.now() + passedMs });
      },
      /** Everything that can be done now. */
      async run() {
        for (let round = 0; round < 3; round += 1) {
          await (chunks === NAMED ? app.work() : app.workAllSlots());
          await one.attend();
        }
      },
      /** As if it were the time now for those so many hours ahead, too. */
      timeComes: (hours: number) => {
        passedMs = (due - hours) * HOUR_MS;
      },
      asked: () => aDelivery({ announcementId }, { app: app.app }),
      written: async () => (await app.batches()).flatMap(({ recipients }) => recipients).toSorted(compareUserIds),
      told: () =>
        app.eventsOf(BatchStored.type).flatMap(({ payload }) => BatchStored.payload.parse(payload).recipients),
      counts: async () => (await progressOf(deps, await header())).counts,
    };
    return one;
  }

  it("is brought when it is that time where each is; where it was already, or nothing is known, at once or by the fallback", async () => {
    const one = await set(ZONES["Etc/GMT-1"]);
    await one.run();
    expect(await one.written()).to.deep.equal(sortedIds(ANN, BOB, DAN, EVE));
    expect(await one.header()).to.deep.include({ state: "distributing" });
    const next = Date.parse(`${nowAt(ZONES["Etc/GMT-1"])}Z`) - ZONES["Etc/GMT+8"] * HOUR_MS;
    expect((await one.header()).dueAt).to.be.within(next - 60_000, next + 60_000);
    expect(one.eventsOf(AnnouncementDistributed.type)).to.deep.equal([]);
  });

  it("comes to each once, in order of the moments, and is distributed when all have it", async () => {
    const one = await set(5);
    await one.run();
    expect(await one.written()).to.deep.equal([ANN]);
    // Who moves meanwhile stays where she was settled.
    one.timeZones.set(ANN, "Etc/GMT+8").set(CID, "Etc/GMT-9");
    const all = sortedIds(...EVERYBODY);
    for (const hours of [0, -9]) {
      one.timeComes(hours);
      await one.run();
    }
    expect(await one.written()).to.deep.equal(all);
    expect(one.told().toSorted(compareUserIds)).to.deep.equal(all);
    expect(one.told()[0]).to.equal(ANN);
    expect(one.told().at(-1)).to.equal(CID);
    expect(await one.header()).to.deep.include({ state: "distributed" });
    expect(one.eventsOf(AnnouncementDistributed.type)).to.have.length(1);
    expect(await one.counts()).to.deep.equal({ recipients: 5, unknown: 0, sent: 5 });
  });

  it("is listed in order, in inboxes and rosters alike", async () => {
    const one = await set(-9);
    await one.run();
    const { app, announcementId, deps } = one;
    const list = async () => {
      const answer = await listRecipients(deps)(aDelivery({ announcementId, after: null, limit: 100 }, { app }));
      return answer.kind === "reply" ? answer.reply.userIds : null;
    };
    const expected = [...sortedIds(ANN, BOB, CID, DAN), EVE];
    expect(await list()).to.deep.equal(expected);
    await moveToRosters(deps, app, announcementId);
    expect(await list()).to.deep.equal(expected);
  });

  it("settles also those who were named, and counts who does not exist", async () => {
    const chunks = [sortedIds(ANN, CID), ["nobody"]];
    const one = await set(
      5,
      { audience: { kind: "recipients" }, chunks: [{ partition: PARTITION, count: 2 }] },
      chunks,
    );
    await one.run();
    expect(await one.written()).to.deep.equal([ANN]);
    one.timeComes(-9);
    await one.run();
    expect(await one.written()).to.deep.equal(sortedIds(ANN, CID));
    expect(await one.counts()).to.include({ unknown: 1, sent: 2 });
  });

  it("loses and doubles nobody, whichever write or event its worker is killed before or after, though users move", async () => {
    for (const isDone of [false, true]) {
      for (let killedAt = 1; ; killedAt += 1) {
        const one = await set(-9, TO_NAMED, NAMED);
        let steps = 0;
        const dying =
          <A extends unknown[], R>(step: (...args: A) => Promise<R>) =>
          async (...args: A): Promise<R> => {
            steps += 1;
            if (steps === killedAt) {
              if (isDone) await step(...args);
              throw new Error("killed");
            }
            return step(...args);
          };
        const { batches, sorted, partitions, announcements } = one.deps;
        const unharmed = { batches, sorted, partitions, announcements };
        Object.assign(one.deps, {
          batches: {
            ...batches,
            insertInOrder: dying((rows: Parameters<typeof batches.insertInOrder>[0]) => batches.insertInOrder(rows)),
          },
          sorted: {
            ...sorted,
            insertNew: dying((...args: Parameters<typeof sorted.insertNew>) => sorted.insertNew(...args)),
          },
          partitions: {
            ...partitions,
            addMoments: dying((...args: Parameters<typeof partitions.addMoments>) => partitions.addMoments(...args)),
            advance: dying((...args: Parameters<typeof partitions.advance>) => partitions.advance(...args)),
            insertSlices: dying((...args: Parameters<typeof partitions.insertSlices>) =>
              partitions.insertSlices(...args),
            ),
          },
          announcements: {
            ...announcements,
            setMoments: dying((...args: Parameters<typeof announcements.setMoments>) =>
              announcements.setMoments(...args),
            ),
          },
        });
        const death = await one.run().catch((error: unknown) => error);
        Object.assign(one.deps, unharmed);
        EVERYBODY.forEach((userId) => one.timeZones.set(userId, "Etc/GMT-9"));
        await sweep(one.deps);
        await one.run();
        expect(await one.written()).to.deep.equal(NAMED[0]);
        expect((await one.counts()).sent).to.equal(4);
        expect((await one.header()).state).to.equal("distributed");
        if (!(death instanceof Error)) break;
      }
    }
  }).timeout(60_000);

  it("stands still while it is paused, and goes on when it is resumed with whose time has come meanwhile", async () => {
    const one = await set(5);
    await one.run();
    await pauseAnnouncement(one.deps)(one.asked());
    one.timeComes(-9);
    await one.run();
    expect(await one.written()).to.deep.equal([ANN]);
    await resumeAnnouncement(one.deps)(one.asked());
    await one.run();
    expect(await one.written()).to.deep.equal(sortedIds(...EVERYBODY));
  });

  it("comes to nobody else once it is canceled", async () => {
    const one = await set(5);
    await one.run();
    await cancelAnnouncement(one.deps)(one.asked());
    one.timeComes(-9);
    await one.run();
    expect(await one.written()).to.deep.equal([ANN]);
    expect(await one.counts()).to.include({ sent: 1 });
    expect(await one.header()).to.deep.include({ state: "canceled" });
  });

  it("keeps to a throttle in each of its slices, and to their order", async () => {
    const one = await set(-9, { throttlePerMinute: 60 });
    await one.workAllSlots();
    await one.attend();
    const order: number[] = [];
    for (let round = 0; round < 12 && (await one.header()).state === "distributing"; round += 1) {
      order.push((await one.written()).length);
      await one.attend();
      await one.setHeader({ nextBatchAt: null });
      await one.attend();
    }
    expect(one.told()[0]).to.equal(ANN);
    expect(one.told().at(-1)).to.equal(CID);
    expect(one.told().toSorted(compareUserIds)).to.deep.equal(sortedIds(...EVERYBODY));
    expect((await one.batches()).every(({ recipients }) => recipients.length === 1)).to.equal(true);
  });

  it("removes who was settled when, an hour after its end", async () => {
    const one = await set(-9);
    await one.run();
    const left = () =>
      stage.mongo.db
        .collection<{ _id: string }>("sorted_recipients")
        .countDocuments({ _id: { $regex: `^${one.app}` } });
    expect(await left()).to.equal(5);
    await one.setHeader({ stateAt: Date.now() - HOUR_MS });
    await one.attend();
    await one.attend();
    expect(await left()).to.equal(0);
  });

  it("whatever the zones, and whoever moves when: each has it once", async () => {
    const zone = fc.constantFrom("Etc/GMT-9", "Etc/GMT-1", "Etc/GMT+8", "Asia/Kathmandu", "nowhere");
    const steps = fc.array(
      fc.record({ hours: fc.integer({ min: -12, max: 12 }), zones: fc.array(zone, { minLength: 5, maxLength: 5 }) }),
      {
        maxLength: 3,
      },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (moves) => {
        const one = await set(14, TO_NAMED, NAMED);
        for (const { hours, zones } of moves) {
          EVERYBODY.forEach((userId, index) => one.timeZones.set(userId, zones[index] ?? ""));
          one.timeComes(hours);
          await one.run();
        }
        one.timeComes(-14);
        await one.run();
        await one.run();
        expect(await one.written()).to.deep.equal(NAMED[0]);
        expect((await one.header()).state).to.equal("distributed");
      }),
      { numRuns: 8 },
    );
  }).timeout(60_000);
});
