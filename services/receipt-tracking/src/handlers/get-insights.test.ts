import { AnnouncementReceiptKind, GetInsights, partitionOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, eventually, type Infra, openInfra, testLogger, userIds } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { countKey, receiptKey } from "../domain/receipt-key.ts";
import { recountInsight } from "../recount-insight.ts";
import { recount, startRecounter } from "../recounter.ts";
import { redrawTimeline } from "../redraw.ts";
import { aDelivery, openStores, profiled } from "../../test/support.ts";
import { recordSent } from "./follow-batches.ts";
import { countAnnouncements, countMessageReaders, countMessages, countVisitors } from "./follow-insights.ts";
import { getInsights } from "./get-insights.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Recent, since who was active is only counted of the last week; and near midnight. */
const T0 = Math.floor(Date.now() / DAY) * DAY - DAY - 2 * HOUR;

interface Batch {
  readonly slice: number;
  readonly n: number;
  readonly at: number;
  readonly users: readonly string[];
}
interface Sent {
  readonly id: string;
  readonly at: number;
  readonly category: string | null;
  readonly batches: readonly Batch[];
}
const recipientsOf = ({ batches }: Sent) => new Set(batches.flatMap((one) => one.users));

interface Report {
  readonly userId: string;
  readonly kind: AnnouncementReceiptKind;
  readonly at: number;
}

const noQuantiles = { p50: null, p90: null };
const nothing = {
  announcements: 0,
  sent: 0,
  delivered: 0,
  read: 0,
  opened: 0,
  deleted: 0,
  timeToDelivered: noQuantiles,
  timeToRead: noQuantiles,
};

