import { partitionOf } from "@strata/contracts";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, identityFields, openStores, recordingPublisher } from "../../test/support.ts";
import { createIdentities } from "./create-identities.ts";
import { findUnknownUsers } from "./find-unknown-users.ts";
import { getIdentities } from "./get-identities.ts";

describe("findUnknownUsers", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const app = anAppId();
  const users = userIds(2_000);
  const known = users.filter((_, index) => index % 10 !== 0);
  before(async () => {
    stores = await openStores("find-unknown-users");
    const creations = known.map((userId) => aDelivery({ userId, fields: identityFields() }, { app }));
    await createIdentities({ ...stores, ...recordingPublisher() })(creations);
  });
  after(() => stores[Symbol.asyncDispose]());

  const unknownAmong = async (asked: string[], inApp = app) => {
    const outcome = await findUnknownUsers(stores)(aDelivery({ userIds: asked }, { app: inApp }));
    return outcome.kind === "reply" ? outcome.reply.unknown : outcome;
  };

  it("names exactly the users without an identity, of a thousand in all partitions", async () => {
    const asked = users.slice(0, 1_000);
    expect(await unknownAmong(asked)).to.deep.equal(asked.filter((userId) => !known.includes(userId)));
  });

  it("names exactly the users without an identity within one partition", async () => {
    const asked = users.filter((userId) => partitionOf(userId) === 5);
    const expected = asked.filter((userId) => !known.includes(userId));
    expect(expected).not.to.deep.equal([]);
    expect(await unknownAmong(asked)).to.deep.equal(expected);
  });

  it("answers within one partition from the index alone", async () => {
    const partition = 5;
    const asked = users.filter((userId) => partitionOf(userId) === partition);
    const plan = await stores.db
      .collection("identities")
      .find({ app, partition, userId: { $in: asked } }, { projection: { _id: 0, userId: 1 } })
      .explain("executionStats");
    expect(plan).to.have.nested.property("executionStats.totalDocsExamined", 0);
  });

  it("names nobody when all are known, and nobody of nobody", async () => {
    expect(await unknownAmong(known.slice(0, 1_000))).to.deep.equal([]);
    expect(await unknownAmong([])).to.deep.equal([]);
  });

  it("does not know another app's users", async () => {
    const asked = known.slice(0, 10);
    expect(await unknownAmong(asked, anAppId())).to.deep.equal(asked);
  });

  it("agrees with getIdentities, which leaves out whom it does not know", async () => {
    const asked = users.slice(0, 1_000);
    const outcome = await getIdentities(stores)(aDelivery({ userIds: asked }, { app }));
    const found = outcome.kind === "reply" ? outcome.reply.identities.map(({ userId }) => userId) : [];
    expect(found.toSorted()).to.deep.equal(asked.filter((userId) => known.includes(userId)));
  });
});
