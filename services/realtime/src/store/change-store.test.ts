import { partitionOf } from "@strata/contracts";
import { anAnnouncementId, anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import type { Document } from "mongodb";
import { z } from "zod";
import { anEntry, openStores } from "../../test/support.ts";
import { EVERYBODY } from "../domain/entries.ts";
import type { ChangeEntry, LogPlace } from "./change-store.ts";

const HOUR_MS = 3_600_000;
/** So many that they are found by their partitions. */
const MANY = userIds(1_000);
const [ONE_OF_MANY = ""] = MANY;
/** Of the same partition, and of no announcement here. */
const NEIGHBOUR =
  userIds(9_000)
    .slice(5_000)
    .find((userId) => partitionOf(userId) === partitionOf(ONE_OF_MANY)) ?? "";

const toMany = (id: string, app: string, receivers: readonly string[] = MANY): ChangeEntry => ({
  id,
  app,
  receivers,
  change: { kind: "announcement-received", announcementId: anAnnouncementId() },
});

describe("the replay log", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let app: string;
  before(async () => {
    stores = await openStores("change-store");
  });
  after(() => stores[Symbol.asyncDispose]());
  beforeEach(() => {
    app = anAppId();
  });

  const append = (at: number, ...ids: readonly string[]) =>
    stores.changes.append(
      ids.map((id) => anEntry(id, app, ["ann"])),
      at,
    );
  const page = (
    changed: { from?: number; after?: LogPlace | null; limit?: number; userId?: string; app?: string } = {},
  ) => stores.changes.page({ app, userId: "ann", from: 0, after: null, limit: 100, ...changed });
  const ids = async (changed: Parameters<typeof page>[0] = {}) => (await page(changed)).map(({ id }) => id);

  it("has what is written together in the order given, and all of it by time", async () => {
    await append(20, "z", "b", "y", "a");
    await append(10, "late");
    await append(30, "c");
    expect(await ids()).to.deep.equal(["late", "z", "b", "y", "a", "c"]);
  });

  it("is read page by page without a gap or a repeat, also through many of one time, by several writers", async () => {
    const one = Array.from({ length: 7 }, (_, n) => `one-${n}`);
    const two = Array.from({ length: 5 }, (_, n) => `two-${n}`);
    await append(10, ...one.toReversed());
    await append(10, ...two);
    await append(11, "last");
    const all = await ids();
    expect(all)
      .to.have.members([...one, ...two, "last"])
      .and.have.lengthOf(13);
    const ofOne = all.filter((id) => id.startsWith("one"));
    expect(ofOne).to.deep.equal(one.toReversed());
    for (const limit of [1, 2, 3, 5]) {
      const read: string[] = [];
      for (let after: LogPlace | null = null; ;) {
        const some: Awaited<ReturnType<typeof page>> = await page({ after, limit });
        read.push(...some.map(({ id }) => id));
        const last = some.at(-1);
        if (last === undefined) break;
        expect(some.length).to.be.at.most(limit);
        after = last.place;
      }
      expect(read, `by ${limit}`).to.deep.equal(all);
    }
  });

  it("begins at a time, that time included", async () => {
    await append(10, "before");
    await append(11, "at");
    await append(12, "after");
    expect(await ids({ from: 11 })).to.deep.equal(["at", "after"]);
  });

  it("keeps the first time of what comes again, and says so, beside what is new", async () => {
    await append(10, "a", "b");
    const again = await append(50, "b", "new", "a");
    expect(again.map(({ id, at }) => [id, at])).to.deep.equal([
      ["b", 10],
      ["new", 50],
      ["a", 10],
    ]);
    expect(await ids()).to.deep.equal(["a", "b", "new"]);
    const twice = await append(60, "same", "same");
    expect(twice.map(({ id, at }) => [id, at])).to.deep.equal([
      ["same", 60],
      ["same", 60],
    ]);
    expect(await ids({ from: 60 })).to.deep.equal(["same"]);
  });

  it("is each user's own, with what all of the app hear of, once", async () => {
    await stores.changes.append(
      [
        anEntry("hers", app, ["ann", "bob"]),
        anEntry("his", app, ["bob"]),
        anEntry("everybody's", app, [EVERYBODY]),
        anEntry("both", app, [EVERYBODY, "ann"]),
      ],
      10,
    );
    expect(await ids()).to.deep.equal(["hers", "everybody's", "both"]);
    expect(await ids({ userId: "bob" })).to.deep.equal(["hers", "his", "everybody's", "both"]);
    expect(await ids({ userId: "cid" })).to.deep.equal(["everybody's", "both"]);
    const [first] = await page();
    expect(first).to.deep.include({ app, at: 10, receivers: ["ann"], change: anEntry("hers", app, []).change });
  });

  it("has what an announcement is to many in its place among the rest, for each of them and nobody else", async () => {
    const written = Array.from({ length: 12 }, (_, n) =>
      n % 3 === 1 ? anEntry(`own-${n}`, app, [ONE_OF_MANY]) : toMany(`many-${n}`, app),
    );
    await stores.changes.append(
      [...written, toMany("few", app, MANY.slice(0, 3)), anEntry("all", app, [EVERYBODY])],
      10,
    );
    await stores.changes.append([toMany("of another app", anAppId()), toMany("to the others", app, MANY.slice(1))], 11);
    const [userId, all] = [ONE_OF_MANY, [...written.map(({ id }) => id), "few", "all"]];
    expect(await ids({ userId })).to.deep.equal(all);
    const read: string[] = [];
    for (let after: LogPlace | null = null; ;) {
      const some: Awaited<ReturnType<typeof page>> = await page({ userId, after, limit: 4 });
      read.push(...some.map(({ id }) => id));
      after = some.at(-1)?.place ?? null;
      if (after === null) break;
    }
    expect(read).to.deep.equal(all);
    expect((await page({ userId, limit: 1 }))[0]).to.deep.include({ receivers: [userId], change: written[0]?.change });
    expect(await ids({ userId: NEIGHBOUR })).to.deep.equal(["all"]);
    await stores.changes.append([toMany("to all and many", app, [...MANY, EVERYBODY])], 9);
    expect(await ids({ userId: NEIGHBOUR })).to.deep.equal(["to all and many", "all"]);
    for (const other of MANY.slice(3, 40))
      expect(await ids({ userId: other, from: 11 })).to.deep.equal(["to the others"]);
  });

  it("is each app's own, also where ids are the same", async () => {
    const other = anAppId();
    await append(10, "same");
    await stores.changes.append([anEntry("same", other, ["ann"]), anEntry("all", other, [EVERYBODY])], 10);
    expect(await ids()).to.deep.equal(["same"]);
    expect(await ids({ app: other })).to.deep.equal(["same", "all"]);
    expect((await append(99, "same"))[0]?.at).to.equal(10);
  });

  it("is forgotten after as long as it is kept", async () => {
    await append(1_000, "a");
    const row = await stores.db.collection<Document & { _id: string }>("changes").findOne({ _id: `${app}/a` });
    expect(row?.["expiresAt"]).to.deep.equal(new Date(1_000 + 37 * HOUR_MS));
    const indexes = await stores.db.collection("changes").indexes();
    expect(indexes.find(({ name }) => name === "expiry")).to.deep.include({
      key: { expiresAt: 1 },
      expireAfterSeconds: 0,
    });
  });

  it("is read by its index, in its order, and no further than the page", async () => {
    for (let n = 0; n < 20; n += 1) {
      await append(n, ...Array.from({ length: 20 }, (_, index) => `${n}-${index}`));
      await stores.changes.append(
        [anEntry(`all-${n}`, app, [EVERYBODY]), toMany(`many-${n}`, app, ["ann", ...MANY])],
        n,
      );
    }
    const [middle] = await page({ from: 10, limit: 1 });
    const { db } = stores;
    await db.command({ profile: 2 });
    await page({ from: 5, limit: 10 });
    await page({ from: 5, limit: 10, after: middle?.place ?? null });
    await db.command({ profile: 0 });
    const seen = z
      .array(
        z.object({
          planSummary: z.string(),
          docsExamined: z.number(),
          keysExamined: z.number(),
          hasSortStage: z.boolean().default(false),
          nreturned: z.number(),
        }),
      )
      .parse(await db.collection("system.profile").find({ "command.find": "changes" }).toArray());
    await db.dropCollection("system.profile");
    // Her own, and what her partition heard.
    expect(seen).to.have.lengthOf(4);
    for (const one of seen) {
      expect(one.hasSortStage, one.planSummary).to.equal(false);
      expect(one.planSummary).to.match(/^IXSCAN/);
      expect(one.nreturned).to.be.within(9, 10);
      expect(one.docsExamined).to.be.at.most(15);
      expect(one.keysExamined).to.be.at.most(30);
    }
  });
});
