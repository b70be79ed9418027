import { partitionOf } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, identityFields, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { createIdentities } from "../handlers/create-identities.ts";
import { deleteUser } from "../handlers/delete-user.ts";

describe("counts of users", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("user-counts");
  });
  after(() => stores[Symbol.asyncDispose]());

  const rowsOf = (app: string) => stores.db.collection("identities").countDocuments({ app, userId: { $exists: true } });
  const deps = () => ({ ...stores, ...recordingPublisher() });

  it("equal the rows after every way to come and to go", async () => {
    const app = anAppId();
    expect(await stores.counts.count(app)).to.equal(0);
    await stores.identities.makeKnown(app, userIds(300), 5);
    expect(await stores.counts.count(app)).to.equal(300);
    const created = [301, 302, 3].map((n) => aDelivery({ userId: aUserId(n), fields: identityFields() }, { app }));
    await createIdentities(deps())(created);
    expect(await stores.counts.count(app)).to.equal(302);
    await deleteUser(deps())(aDelivery({ userId: aUserId(7), at: Date.now() }, { app }));
    expect(await stores.counts.count(app)).to.equal(301);
    await stores.identities.makeKnown(app, [aUserId(7)], Date.now() + 1);
    expect(await stores.counts.count(app)).to.equal(302);
    expect(await rowsOf(app)).to.equal(302);
  });

  it("count only what changed: clean partitions are not looked at", async () => {
    const app = anAppId();
    await stores.identities.makeKnown(app, userIds(200), 5);
    await stores.counts.count(app);
    await stores.identities.makeKnown(app, [aUserId(201)], 5);
    await stores.db.command({ profile: 2 });
    expect(await stores.counts.count(app)).to.equal(201);
    expect(await stores.counts.count(app)).to.equal(201);
    await stores.db.command({ profile: 0 });
    const counted = await stores.db.collection("system.profile").find({ "command.query.app": app }).toArray();
    expect(counted.map(({ planSummary }) => planSummary)).to.deep.equal([
      "COUNT_SCAN { app: 1, partition: 1, userId: 1, createdAt: 1 }",
    ]);
  });

  it("are remembered of an app that nobody has marked yet", async () => {
    const app = anAppId();
    expect(await stores.counts.count(app)).to.equal(0);
    await stores.db.command({ profile: 2 });
    expect(await stores.counts.count(app)).to.equal(0);
    await stores.db.command({ profile: 0 });
    const counted = await stores.db.collection("system.profile").countDocuments({ "command.query.app": app });
    expect(counted).to.equal(0);
    await stores.identities.makeKnown(app, userIds(3), 5);
    expect(await stores.counts.count(app)).to.equal(3);
  });

  it("equal the rows when a process dies between its write and its mark", async () => {
    const app = anAppId();
    await withIdentity(stores, app, aUserId(1));
    await stores.counts.count(app);
    // Known by name: opened, asked meanwhile, written, and never closed.
    await stores.counts.open(app, [aUserId(2)]);
    expect(await stores.counts.count(app)).to.equal(1);
    await stores.db
      .collection<{ _id: string }>("identities")
      .insertOne(
        Object.assign({ _id: `${app}/${aUserId(2)}` }, { app, userId: aUserId(2), partition: partitionOf(aUserId(2)) }),
      );
    expect(await stores.counts.count(app)).to.equal(2);
    // An identity: its command comes again, and marks again.
    const creation = aDelivery({ userId: aUserId(3), fields: identityFields() }, { app });
    const dying = { ...stores.counts, markDirty: () => Promise.reject(new Error("killed")) };
    const failure = await createIdentities({ ...deps(), counts: dying })([creation]).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    await createIdentities(deps())([creation]);
    expect(await stores.counts.count(app)).to.equal(3);
  });

  it("equal the rows once writes stop, with questions and writes at once", async () => {
    const app = anAppId();
    const writes = Array.from({ length: 20 }, (_, n) =>
      stores.identities.makeKnown(app, userIds(20 * (n + 1)), 5).then(() => stores.counts.count(app)),
    );
    await Promise.all(writes);
    expect(await stores.counts.count(app)).to.equal(400);
  });
});
