import { compareUserIds, type MatchUsers, partitionOf, type PayloadOf } from "@strata/contracts";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, withIdentity } from "../../test/support.ts";
import { countAudience, matchesAudience, matchUsers } from "./audience.ts";

const corner = (latitude: number, longitude: number) => ({ latitude, longitude });
const at = (latitude: number) => ({ point: { type: "Point", coordinates: [13, latitude] }, at: 5 });

describe("matchUsers", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const app = anAppId();
  const PARTITION = 5;
  const users = userIds(3_000)
    .map((userId) => `${userId}🙂`)
    .filter((userId) => partitionOf(userId) === PARTITION)
    .toSorted(compareUserIds);
  before(async () => {
    stores = await openStores("match-users");
    await stores.identities.makeKnown(app, users, 5);
    await stores.identities.makeKnown(anAppId(), users, 5);
  });
  after(() => stores[Symbol.asyncDispose]());

  const askedOf = async (payload: Partial<PayloadOf<typeof MatchUsers>>) => {
    const page = { filter: null, partition: PARTITION, after: null, createdBefore: 10, limit: 1_000 };
    const outcome = await matchUsers(stores)(aDelivery({ ...page, ...payload }, { app }));
    if (outcome.kind !== "reply") throw new Error(`not answered: ${outcome.kind}`);
    return outcome.reply;
  };

  async function pagesOf(payload: Partial<PayloadOf<typeof MatchUsers>>): Promise<readonly string[]> {
    const found: string[] = [];
    for (let after: string | null = null; ;) {
      const { userIds: page, next } = await askedOf({ ...payload, after });
      found.push(...page);
      if (next === null) return found;
      after = next;
    }
  }

  it("answers everyone of a partition once, in order, page by page, with and without a filter", async () => {
    expect(users.length).to.be.greaterThan(20);
    expect(await pagesOf({ limit: 7 })).to.deep.equal(users);
    expect(await pagesOf({ limit: 7, filter: { field: "user_id", exists: true } })).to.deep.equal(users);
    expect(await askedOf({})).to.deep.equal({ userIds: users, next: null });
  });

  it("answers only who matches", async () => {
    const wanted = users.filter((_, index) => index % 3 === 0);
    expect(await pagesOf({ limit: 4, filter: { field: "user_id", in: wanted } })).to.deep.equal(wanted);
    expect(await pagesOf({ filter: { field: "user_id", eq: "nobody" } })).to.deep.equal([]);
  });

  it("leaves out who became known later", async () => {
    const late = anAppId();
    await stores.identities.makeKnown(late, users.slice(0, 5), 10);
    await stores.identities.makeKnown(late, users.slice(5, 9), 11);
    for (const filter of [null, { field: "user_id" as const, exists: true }]) {
      const asked = aDelivery(
        { filter, partition: PARTITION, after: null, createdBefore: 10, limit: 1_000 },
        { app: late },
      );
      const outcome = await matchUsers(stores)(asked);
      expect(outcome).to.have.deep.nested.property("reply.userIds", users.slice(0, 5));
    }
  });

  it("goes on where the last look ended when few of very many match", async () => {
    const large = anAppId();
    const many = Array.from({ length: 45_000 }, (_, index) => String(index).padStart(6, "0"));
    const rows = many.map((userId) => ({
      _id: `${large}/${userId}`,
      app: large,
      userId,
      partition: 1,
      createdAt: 1,
      version: 1,
    }));
    await stores.db.collection<{ _id: string }>("identities").insertMany(rows, { ordered: false });
    const filter = { field: "user_id" as const, in: ["000003", "021000", "044999"] };
    const answers: (readonly [readonly string[], string | null])[] = [];
    for (let after: string | null = null; ;) {
      const asked = { filter, partition: 1, after, createdBefore: 9, limit: 1_000 };
      const outcome = await matchUsers(stores)(aDelivery(asked, { app: large }));
      if (outcome.kind !== "reply") throw new Error("not answered");
      answers.push([outcome.reply.userIds, outcome.reply.next]);
      after = outcome.reply.next;
      if (after === null) break;
    }
    expect(answers).to.deep.equal([
      [["000003"], "019999"],
      [["021000"], "039999"],
      [["044999"], null],
    ]);
  });

  it("finds who is in an area by their places, page by page, without looking at those elsewhere", async () => {
    const town = anAppId();
    const rows = users.map((userId, index) => ({
      _id: `${town}/${userId}`,
      app: town,
      userId,
      partition: PARTITION,
      createdAt: index < 40 ? 1 : 99,
      version: 1,
      // Every fourth is in town, and every eighth was there lately.
      location: index % 4 === 0 ? { ...at(47), at: index % 8 === 0 ? 7 : 5 } : at(1 + index / 1_000),
    }));
    await stores.db.collection<{ _id: string }>("identities").insertMany(rows);
    const wanted = users.filter((_, index) => index < 40 && index % 8 === 0);
    const within = { circle: { latitude: 47, longitude: 13, radiusMeters: 5_000 } };
    const filter = { and: [{ and: [{ within, since: 6 }] }, { field: "user_id" as const, exists: true }] };
    await stores.db.command({ profile: 2 });
    const found: string[] = [];
    for (let after: string | null = null; ;) {
      const asked = { filter, partition: PARTITION, after, createdBefore: 9, limit: 2 };
      const outcome = await matchUsers(stores)(aDelivery(asked, { app: town }));
      if (outcome.kind !== "reply") throw new Error("not answered");
      found.push(...outcome.reply.userIds);
      after = outcome.reply.next;
      if (after === null) break;
    }
    const counted = await countAudience(stores)(aDelivery({ filter }, { app: town }));
    await stores.db.command({ profile: 0 });
    expect(found).to.deep.equal(wanted);
    expect(counted).to.deep.equal({
      kind: "reply",
      reply: { count: users.filter((_, index) => index % 8 === 0).length },
    });
    const inTown = rows.filter((_, index) => index % 4 === 0).length;
    const profiled = await stores.db
      .collection("system.profile")
      .find({ ns: /identities$/, "command.hint": { $exists: true } })
      .toArray();
    const ofTown = profiled.filter((one) => JSON.stringify(one["command"]).includes(town));
    expect(ofTown.length).to.be.greaterThan(wanted.length / 2);
    for (const { docsExamined } of ofTown) expect(docsExamined).to.be.at.most(inTown);
  });

  it("walks instead of sorting where very many are in an area, and finds the same", async () => {
    const crowd = anAppId();
    const many = Array.from({ length: 2_500 }, (_, index) => String(index).padStart(6, "0"));
    const location = { point: { type: "Point", coordinates: [13, 47] }, at: 5 };
    const rows = many.map((userId) => ({
      _id: `${crowd}/${userId}`,
      app: crowd,
      userId,
      partition: 1,
      createdAt: 1,
      version: 1,
      location,
    }));
    await stores.db.collection<{ _id: string }>("identities").insertMany(rows, { ordered: false });
    const filter = { within: { circle: { latitude: 47, longitude: 13, radiusMeters: 30_000_000 } } };
    const asked = { filter, partition: 1, after: many[1_999] ?? null, createdBefore: 9, limit: 1_000 };
    const outcome = await matchUsers(stores)(aDelivery(asked, { app: crowd }));
    expect(outcome).to.deep.equal({ kind: "reply", reply: { userIds: many.slice(2_000), next: null } });
  });

  it("is answered from the index alone for everyone", async () => {
    await stores.db.command({ profile: 2 });
    await askedOf({ after: users[3] ?? null, limit: 10 });
    await stores.db.command({ profile: 0 });
    const [profiled] = await stores.db
      .collection("system.profile")
      .find({ "command.find": "identities", "command.filter.app": app })
      .toArray();
    expect(profiled).to.deep.include({ docsExamined: 0, nreturned: 10 });
    expect(profiled?.["keysExamined"]).to.be.at.most(12);
  });

  it("names time zones beside the users", async () => {
    const [ann = "", bob = ""] = users;
    await stores.db
      .collection<{ _id: string }>("identities")
      .updateOne({ _id: `${app}/${ann}` }, { $set: { timeZone: "Europe/Vienna" } });
    for (const filter of [null, { field: "user_id" as const, in: [ann, bob] }]) {
      const { timeZones } = await askedOf({ withTimeZones: true, limit: 2, filter });
      expect(timeZones).to.deep.equal(["Europe/Vienna", null]);
    }
  });
});

