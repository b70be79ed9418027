import { randomUUID } from "node:crypto";
import { type AudienceFilter, BatchStored, compareUserIds, IdentityCreated, UsersKnown } from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { usersOf } from "../../test/crowd.ts";
import { openStage, PARTITION, type Stage } from "../../test/stage.ts";
import type { Header } from "../domain/header.ts";
import { attendDue } from "./attend-due.ts";
import { cancelAnnouncement, pauseAnnouncement, recallAnnouncement, resumeAnnouncement } from "./change-state.ts";
import { noteCreated, noteKnown } from "./note-newcomers.ts";
import { progressOf } from "./progress.ts";
import { listInbox } from "./queries.ts";
import { findRecipients, listRecipients } from "./recipient-queries.ts";
import { layOutPartitions, openInboxes } from "./begin-distribution.ts";

const HOUR_MS = 3_600_000;
const LEASE_MS = 1_000;
const WITH_A: AudienceFilter = { field: "user_id", startsWith: "a" };
const [ANN = "", AMY = "", ADA = "", AVA = ""] = usersOf(PARTITION, 4, "a");
const [BOB = ""] = usersOf(PARTITION, 1, "b");

describe("latecomers", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("latecomers");
  });
  after(() => stage[Symbol.asyncDispose]());

  /** An app whose announcement, to who begins with an "a" or to everyone, is open to newcomers for an hour. */
  async function set({ isForEveryone = false, ...fields }: Partial<Header> & { isForEveryone?: boolean } = {}) {
    const app = stage.anApp();
    const { deps } = app;
    const at = Date.now();
    const announcementId = await app.announced([[]], {
      at,
      audience: isForEveryone ? { kind: "everyone" } : { kind: "filter", filter: WITH_A, segmentId: null },
      chunks: null,
      includeNewUsersUntil: at + HOUR_MS,
      ...fields,
    });
    const header = async () => {
      const found = await app.find(announcementId);
      if (!found) throw new Error("it is gone");
      return found;
    };
    if (isForEveryone) await openInboxes(deps, await header());
    const key = `${app.app}/${announcementId}`;
    const asked = () => aDelivery({ announcementId }, { app: app.app });
    const headers = stage.mongo.db.collection<{ _id: string }>("announcements");
    const one = {
      ...app,
      announcementId,
      header,
      setHeader: (change: object) => headers.updateOne({ _id: key }, { $set: change }),
      /** They are known from now on; nobody has heard of it. */
      join: (...userIds: string[]) => userIds.forEach((userId) => app.users.set(userId, Date.now())),
      hear: (userIds: string[], since = Date.now()) =>
        noteKnown(deps)([aDelivery({ userIds, at: since }, { app: app.app, type: UsersKnown.type })]),
      hearOfIdentity: (userId: string) =>
        noteCreated(deps)([
          aDelivery({ userId, partition: PARTITION, version: 1 }, { app: app.app, type: IdentityCreated.type }),
        ]),
      async attend(deps2 = deps) {
        const holder = randomUUID();
        await headers.updateOne({ _id: key }, { $set: { holder, dueAt: Date.now() + LEASE_MS } });
        await attendDue(deps2, await header(), { holder, leaseMs: LEASE_MS });
      },
      /** Until all rows are done. */
      async distribute() {
        while ((await header()).state === "distributing") await app.workAllSlots();
      },
      pause: () => pauseAnnouncement(deps)(asked()),
      resume: () => resumeAnnouncement(deps)(asked()),
      cancel: () => cancelAnnouncement(deps)(asked()),
      recall: () => recallAnnouncement(deps)(asked()),
      counts: async () => (await progressOf(deps, await header())).counts,
      /** As stored, however often. */
      written: async () =>
        [...(await app.batches()), ...(await app.rosters())]
          .flatMap(({ recipients }) => recipients)
          .filter((userId) => userId !== "")
          .toSorted(compareUserIds),
      told: () =>
        app.eventsOf(BatchStored.type).flatMap(({ payload }) => BatchStored.payload.parse(payload).recipients),
      waiting: () => deps.latecomers.first(app.app, announcementId, 100),
      inbox: async (userId: string) => {
        const knownSince = app.users.get(userId) ?? null;
        const payload = { userId, limit: 20, after: null, knownSince };
        const answer = await listInbox(deps)(aDelivery(payload, { app: app.app }));
        return answer.kind === "reply" ? answer.reply.total : null;
      },
    };
    return one;
  }

  it("gets it once all others have it, if she matches: in her inbox, counted, listed, told of, once", async () => {
    const one = await set();
    one.users.set(ANN, 1);
    await one.distribute();
    one.join(AMY, BOB);
    await one.hear([BOB, AMY]);
    await one.hear([AMY]);
    await one.hearOfIdentity(AMY);
    expect((await one.header()).dueAt).to.be.at.most(Date.now());
    await one.attend();
    await one.hearOfIdentity(AMY);
    await one.attend();
    expect(await one.written()).to.deep.equal([ANN, AMY]);
    expect([...new Set(one.told())]).to.deep.equal([ANN, AMY]);
    expect(await Promise.all([ANN, AMY, BOB].map(one.inbox))).to.deep.equal([1, 1, 0]);
    expect(await one.counts()).to.deep.equal({ recipients: 2, unknown: 0, sent: 2 });
    expect(await one.waiting()).to.deep.equal([]);
    const { app, announcementId } = one;
    const listed = await listRecipients(one.deps)(aDelivery({ announcementId, after: null, limit: 10 }, { app }));
    expect(listed).to.have.deep.nested.property("reply.userIds", [ANN, AMY]);
    const checks = [{ announcementId, userIds: [AMY, BOB] }];
    const found = await findRecipients(one.deps)(aDelivery({ checks }, { app }));
    expect(found).to.have.deep.nested.property("reply.found[0].userIds", [AMY]);
  });

  it("waits while it is distributed, and does not get it twice where that met her", async () => {
    const one = await set();
    one.join(ANN);
    await one.hear([ANN]);
    await one.attend();
    expect(await one.written()).to.deep.equal([]);
    expect(await one.waiting()).to.have.length(1);
    await one.distribute();
    await one.attend();
    expect(await one.written()).to.deep.equal([ANN]);
    expect(one.told()).to.deep.equal([ANN]);
  });

  it("is found by the walk if she comes before its start, when nobody writes her down", async () => {
    const one = await set({ state: "scheduled" });
    one.users.set(ANN, (await one.header()).at + 1);
    await one.hear([ANN]);
    expect(await one.waiting()).to.deep.equal([]);
    await one.setHeader({ state: "distributing" });
    await layOutPartitions(one.deps, await one.header());
    await one.distribute();
    expect(await one.written()).to.deep.equal([ANN]);
  });

  it("is who became known in time, of this app, also where that is heard of later", async () => {
    const one = await set();
    const until = Date.now() - 5;
    await one.setHeader({ includeNewUsersUntil: until });
    await one.distribute();
    one.users.set(ANN, until);
    one.users.set(AMY, until + 1);
    one.users.set(ADA, 1);
    const heard = ([userId, at]: readonly [string, number]) =>
      aDelivery({ userIds: [userId], at }, { app: one.app, type: UsersKnown.type });
    const group = [[ANN, until] as const, [AMY, until + 1] as const, [ADA, until + 1] as const];
    await noteKnown(one.deps)(group.map(heard));
    await one.hearOfIdentity(ADA);
    await noteKnown(one.deps)([aDelivery({ userIds: [AVA], at: until }, { app: stage.anApp().app })]);
    await one.attend();
    expect(await one.written()).to.deep.equal([ANN]);
  });

  it("gets it once, whichever write or event its worker is killed before or after", async () => {
    for (const isDone of [false, true]) {
      for (let killedAt = 1; ; killedAt += 1) {
        const one = await set();
        await one.distribute();
        one.join(ANN, AMY, BOB);
        await one.hear([ANN, AMY, BOB]);
        let steps = 0;
        const dying =
          <A extends unknown[]>(step: (...args: A) => Promise<void>) =>
          async (...args: A) => {
            steps += 1;
            const isLast = steps === killedAt;
            if (!isLast || isDone) await step(...args);
            if (isLast) throw new Error("killed");
          };
        const { batches, latecomers, partitions, broker } = one.deps;
        const death = await one
          .attend({
            ...one.deps,
            batches: { ...batches, insertNew: dying((rows) => batches.insertNew(rows)) },
            latecomers: { ...latecomers, remove: dying((rows) => latecomers.remove(rows)) },
            partitions: { ...partitions, setLatecomers: dying((...row) => partitions.setLatecomers(...row)) },
            broker: {
              ...broker,
              async emit(event, app, payload) {
                await dying(() => broker.emit(event, app, payload))();
              },
            },
          })
          .catch((error: unknown) => error);
        await one.attend();
        expect(await one.written()).to.deep.equal([ANN, AMY]);
        expect([...new Set(one.told())].toSorted(compareUserIds)).to.deep.equal([ANN, AMY]);
        expect((await one.counts()).sent).to.equal(2);
        expect(await one.waiting()).to.deep.equal([]);
        if (!(death instanceof Error)) break;
      }
    }
  }).timeout(60_000);

  it("is heard of again where whoever heard of her died before it was said that something is to be done", async () => {
    const one = await set();
    await one.distribute();
    one.join(ANN);
    const { announcements } = one.deps;
    const dying = { ...announcements, wakeSent: () => Promise.reject(new Error("killed")) };
    const event = aDelivery({ userIds: [ANN], at: Date.now() }, { app: one.app, type: UsersKnown.type });
    await noteKnown({ ...one.deps, announcements: dying })([event]).catch(() => undefined);
    await one.setHeader({ dueAt: null });
    await noteKnown(one.deps)([event]);
    expect((await one.header()).dueAt).to.be.at.most(Date.now());
  });

  it("gets it once from several workers at the same moment", async () => {
    const one = await set();
    await one.distribute();
    one.join(ANN, AMY, ADA);
    await one.hear([ANN, AMY, ADA]);
    await Promise.all(Array.from({ length: 8 }, () => one.attend()));
    expect(await one.written()).to.deep.equal([ANN, AMY, ADA].toSorted(compareUserIds));
    expect((await one.counts()).sent).to.equal(3);
  });

  it("waits while it is paused, also when it was distributed before, and gets it when it is resumed", async () => {
    const one = await set();
    await one.distribute();
    expect(await one.pause()).to.have.nested.property("reply.outcome", "done");
    one.join(ANN);
    await one.hear([ANN]);
    await one.attend();
    expect(await one.written()).to.deep.equal([]);
    await one.resume();
    await one.attend();
    expect((await one.header()).state).to.equal("distributed");
    await one.attend();
    expect(await one.written()).to.deep.equal([ANN]);
  });

  it("gets nothing of what was canceled, recalled or is over before she had it, and is forgotten", async () => {
    for (const end of ["cancel", "recall", "expire"] as const) {
      const one = await set();
      await one.distribute();
      one.join(ANN);
      await one.hear([ANN]);
      if (end === "expire") await one.setHeader({ expiresAt: Date.now() - 1 });
      else expect(await one[end]()).to.have.nested.property("reply.outcome", "done");
      await one.attend();
      await one.attend();
      one.join(AMY);
      await one.hear([AMY], Date.now() + 1);
      await one.attend();
      expect(await one.written()).to.deep.equal([]);
      expect(await one.waiting()).to.deep.equal([]);
    }
  });

  it("cannot be stopped or halted where nobody can come any more", async () => {
    const one = await set({ includeNewUsersUntil: Date.now() - 1 });
    await one.distribute();
    for (const answer of [await one.pause(), await one.cancel()]) {
      expect(answer).to.have.nested.property("reply.outcome", "wrong-state");
    }
  });

  it("keeps to a throttle", async () => {
    const one = await set({ throttlePerMinute: 60 });
    while ((await one.header()).state === "distributing") {
      await one.setHeader({ nextBatchAt: null });
      await one.attend();
    }
    one.join(ANN, AMY);
    await one.hear([ANN, AMY]);
    await one.setHeader({ nextBatchAt: null });
    await one.attend();
    await one.attend();
    expect(await one.written()).to.have.length(1);
    const { nextBatchAt, dueAt } = await one.header();
    expect(dueAt)
      .to.equal(nextBatchAt)
      .and.to.be.greaterThan(Date.now() - 1);
    await one.setHeader({ nextBatchAt: null });
    await one.attend();
    expect(await one.written()).to.have.length(2);
  });

  describe("of what is for everyone", () => {
    it("has it in her inbox as soon as she is known, and is written down, counted and told of behind that", async () => {
      const one = await set({ isForEveryone: true });
      one.users.set(BOB, 1);
      await one.distribute();
      one.join(ANN);
      expect(await one.inbox(ANN)).to.equal(1);
      await one.hear([ANN]);
      await one.attend();
      await one.attend();
      expect(await one.inbox(ANN)).to.equal(1);
      expect(await one.written()).to.deep.equal([ANN, BOB].toSorted(compareUserIds));
      expect(new Set(one.told())).to.deep.equal(new Set([ANN, BOB]));
      expect((await one.counts()).sent).to.equal(2);
    });

    it("has it if she came before it was canceled, and not if she came later", async () => {
      const one = await set({ isForEveryone: true });
      await one.distribute();
      one.join(ANN);
      await one.hear([ANN]);
      expect(await one.cancel()).to.have.nested.property("reply.outcome", "done");
      const until = (await one.header()).includeNewUsersUntil ?? 0;
      one.users.set(AMY, until + 1);
      await one.hear([AMY], until + 1);
      await one.attend();
      expect(await Promise.all([ANN, AMY].map(one.inbox))).to.deep.equal([1, 0]);
      expect(await one.written()).to.deep.equal([ANN]);
    });
  });

  it("is found by an index of what is open, whatever else the app has announced", async () => {
    const one = await set();
    for (let n = 0; n < 20; n += 1) await one.announced([["x"]], { state: "distributed" });
    await one.announced([["x"]], { state: "distributed", includeNewUsersUntil: Date.now() - HOUR_MS });
    const plan = await stage.mongo.db
      .collection("announcements")
      .find({ app: one.app, includeNewUsersUntil: { $gte: Date.now() }, state: { $in: ["distributed"] } })
      .explain("executionStats");
    expect(JSON.stringify(plan)).to.include('"indexName":"open"');
    expect(plan["executionStats"].totalKeysExamined).to.equal(1);
  });

  it("whatever comes in whatever order: who matches and came in time has it, once", async () => {
    const crowd = [...usersOf(PARTITION, 5, "a"), ...usersOf(PARTITION + 1, 3, "a"), ...usersOf(PARTITION, 2, "b")];
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.nat(crowd.length - 1).map((index) => ({ kind: "join" as const, index })) },
      { weight: 3, arbitrary: fc.constant({ kind: "hear" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "work" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "attend" as const }) },
      { weight: 1, arbitrary: fc.constantFrom({ kind: "pause" as const }, { kind: "resume" as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const one = await set({ state: "accepting" });
        await one.setHeader({ state: "distributing" });
        await layOutPartitions(one.deps, await one.header());
        const unheard = new Set<string>();
        const hearAll = async () => {
          if (unheard.size > 0) await one.hear([...unheard]);
        };
        for (const move of steps) {
          if (move.kind === "join") {
            const userId = crowd[move.index] ?? "";
            if (!one.users.has(userId)) one.join(userId);
            unheard.add(userId);
          } else if (move.kind === "hear") await hearAll();
          else if (move.kind === "work") await one.workAllSlots();
          else await one[move.kind]();
        }
        await hearAll();
        await one.resume();
        await one.distribute();
        await one.attend();
        const expected = [...one.users.keys()].filter((userId) => userId.startsWith("a")).toSorted(compareUserIds);
        expect(await one.written()).to.deep.equal(expected);
        expect([...new Set(one.told())].toSorted(compareUserIds)).to.deep.equal(expected);
        expect((await one.counts()).sent).to.equal(expected.length);
      }),
      { numRuns: 12 },
    );
  }).timeout(60_000);
});
