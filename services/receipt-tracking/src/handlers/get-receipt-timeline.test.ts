import { AnnouncementReceiptKind, GetReceiptTimeline, partitionOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, eventually, type Infra, openInfra, testLogger, userIds } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { countKey, countRange, receiptKey } from "../domain/receipt-key.ts";
import { recount, startRecounter } from "../recounter.ts";
import { redrawTimeline } from "../redraw.ts";
import { aDelivery, openStores, profiled } from "../../test/support.ts";
import { recordSent } from "./follow-batches.ts";
import { getReceiptTimeline } from "./get-receipt-timeline.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const T0 = Date.UTC(2026, 0, 2, 3, 0);

interface Report {
  readonly userId: string;
  readonly kind: AnnouncementReceiptKind;
  readonly at: number;
}

describe("GetReceiptTimeline", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-timeline");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** A new announcement, and what it takes to give it receipts and to read its timeline. */
  function anAnnouncement() {
    const [app, announcementId] = [anAppId(), anAnnouncementId()];
    /** The first of each user and kind stays. */
    const record = async (reports: readonly Report[]) => {
      await stores.receipts.insertNew(
        reports.map(({ userId, kind, at }) => ({
          key: receiptKey(app, announcementId, kind, userId),
          fact: { userId, kind, at },
          by: "c1",
        })),
      );
      const partitions = new Set(reports.map(({ userId }) => partitionOf(userId)));
      await stores.counts.markDirty([...partitions].map((partition) => countKey({ app, announcementId, partition })));
    };
    /** Tells of batches as announcement-fanout does; those of one partition are numbered. */
    const send = (batches: readonly { readonly at: number; readonly recipients: readonly string[] }[]) =>
      recordSent(stores)(
        batches.map(({ at, recipients }, n) => {
          const batchId = `${app}/${announcementId}/00/0/${String(n).padStart(6, "0")}`;
          const batch = {
            announcementId,
            batchId,
            partition: 0,
            at,
            recipients: [...recipients],
            hasNotification: true,
          };
          return aDelivery(batch, { app });
        }),
      );
    const ask = async (by: "minute" | "hour", from: number, to: number, of = app) => {
      const outcome = await getReceiptTimeline(stores)(aDelivery({ announcementId, by, from, to }, { app: of }));
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      return GetReceiptTimeline.reply.parse(outcome.reply).buckets;
    };
    const total = () => stores.counts.total(countRange(app, announcementId));
    /** The facts as they are stored, read past the code under test. */
    const rows = async () => {
      const stored = await stores.db
        .collection<{ _id: string; user: string; at: Date }>("receipts")
        .find({ _id: { $regex: `^${app}/${announcementId}/` } })
        .toArray();
      return stored.map(({ _id, user, at }) => ({ letter: _id.split("/")[2] ?? "?", user, at: at.getTime() }));
    };
    return { app, record, send, ask, total, rows };
  }

  /** As if the rest after an earlier derivation were over. */
  const endRest = (collection: string) =>
    stores.db.collection(collection).updateMany({ dueAt: { $exists: true } }, { $set: { dueAt: new Date(0) } });

  /** Derives whatever is dirty, as the recounter does. */
  const deriveAll = async () => {
    await endRest("receipt_counts");
    for (let row = await stores.counts.takeDue(); row; row = await stores.counts.takeDue()) {
      await recount(stores, row, 0);
    }
    await endRest("receipt_timelines");
    for (let row = await stores.timelines.takeDue(); row; row = await stores.timelines.takeDue()) {
      await redrawTimeline(stores, row, 0);
    }
  };

  it("has each user in the minute of her first receipt and of each state, and adds up by the hour", async () => {
    const { record, ask } = anAnnouncement();
    const [a = "", b = "", c = ""] = userIds(3);
    await record([
      { userId: a, kind: "delivered", at: T0 + MINUTE },
      { userId: a, kind: "read", at: T0 + 59 * MINUTE },
      // Her phone reported the opening before the delivery.
      { userId: b, kind: "opened", at: T0 + MINUTE + 59_999 },
      { userId: b, kind: "delivered", at: T0 + 3 * MINUTE },
      { userId: c, kind: "deleted", at: T0 + HOUR },
    ]);
    await deriveAll();
    const nothing = { sent: 0, delivered: 0, read: 0, opened: 0, deleted: 0 };
    expect(await ask("minute", T0, T0 + 2 * HOUR)).to.deep.equal([
      { ...nothing, at: T0 + MINUTE, delivered: 2, opened: 1 },
      { ...nothing, at: T0 + 59 * MINUTE, read: 1 },
      { ...nothing, at: T0 + HOUR, deleted: 1 },
    ]);
    expect(await ask("hour", T0, T0 + HOUR)).to.deep.equal([
      { at: T0, sent: 0, delivered: 2, read: 1, opened: 1, deleted: 0 },
    ]);
    // From is included, to is not.
    expect(await ask("minute", T0 + MINUTE, T0 + 59 * MINUTE)).to.have.length(1);
  });

  it("and the counts equal a plain recount of the stored rows, whoever reported what when", async () => {
    const report = fc.record({
      userId: fc.integer({ min: 1, max: 150 }).map((n) => `user-${n}`),
      kind: fc.constantFrom(...AnnouncementReceiptKind.options),
      at: fc.integer({ min: 0, max: 300 }).map((minutes) => T0 + minutes * MINUTE + (minutes % 60) * 999),
    });
    const batch = fc.record({
      at: fc.integer({ min: 0, max: 300 }).map((minutes) => T0 + minutes * MINUTE + (minutes % 60) * 999),
      recipients: fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(report, { minLength: 1, maxLength: 80 }), { maxLength: 4 }),
        fc.array(batch, { maxLength: 8 }),
        async (groups, batches) => {
          const { record, send, ask, total, rows } = anAnnouncement();
          // Some of them are told of again.
          await send(batches.slice(0, 3));
          await send(batches);
          for (const group of groups) {
            await record(group);
            await deriveAll();
          }
          const stored = await rows();
          const firstTimes = (letters: string) => {
            const users = Map.groupBy(
              stored.filter(({ letter }) => letters.includes(letter)),
              ({ user }) => user,
            );
            return [...users.values()].map((some) => Math.min(...some.map(({ at }) => at)));
          };
          const times = {
            delivered: firstTimes("dro"),
            read: firstTimes("r"),
            opened: firstTimes("o"),
            deleted: firstTimes("x"),
          };
          expect(await total()).to.deep.equal({
            delivered: times.delivered.length,
            read: times.read.length,
            opened: times.opened.length,
            deleted: times.deleted.length,
          });
          for (const [by, width] of [
            ["minute", MINUTE],
            ["hour", HOUR],
          ] as const) {
            const buckets = await ask(by, T0, T0 + 301 * MINUTE);
            const startOf = (at: number) => at - (at % width);
            const sentAt = batches.flatMap(({ at, recipients }) => recipients.map(() => at));
            const starts = new Set([...Object.values(times), sentAt].flat().map(startOf));
            expect(buckets).to.deep.equal(
              [...starts]
                .toSorted((one, other) => one - other)
                .map((at) => ({
                  at,
                  sent: sentAt.filter((time) => startOf(time) === at).length,
                  delivered: times.delivered.filter((time) => startOf(time) === at).length,
                  read: times.read.filter((time) => startOf(time) === at).length,
                  opened: times.opened.filter((time) => startOf(time) === at).length,
                  deleted: times.deleted.filter((time) => startOf(time) === at).length,
                })),
            );
          }
        },
      ),
      { numRuns: 12 },
    );
  }).timeout(60_000);

  it("has who got it in the minute of her batch, told of once or again, from a time to before another", async () => {
    const { send, ask } = anAnnouncement();
    const batches = [
      { at: T0, recipients: ["a", "b"] },
      { at: T0 + MINUTE + 1, recipients: ["c"] },
      { at: T0 + MINUTE + 59_999, recipients: ["d"] },
    ];
    for (let time = 0; time < 2; time += 1) await send(batches);
    const nothing = { delivered: 0, read: 0, opened: 0, deleted: 0 };
    expect(await ask("minute", T0, T0 + HOUR)).to.deep.equal([
      { at: T0, sent: 2, ...nothing },
      { at: T0 + MINUTE, sent: 2, ...nothing },
    ]);
    expect(await ask("minute", T0 + MINUTE, T0 + MINUTE + 1)).to.deep.equal([{ at: T0 + MINUTE, sent: 2, ...nothing }]);
    expect(await ask("hour", T0, T0 + MINUTE)).to.deep.equal([{ at: T0, sent: 2, ...nothing }]);
    expect(await ask("hour", T0, T0 + MINUTE, anAppId())).to.deep.equal([]);
  });

  it("is derived in the background after the counts, by any of several processes", async () => {
    const { record, ask } = anAnnouncement();
    const recounters = [1, 2].map(() => startRecounter({ ...stores, log: testLogger("recounter"), intervalMs: 5 }));
    const users = userIds(100);
    await Promise.all(users.map((userId, n) => record([{ userId, kind: "read", at: T0 + n }])));
    await eventually(
      () => ask("hour", T0, T0 + 1_000),
      [{ at: T0, sent: 0, delivered: 100, read: 100, opened: 0, deleted: 0 }],
    );
    await Promise.all(recounters.map((recounter) => recounter.close()));
    await deriveAll();
  });

  it("waits for some intervals after the counts, so that a burst is drawn once", async () => {
    const { app, record } = anAnnouncement();
    await record([{ userId: "ann", kind: "read", at: T0 }]);
    const before = Date.now();
    const counting = await stores.counts.takeDue();
    if (counting) await recount(stores, counting, 60_000);
    const row = await stores.db
      .collection<{ _id: string; dueAt: Date }>("receipt_timelines")
      .findOne({ _id: { $regex: `^${app}/` } });
    expect(row?.dueAt.getTime()).to.be.at.least(before + 300_000);
    await deriveAll();
  });

  it("is drawn again when a receipt comes while it is being drawn", async () => {
    const { record, ask } = anAnnouncement();
    const [first = "", second = ""] = userIds(1_000).filter((userId) => partitionOf(userId) === 0);
    await record([{ userId: first, kind: "read", at: T0 }]);
    const counting = await stores.counts.takeDue();
    if (counting) await recount(stores, counting, 0);
    const drawing = await stores.timelines.takeDue();
    await record([{ userId: second, kind: "read", at: T0 }]);
    await endRest("receipt_counts");
    const again = await stores.counts.takeDue();
    if (again) await recount(stores, again, 0);
    // As drawn before the second came.
    const old = { minutes: [T0 / MINUTE], delivered: [1], read: [1], opened: [0], deleted: [0] };
    if (drawing) await stores.timelines.store(drawing, old, 0);
    expect(await ask("hour", T0, T0 + 1)).to.have.nested.property("[0].read", 1);
    await deriveAll();
    expect(await ask("hour", T0, T0 + 1)).to.have.nested.property("[0].read", 2);
  });

  it("is empty for an announcement without receipts, and for another app", async () => {
    const { record, ask } = anAnnouncement();
    expect(await ask("hour", 0, T0 + HOUR)).to.deep.equal([]);
    await record([{ userId: "ann", kind: "read", at: T0 }]);
    await deriveAll();
    expect(await ask("hour", T0, T0 + HOUR, anAppId())).to.deep.equal([]);
  });

  it("looks at its own rows and receipts alone: one row a partition to answer, each receipt once to draw", async () => {
    const { record, send, ask, total } = anAnnouncement();
    const { record: recordOther, send: sendOther } = anAnnouncement();
    for (const tell of [send, sendOther]) await tell([{ at: T0, recipients: ["a"] }]);
    const reports = userIds(300).map((userId) => ({ userId, kind: "read" as const, at: T0 }));
    await recordOther(reports);
    await record(reports);
    await deriveAll();
    const answering = await profiled(stores.db, () => ask("minute", T0, T0 + HOUR));
    expect(answering.map(({ planSummary }) => planSummary)).to.deep.equal(["IXSCAN { _id: 1 }", "IXSCAN { _id: 1 }"]);
    expect(answering[0]?.docsExamined).to.equal(1);
    expect(answering[1]?.docsExamined).to.be.at.most(64);
    const [adding] = await profiled(stores.db, total);
    expect(adding?.planSummary).to.match(/^IXSCAN/);
    expect(adding?.docsExamined).to.be.at.most(64);
    await record(reports.slice(0, 1));
    const drawn = await profiled(stores.db, deriveAll);
    const readings = drawn.filter(({ ns }) => ns.endsWith(".receipts"));
    expect(readings.map(({ planSummary = "" }) => planSummary)).to.satisfy((plans: string[]) =>
      plans.every((plan) => /^(IXSCAN|COUNT_SCAN)/.test(plan)),
    );
    const partition = partitionOf(reports[0]?.userId ?? "");
    const neighbours = reports.filter(({ userId }) => partitionOf(userId) === partition).length;
    expect(Math.max(...readings.map(({ docsExamined }) => docsExamined))).to.equal(neighbours);
  });
});
