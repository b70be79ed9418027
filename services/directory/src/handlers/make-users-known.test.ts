import { partitionOf } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, identityFields, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { createIdentities } from "./create-identities.ts";
import { findUnknownUsers } from "./find-unknown-users.ts";
import { getUser } from "./get-user.ts";
import { makeUsersKnown } from "./make-users-known.ts";

describe("makeUsersKnown", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("make-users-known");
  });
  after(() => stores[Symbol.asyncDispose]());

  const unknownAmong = async (app: string, asked: string[]) => {
    const outcome = await findUnknownUsers(stores)(aDelivery({ userIds: asked }, { app }));
    return outcome.kind === "reply" ? outcome.reply.unknown : outcome;
  };

  it("makes known whoever is not, without an identity, and leaves the others as they are", async () => {
    const app = anAppId();
    const identity = await withIdentity(stores, app, aUserId(1));
    const users = userIds(500);
    const outcome = await makeUsersKnown(stores)(aDelivery({ userIds: [...users, aUserId(2)], at: 5 }, { app }));

    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await unknownAmong(app, [...users, aUserId(501)])).to.deep.equal([aUserId(501)]);
    const inOnePartition = users.filter((userId) => partitionOf(userId) === 5);
    expect(await unknownAmong(app, inOnePartition)).to.deep.equal([]);
    expect(await stores.identities.findMany(app, users)).to.deep.equal([identity]);
    expect(await getUser(stores)(aDelivery({ userId: aUserId(2) }, { app }))).to.deep.equal({
      kind: "reply",
      reply: { user: { userId: aUserId(2), identity: null, isSuspended: false, externalUnread: 0, createdAt: 5 } },
    });
  });

  it("bears being repeated, and two at once about the same users", async () => {
    const app = anAppId();
    const users = userIds(300);
    const deliveries = [users, users.toReversed(), users].map((named) => aDelivery({ userIds: named, at: 5 }, { app }));
    await Promise.all(deliveries.map(makeUsersKnown(stores)));
    expect(await unknownAmong(app, users)).to.deep.equal([]);
    expect(await stores.db.collection("identities").countDocuments({ app, version: 1 })).to.equal(300);
  });

  it("makes nobody known of nobody, nor in another app", async () => {
    const app = anAppId();
    await makeUsersKnown(stores)(aDelivery({ userIds: [], at: 5 }, { app }));
    await makeUsersKnown(stores)(aDelivery({ userIds: [aUserId()], at: 5 }, { app: anAppId() }));
    expect(await unknownAmong(app, [aUserId()])).to.deep.equal([aUserId()]);
  });

  it("lets an identity be created for who was known by name, in her partition, answered again when it comes again", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await makeUsersKnown(stores)(aDelivery({ userIds: [aUserId(1), aUserId(2)], at: 5 }, { app }));
    const group = [1, 2, 3].map((n) => aDelivery({ userId: aUserId(n), fields: identityFields() }, { app }));
    const outcomes = await createIdentities({ ...stores, publisher })(group);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["reply", "reply", "reply"]);
    expect(outcomes[0]).to.deep.nested.include({
      "reply.partition": partitionOf(aUserId(1)),
      "reply.createdAt": 5,
      "reply.version": 2,
    });
    expect(await createIdentities({ ...stores, publisher })(group)).to.deep.equal(outcomes);
    expect(events.slice(3)).to.deep.equal(events.slice(0, 3));

    const another = aDelivery({ userId: aUserId(1), fields: identityFields("Eve") }, { app });
    const [refused] = await createIdentities({ ...stores, publisher })([another]);
    expect(refused).to.have.nested.property("error.code", "conflict");
  });
});
