import { randomUUID } from "node:crypto";
import { partitionOf } from "@strata/contracts";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { type Batch, batchesOfFew, batchId, EVERYONE } from "../domain/batch.ts";
import { type Inbox, mongoBatchStore } from "./batch-store.ts";

const AT = 1_790_000_000_000;

describe("a user's inbox in the batches", () => {
  let infra: Infra;
  let mongo: Mongo;
  before(async () => {
    infra = await openInfra("inbox-store");
    mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
    await mongoBatchStore(mongo.db).ensureIndexes();
  });
  after(async () => {
    await mongo.close();
    await infra[Symbol.asyncDispose]();
  });

  /** Eight announcements a millisecond apart, two of them at each; every fourth for everyone. Newest first. */
  async function setUp() {
    const [app, userId] = [anAppId(), "ann"];
    const ids = Array.from({ length: 8 }, () => randomUUID()).toSorted();
    const partition = partitionOf(userId);
    const batches = ids.flatMap((announcementId, n): readonly Batch[] => {
      const at = AT + Math.floor(n / 2);
      if (n % 4 !== 3) return batchesOfFew(app, announcementId, at, [userId]);
      return [
        { _id: batchId(app, announcementId, partition, 0), app, partition, at, recipients: [EVERYONE], cutoff: at },
      ];
    });
    const store = mongoBatchStore(mongo.db);
    await store.insertNew(batches);
    const inbox: Inbox = { app, userId, knownSince: 0, hidden: [] };
    const all = await store.inbox(inbox, null, 100);
    if (all?.length !== 8) throw new Error("not all of it is there");
    return { store, inbox, all };
  }

  it("leaves out what she has deleted, in the pages and in the count, and goes on behind it all the same", async () => {
    const { store, inbox, all } = await setUp();
    const gone = [all[0], all[2], all[3]];
    const without = new Set(gone.flatMap((entry) => entry?.announcementId ?? []));
    const left = all.filter(({ announcementId }) => !without.has(announcementId));
    const seen = { ...inbox, without };
    expect(await store.inbox(seen, null, 2)).to.deep.equal(left.slice(0, 2));
    expect(await store.inbox(seen, all[2]?.announcementId ?? null, 2)).to.deep.equal(left.slice(1, 3));
    expect(await store.inbox(seen, null, 100)).to.deep.equal(left);
    expect([await store.inboxSize(seen), await store.inboxSize(inbox)]).to.deep.equal([5, 8]);
  });

  it("has nothing of before or at a time, and nothing of after another", async () => {
    const { store, inbox, all } = await setUp();
    const some = { ...inbox, since: AT, until: AT + 2 };
    expect(await store.inbox(some, null, 100)).to.deep.equal(all.slice(2, 6));
    expect(await store.inboxSize(some)).to.equal(4);
  });

  it("goes on from a place whose announcement is there or gone, and misses and repeats nothing", async () => {
    const { store, inbox, all } = await setUp();
    for (const [n, place] of all.entries()) {
      const hidden = [place.announcementId];
      expect(await store.inbox({ ...inbox, hidden }, place, 100)).to.deep.equal(all.slice(n + 1));
      expect(await store.inbox(inbox, place, 100)).to.deep.equal(all.slice(n + 1));
      expect(await store.inbox(inbox, place.announcementId, 100)).to.deep.equal(all.slice(n + 1));
    }
    const stranger = randomUUID();
    expect(await store.inbox(inbox, stranger, 100)).to.equal(null);
  });

  it("is entered at the place where a page begins, however much is before it", async () => {
    const { store, inbox, all } = await setUp();
    const later = Array.from({ length: 200 }, (_, n) => batchesOfFew(inbox.app, randomUUID(), AT + 10 + n, ["ann"]));
    await store.insertNew(later.flat());
    const keysOf = async (after: Parameters<typeof store.inbox>[1]) => {
      await mongo.db.command({ profile: 2 });
      await store.inbox(inbox, after, 3);
      await mongo.db.command({ profile: 0 });
      const reads = await mongo.db
        .collection("system.profile")
        .find({ ns: /batches$/, op: "query" })
        .toArray();
      await mongo.db.dropCollection("system.profile");
      return reads.reduce((sum, read) => sum + Number(read["keysExamined"]), 0);
    };
    expect(await keysOf(all[2] ?? null)).to.be.at.most(12);
    expect(await keysOf(all[2]?.announcementId ?? null)).to.be.at.most(14);
  });

  it("is walked along the index: as many keys as entries, none of what others have", async () => {
    const { store, inbox, all } = await setUp();
    const others = batchesOfFew(inbox.app, randomUUID(), AT, ["bob", "cleo", "dan"]);
    await store.insertNew(others);
    const place = all[3] ?? null;
    await mongo.db.command({ profile: 2 });
    await store.inbox({ ...inbox, without: new Set([all[5]?.announcementId ?? ""]), since: AT - 1 }, place, 100);
    await mongo.db.command({ profile: 0 });
    const [read] = await mongo.db
      .collection("system.profile")
      .find({ ns: /batches$/, op: "query" })
      .toArray();
    expect(read?.["planSummary"]).to.match(/^IXSCAN/);
    expect(read?.["keysExamined"]).to.be.at.most(12);
  });
});