describe("GetInsights", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-insights");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  const endRest = (collection: string) =>
    stores.db.collection(collection).updateMany({ dueAt: { $exists: true } }, { $set: { dueAt: new Date(0) } });

  /** Derives whatever is dirty, as the recounter does, until nothing is. */
  const deriveAll = async () => {
    await endRest("receipt_counts");
    for (let row = await stores.counts.takeDue(); row; row = await stores.counts.takeDue())
      await recount(stores, row, 0);
    await endRest("receipt_timelines");
    for (let row = await stores.timelines.takeDue(); row; row = await stores.timelines.takeDue()) {
      await redrawTimeline(stores, row, 0);
    }
    await endRest("insights");
    for (let row = await stores.insights.takeDue(); row; row = await stores.insights.takeDue()) {
      await recountInsight(stores, row, 0);
    }
  };

  function anApp() {
    const app = anAppId();
    const accept = (sent: readonly Sent[]) =>
      countAnnouncements(stores)(
        sent.map(({ id: announcementId, at, category }) =>
          aDelivery({ announcementId, at, recipientCount: 1, ...(category === null ? {} : { category }) }, { app }),
        ),
      );
    const send = (sent: readonly Sent[]) =>
      recordSent(stores)(
        sent.flatMap(({ id: announcementId, category, batches }) =>
          batches.flatMap(({ slice, n, at, users }) =>
            [...Map.groupBy(users, partitionOf)].map(([partition, recipients]) => {
              const path = `${app}/${announcementId}/${String(partition).padStart(2, "0")}`;
              const batchId = `${path}/${slice}/${String(n).padStart(6, "0")}`;
              const payload = { announcementId, batchId, partition, at, recipients: recipients.toSorted(), category };
              return aDelivery({ ...payload, hasNotification: false }, { app });
            }),
          ),
        ),
      );
    /** The first of each user and kind stays. */
    const record = async (announcementId: string, reports: readonly Report[]) => {
      await stores.receipts.insertNew(
        reports.map((fact) => ({ key: receiptKey(app, announcementId, fact.kind, fact.userId), fact, by: "c1" })),
      );
      const partitions = new Set(reports.map(({ userId }) => partitionOf(userId)));
      await stores.counts.markDirty([...partitions].map((partition) => countKey({ app, announcementId, partition })));
    };
    const message = (id: string, at: number, sender: string) => {
      const payload = { conversationId: id, messageId: id, position: 1, sentAt: at, recipients: [] };
      const created = aDelivery({ ...payload, sender: { userId: sender }, hasNotification: false }, { app });
      return countMessages(stores)([created, created]);
    };
    const ask = async (by: "hour" | "day", from: number, to: number, category?: string, of = app) => {
      const payload = { by, from, to, ...(category === undefined ? {} : { category }) };
      const outcome = await getInsights(stores)(aDelivery(payload, { app: of }));
      if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
      return GetInsights.reply.parse(outcome.reply);
    };
    return { app, accept, send, record, message, ask };
  }

  it("tells of an hour what was announced then, and what has become of it by now, whenever that was", async () => {
    const { accept, send, record, ask } = anApp();
    const [a = "", b = "", c = ""] = userIds(3);
    const sent = [
      { id: anAnnouncementId(), at: T0, category: "news", batches: [{ slice: 0, n: 0, at: T0, users: [a, b, c] }] },
    ];
    await accept(sent);
    await send(sent);
    await record(sent[0]?.id ?? "", [
      { userId: a, kind: "delivered", at: T0 + 1_000 },
      // Three days later, of what was sent before.
      { userId: a, kind: "read", at: T0 + 3 * DAY },
      { userId: b, kind: "opened", at: T0 + 2_000 },
      { userId: c, kind: "deleted", at: T0 + 2_000 },
    ]);
    await deriveAll();
    const { buckets, total, categories } = await ask("hour", T0, T0 + HOUR);
    const { timeToDelivered, timeToRead, ...counts } = total;
    expect(counts).to.deep.equal({
      announcements: 1,
      sent: 3,
      delivered: 2,
      read: 1,
      opened: 1,
      deleted: 1,
      messages: 0,
    });
    // The end of a step, and no step is wider than 9 %.
    expect(timeToDelivered.p50).to.be.within(1_000, 1_091);
    expect(timeToDelivered.p90).to.be.within(2_000, 2_181);
    expect(timeToRead.p50).to.be.within(3 * DAY, 3 * DAY * 1.091);
    expect(buckets).to.have.length(1);
    expect(buckets[0]).to.include({ at: T0, sent: 3, activeUsers: 3 });
    const { messages: _, ...announced } = total;
    expect(categories).to.deep.equal([{ category: "news", ...announced }]);
    const day = await ask("day", T0, T0 + HOUR);
    expect(day.total).to.deep.equal(total);
    expect((await ask("hour", T0, T0 + HOUR, "news")).buckets[0]).to.include({
      sent: 3,
      activeUsers: null,
      messages: null,
    });
    expect(await ask("hour", T0, T0 + HOUR, "other")).to.deep.equal({
      buckets: [],
      total: { ...nothing, messages: null },
      categories: [],
    });
    expect((await ask("hour", T0, T0 + HOUR, undefined, anAppId())).buckets).to.deep.equal([]);
  });

  it("equals an outside recount, whatever comes twice, late, in any order or before its batch is told of", async () => {
    const users = userIds(40);
    const time = fc.integer({ min: 0, max: 30 * 60 }).map((minutes) => T0 + minutes * MINUTE + (minutes % 60) * 999);
    const category = fc.constantFrom(null, "news", "a/b", "");
    const sentBatches = fc
      .array(fc.record({ at: time, users: fc.subarray(users, { minLength: 1 }), slice: fc.constantFrom(0, 0, 1) }), {
        maxLength: 3,
      })
      .map((drawn) => {
        // Each user once, and ascending from batch to batch of a slice, as announcement-fanout has them.
        const taken = new Set<string>();
        return drawn.map((one) => {
          const own = one.users.filter((user) => !taken.has(user));
          for (const user of own) taken.add(user);
          return { ...one, users: own };
        });
      })
      .map((drawn) => {
        const inOrder = drawn
          .filter(({ slice }) => slice === 0)
          .flatMap((one) => one.users)
          .toSorted();
        let from = 0;
        return drawn.map((one, n) => {
          if (one.slice !== 0) return { ...one, n };
          const part = inOrder.slice(from, from + one.users.length);
          from += one.users.length;
          return { ...one, n, users: part };
        });
      });
    const announcement = fc.record({ id: fc.uuid({ version: 4 }), at: time, category, batches: sentBatches });
    const report = fc.record({
      userId: fc.constantFrom(...users),
      kind: fc.constantFrom(...AnnouncementReceiptKind.options),
      at: time,
    });
    const message = fc.record({ id: fc.uuid({ version: 4 }), at: time, sender: fc.constantFrom(...users) });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(announcement, { maxLength: 4, selector: ({ id }) => id }),
        fc.array(fc.array(report, { maxLength: 30 }), { maxLength: 4 }),
        fc.uniqueArray(message, { maxLength: 6, selector: ({ id }) => id }),
        fc.array(fc.record({ userId: fc.constantFrom(...users), at: time }), { maxLength: 6 }),
        async (sent, reports, messages, visits) => {
          const { app, accept, send, record, message: tell, ask } = anApp();
          const all = sent.map((one, n) => ({
            ...one,
            reports: (reports[n] ?? []).filter(({ userId }) => recipientsOf(one).has(userId)),
          }));
          await accept(sent.slice(0, 2));
          await send(sent.slice(0, 1));
          for (const { id, reports: some } of all) await record(id, some);
          await deriveAll();
          for (let repeat = 0; repeat < 2; repeat += 1) {
            await accept(sent);
            await send(sent);
            for (const { id, at, sender } of messages) await tell(id, at, sender);
            await countVisitors(stores)(visits.map((visit) => aDelivery(visit, { app })));
            await countMessageReaders(stores)(
              visits.map(({ userId, at }) =>
                aDelivery(
                  {
                    conversationId: app,
                    messageId: app,
                    position: 1,
                    receipts: [{ userId, kind: "read" as const, at: at + 1 }],
                  },
                  { app },
                ),
              ),
            );
          }
          await deriveAll();
          const facts = all.map((one) => Object.assign({}, one, { reports: firstOfEach(one.reports) }));
          const active = [
            ...facts.flatMap((one) => one.reports),
            ...messages.map(({ sender, at }) => ({ userId: sender, at })),
            ...visits.flatMap(({ userId, at }) => [
              { userId, at },
              { userId, at: at + 1 },
            ]),
          ];
          for (const [by, width] of [
            ["hour", HOUR],
            ["day", DAY],
          ] as const) {
            const first = T0 - (T0 % width);
            const { buckets, total, categories } = await ask(by, T0, T0 + 32 * HOUR);
            const within = (at: number, slot: number) => at >= slot && at < slot + width;
            const slots = Array.from(
              { length: Math.ceil((T0 + 32 * HOUR - first) / width) },
              (_, n) => first + n * width,
            );
            const expected = slots.map((slot) =>
              Object.assign(
                outside(facts, (at) => within(at, slot)),
                {
                  at: slot,
                  messages: messages.filter(({ at }) => within(at, slot)).length,
                  activeUsers: new Set(active.filter(({ at }) => within(at, slot)).map(({ userId }) => userId)).size,
                },
              ),
            );
            const isAnything = (bucket: (typeof expected)[number]) => {
              const { at: _, ...counts } = withoutTimes(bucket);
              return Object.values(counts).some((count) => count > 0);
            };
            expect(buckets.map(withoutTimes)).to.deep.equal(expected.filter(isAnything).map(withoutTimes));
            for (const bucket of buckets)
              expectTimes(
                bucket,
                outside(facts, (at) => within(at, bucket.at)),
              );
            expect(withoutTimes(total)).to.deep.equal({
              ...withoutTimes(outside(facts, () => true)),
              messages: messages.length,
            });
            for (const one of categories) {
              const own = facts.filter((fact) => fact.category === one.category);
              const { category: _, ...counts } = withoutTimes(one);
              expect(counts).to.deep.equal(withoutTimes(outside(own, () => true)));
              expectTimes(
                one,
                outside(own, () => true),
              );
            }
            expect((await ask(by, T0, T0 + 32 * HOUR, "a/b")).total.sent).to.equal(
              outside(
                facts.filter((fact) => fact.category === "a/b"),
                () => true,
              ).sent,
            );
          }
        },
      ),
      { numRuns: 10 },
    );
  }).timeout(180_000);

  it("is summed up in the background, by any of several processes", async () => {
    const { accept, send, record, ask } = anApp();
    const recounters = [1, 2].map(() => startRecounter({ ...stores, log: testLogger("recounter"), intervalMs: 5 }));
    const users = userIds(60);
    const sent = [{ id: anAnnouncementId(), at: T0, category: null, batches: [{ slice: 0, n: 0, at: T0, users }] }];
    await accept(sent);
    await Promise.all(users.map((userId) => record(sent[0]?.id ?? "", [{ userId, kind: "read", at: T0 + 5 }])));
    await send(sent);
    await eventually(
      async () => {
        const { buckets } = await ask("day", T0, T0 + 1);
        return buckets.map(({ announcements, sent: to, read, activeUsers }) => [announcements, to, read, activeUsers]);
      },
      [[1, 60, 60, 60]],
      { deadlineMs: 20_000 },
    );
    await Promise.all(recounters.map((recounter) => recounter.close()));
    await deriveAll();
  }).timeout(40_000);

  it("is summed up again when a receipt comes between a timeline and the death of who drew it", async () => {
    const { accept, send, record, ask } = anApp();
    const [a = ""] = userIds(1);
    const sent = [
      { id: anAnnouncementId(), at: T0, category: null, batches: [{ slice: 0, n: 0, at: T0, users: [a] }] },
    ];
    await accept(sent);
    await send(sent);
    await deriveAll();
    await record(sent[0]?.id ?? "", [{ userId: a, kind: "read", at: T0 + 5 }]);
    const counting = await stores.counts.takeDue();
    if (counting) await recount(stores, counting, 0);
    const drawing = await stores.timelines.takeDue();
    const dying = { ...stores.insights, markDirty: async () => Promise.reject(new Error("died")) };
    if (drawing === null) throw new Error("nothing to be drawn");
    const outcome = await redrawTimeline({ ...stores, insights: dying }, drawing, 0).catch(
      (error: Error) => error.message,
    );
    expect(outcome).to.equal("died");
    await deriveAll();
    expect((await ask("hour", T0, T0 + 1)).total).to.include({ sent: 1, read: 1 });
  });

  it("counts nobody as active of whom is told more than a week later", async () => {
    const { app, ask } = anApp();
    const old = Date.now() - 8 * DAY;
    await countVisitors(stores)([aDelivery({ userId: "ann", at: old }, { app })]);
    await deriveAll();
    expect((await ask("day", old, old + DAY)).buckets).to.deep.equal([]);
  });

  it("reads by index alone", async () => {
    const { accept, send, record, message, ask } = anApp();
    const users = userIds(200);
    const sent = [{ id: anAnnouncementId(), at: T0, category: "x", batches: [{ slice: 0, n: 0, at: T0, users }] }];
    await accept(sent);
    await send(sent);
    await message(anAnnouncementId(), T0, users[0] ?? "");
    await record(
      sent[0]?.id ?? "",
      users.map((userId) => ({ userId, kind: "read" as const, at: T0 })),
    );
    const plans = [
      ...(await profiled(stores.db, deriveAll)),
      ...(await profiled(stores.db, () => ask("day", T0, T0 + DAY))),
      ...(await profiled(stores.db, () => ask("hour", T0, T0 + DAY))),
    ].map(({ ns, planSummary = "" }) => `${ns.split(".").at(-1)}: ${planSummary}`);
    expect(plans.filter((plan) => plan.includes("COLLSCAN"))).to.deep.equal([]);
    for (const collection of ["insights", "insight_facts", "active_users", "sent_batches", "receipt_timelines"]) {
      expect(
        plans.filter((plan) => plan.startsWith(collection)),
        collection,
      ).not.to.deep.equal([]);
    }
  });
});