describe("countAudience and matchesAudience", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("count-audience");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("counts everyone and who matches, over all partitions, and no other app's", async () => {
    const app = anAppId();
    const users = userIds(500);
    await stores.identities.makeKnown(app, users, 5);
    await stores.identities.makeKnown(anAppId(), users, 5);
    const count = async (filter: Parameters<ReturnType<typeof countAudience>>[0]["payload"]["filter"]) => {
      const outcome = await countAudience(stores)(aDelivery({ filter }, { app }));
      return outcome.kind === "reply" ? outcome.reply.count : outcome;
    };
    expect(await count(null)).to.equal(500);
    expect(await count({ field: "user_id", in: [...users.slice(0, 40), "nobody"] })).to.equal(40);
  });

  it("refuses a polygon whose edges cross, and says so", async () => {
    const filter = { within: { polygon: [corner(0, 0), corner(1, 1), corner(1, 0), corner(0, 1)] } };
    const asking = [
      countAudience(stores)(aDelivery({ filter })),
      matchesAudience(stores)(aDelivery({ filter, userId: "ann" })),
    ];
    for (const refusal of await Promise.all(asking.map((one) => one.catch((error: unknown) => error)))) {
      expect(refusal).to.deep.include({ code: "invalid_property", details: { property: "within.polygon" } });
    }
    // Closed by its caller or not, a sound one is the same.
    const sound = [corner(0, 0), corner(0, 1), corner(1, 1)];
    for (const polygon of [sound, [...sound, corner(0, 0)]]) {
      const outcome = await countAudience(stores)(aDelivery({ filter: { within: { polygon } } }));
      expect(outcome).to.deep.equal({ kind: "reply", reply: { count: 0 } });
    }
  });

  it("says whether one user matches; who is not known does not", async () => {
    const app = anAppId();
    const { userId } = await withIdentity(stores, app, "ann");
    const matches = async (asked: string, eq: string | null) => {
      const filter = eq === null ? null : { field: "metadata.tier" as const, eq };
      const outcome = await matchesAudience(stores)(aDelivery({ filter, userId: asked }, { app }));
      return outcome.kind === "reply" ? outcome.reply.matches : outcome;
    };
    expect(await matches(userId, null)).to.equal(true);
    expect(await matches(userId, "gold")).to.equal(true);
    expect(await matches(userId, "silver")).to.equal(false);
    expect(await matches("nobody", null)).to.equal(false);
    expect(await matches("nobody", "gold")).to.equal(false);
  });
});
