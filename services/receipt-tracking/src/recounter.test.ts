import { type AnnouncementReceiptKind, partitionOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, eventually, type Infra, openInfra, testLogger, userIds } from "@strata/testing";
import { expect } from "chai";
import { openStores } from "../test/support.ts";
import { countKey, countRange, receiptKey } from "./domain/receipt-key.ts";
import type { Counts } from "./store/count-store.ts";
import { recount, startRecounter } from "./recounter.ts";

/** Some `count` users whom one row counts. */
const inOnePartition = (count: number): string[] =>
  userIds(count * 70)
    .filter((user) => partitionOf(user) === 0)
    .slice(0, count);

const counted = (counts: Partial<Counts>): Counts => ({ delivered: 0, read: 0, opened: 0, deleted: 0, ...counts });

describe("recounting", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-recount");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** A new announcement, what it takes to give it receipts, and its counts as stored. */
  function anAnnouncement() {
    const [app, announcementId] = [anAppId(), anAnnouncementId()];
    const keysOf = (users: readonly string[]) => [
      ...new Set(users.map((user) => countKey({ app, announcementId, partition: partitionOf(user) }))),
    ];
    const insert = (kind: AnnouncementReceiptKind, users: readonly string[]) =>
      stores.receipts.insertNew(
        users.map((userId) => ({
          key: receiptKey(app, announcementId, kind, userId),
          fact: { userId, kind, at: 1 },
          by: "c1",
        })),
      );
    const markDirty = (users: readonly string[]) => stores.counts.markDirty(keysOf(users));
    const total = () => stores.counts.total(countRange(app, announcementId));
    return { insert, markDirty, total };
  }

  const taken = async () => {
    const leased = await stores.counts.takeDue();
    if (!leased) throw new Error("no row is due");
    return leased;
  };

  it("comes to equal the rows, over several pages and all partitions", async () => {
    const { insert, markDirty, total } = anAnnouncement();
    const many = inOnePartition(4_500);
    await insert("delivered", many);
    await insert("read", many.slice(1_000, 3_500));
    const spread = userIds(300);
    await insert("read", spread);
    await markDirty([...many, ...spread]);
    const recounter = startRecounter({ ...stores, log: testLogger("recounter"), intervalMs: 20 });
    const everybody = new Set([...many, ...spread]).size;
    const readers = new Set([...many.slice(1_000, 3_500), ...spread]).size;
    await eventually(total, counted({ delivered: everybody, read: readers }));
    await recounter.close();
  });

  it("counts whoever read or opened it as having it, once, and not who only deleted it", async () => {
    const { insert, markDirty, total } = anAnnouncement();
    const users = inOnePartition(50);
    await insert("delivered", users.slice(0, 20));
    await insert("read", users.slice(10, 30));
    await insert("opened", users.slice(25, 40));
    await insert("deleted", users.slice(35, 50));
    await markDirty(users);
    await recount(stores, await taken(), 0);
    expect(await total()).to.deep.equal({ delivered: 40, read: 20, opened: 15, deleted: 15 });
  });

  it("counts again what was marked while it was counting", async () => {
    const { insert, markDirty, total } = anAnnouncement();
    const [first, second] = inOnePartition(2);
    if (first === undefined || second === undefined) throw new Error("too few users");
    await insert("delivered", [first]);
    await markDirty([first]);
    const leased = await taken();
    await insert("delivered", [second]);
    await markDirty([second]);
    // Counted before the second came, stored after its mark.
    await stores.counts.store(leased, counted({ delivered: 1, read: 0 }), 0);
    expect(await total()).to.deep.equal(counted({ delivered: 1, read: 0 }));
    await recount(stores, await taken(), 0);
    expect(await total()).to.deep.equal(counted({ delivered: 2, read: 0 }));
    expect(await stores.counts.takeDue()).to.equal(null);
  });

  it("gives a row to one counter at a time, and does not let a mark break the lease", async () => {
    const { markDirty } = anAnnouncement();
    const users = inOnePartition(1);
    await markDirty(users);
    const leased = await taken();
    await markDirty(users);
    expect(await stores.counts.takeDue()).to.equal(null);
    await stores.counts.store(leased, counted({ delivered: 0, read: 0 }), 0);
    await stores.counts.store(await taken(), counted({ delivered: 0, read: 0 }), 0);
  });

  it("drops the numbers of a counter that lost its lease", async () => {
    const { insert, markDirty, total } = anAnnouncement();
    const users = inOnePartition(1);
    await markDirty(users);
    const slow = await taken();
    await insert("delivered", users);
    await markDirty(users);
    // As if its lease had run out.
    await stores.db.collection("receipt_counts").updateOne({ lease: slow.lease }, { $set: { dueAt: new Date(0) } });
    await recount(stores, await taken(), 0);
    expect(await stores.counts.renew(slow)).to.equal(false);
    await stores.counts.store(slow, counted({ delivered: 0, read: 0 }), 0);
    expect(await total()).to.deep.equal(counted({ delivered: users.length, read: 0 }));
  });

  it("lets a row rest after it was counted, however often it is marked", async () => {
    const { markDirty } = anAnnouncement();
    const users = inOnePartition(1);
    await markDirty(users);
    await stores.counts.store(await taken(), counted({ delivered: 0, read: 0 }), 60_000);
    await markDirty(users);
    expect(await stores.counts.takeDue()).to.equal(null);
  });

  it("has every mark counted in the end when many are set at once from many sides", async () => {
    const { insert, markDirty, total } = anAnnouncement();
    const users = inOnePartition(40);
    const recounters = [1, 2, 3].map(() => startRecounter({ ...stores, log: testLogger("recounter"), intervalMs: 5 }));
    await Promise.all(
      users.map(async (user) => {
        await insert("read", [user]);
        await markDirty([user]);
      }),
    );
    await eventually(total, counted({ delivered: users.length, read: users.length }));
    await Promise.all(recounters.map((recounter) => recounter.close()));
  });
});