/** The first of each kind, as receipts are kept. */
const firstOfEach = (reports: readonly Report[]): readonly Report[] => [
  ...new Map(reports.toReversed().map((one) => [`${one.kind}/${one.userId}`, one])).values(),
];

interface Outside extends Sent {
  readonly reports: readonly Report[];
}

/** Counts in plain loops, past the code under test, what was sent at a time that counts. */
function outside(sent: readonly Outside[], counts: (at: number) => boolean) {
  const users = sent.flatMap(({ batches, reports }) =>
    batches.flatMap(({ at, users: some }) =>
      some.map((userId) => {
        const timesOf = (kinds: string) =>
          reports.filter((one) => one.userId === userId && kinds.includes(one.kind)).map((one) => one.at);
        const first = (kinds: string) => (timesOf(kinds).length === 0 ? null : Math.min(...timesOf(kinds)) - at);
        return {
          at,
          delivered: first("delivered read opened"),
          read: first("read"),
          opened: first("opened"),
          deleted: first("deleted"),
        };
      }),
    ),
  );
  const own = users.filter(({ at }) => counts(at));
  const durations = (kind: "delivered" | "read" | "opened" | "deleted") =>
    own.flatMap((user) => user[kind] ?? []).toSorted((a, b) => a - b);
  return {
    announcements: sent.filter(({ at }) => counts(at)).length,
    sent: own.length,
    delivered: durations("delivered").length,
    read: durations("read").length,
    opened: durations("opened").length,
    deleted: durations("deleted").length,
    timeToDelivered: durations("delivered"),
    timeToRead: durations("read"),
  };
}

function withoutTimes<T extends { timeToDelivered: unknown; timeToRead: unknown }>(sums: T) {
  const { timeToDelivered: _, timeToRead: __, ...counts } = sums;
  return counts;
}

/** A quantile is the end of a step: at most 9 % (and a millisecond) above the exact one, and never below it. */
function expectTimes(
  said: Pick<ReturnType<typeof GetInsights.reply.parse>["total"], "timeToDelivered" | "timeToRead">,
  exact: { readonly timeToDelivered: readonly number[]; readonly timeToRead: readonly number[] },
) {
  for (const which of ["timeToDelivered", "timeToRead"] as const) {
    for (const [name, share] of [
      ["p50", 0.5],
      ["p90", 0.9],
    ] as const) {
      const durations = exact[which];
      const value = durations[Math.ceil(share * durations.length) - 1];
      if (value === undefined) expect(said[which][name]).to.equal(null);
      else expect(said[which][name]).to.be.within(Math.max(0, value), Math.max(1, value) * 1.0906 + 1);
    }
  }
}
