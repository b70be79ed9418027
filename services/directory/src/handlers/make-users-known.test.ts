import { partitionOf, UsersKnown } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import {
  aDelivery,
  afterFailedPublish,
  identityFields,
  openStores,
  recordingPublisher,
  withIdentity,
} from "../../test/support.ts";
import { changeBlocks } from "./change-blocks.ts";
import { changeFollowing } from "./change-following.ts";
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

  const silently = () => ({ ...stores, ...recordingPublisher() });
  const unknownAmong = async (app: string, asked: string[]) => {
    const outcome = await findUnknownUsers(stores)(aDelivery({ userIds: asked }, { app }));
    return outcome.kind === "reply" ? outcome.reply.unknown : outcome;
  };

  it("makes known whoever is not, without an identity, and leaves the others as they are", async () => {
    const app = anAppId();
    const identity = await withIdentity(stores, app, aUserId(1));
    const users = userIds(500);
    const outcome = await makeUsersKnown(silently())(aDelivery({ userIds: [...users, aUserId(2)], at: 5 }, { app }));

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
    await Promise.all(deliveries.map(makeUsersKnown(silently())));
    expect(await unknownAmong(app, users)).to.deep.equal([]);
    expect(await stores.db.collection("identities").countDocuments({ app, version: 1 })).to.equal(300);
  });

  it("tells of whoever became known by it, the same when it comes again, and of nobody else", async () => {
    const app = anAppId();
    await makeUsersKnown(silently())(aDelivery({ userIds: [aUserId(1)], at: 4 }, { app }));
    const naming = aDelivery({ userIds: [aUserId(3), aUserId(1), aUserId(2)], at: 5 }, { app });
    const told = { userIds: [aUserId(2), aUserId(3)], at: 5 };
    const again = await afterFailedPublish(stores, makeUsersKnown, naming);
    expect(again.events.map(({ type, payload }) => [type, payload])).to.deep.equal([[UsersKnown.type, told]]);
    const { events, publisher } = recordingPublisher();
    await makeUsersKnown({ ...stores, publisher })(naming);
    await makeUsersKnown({ ...stores, publisher })(aDelivery({ userIds: [aUserId(2)], at: 6 }, { app }));
    expect(events.map(({ payload, id }) => [payload, id])).to.deep.equal([[told, `${naming.id}.users-known`]]);
    const deleted = await stores.identities.find(app, aUserId(2));
    if (deleted) await stores.identities.forget(deleted, 7, "deletion");
    await makeUsersKnown({ ...stores, publisher })(naming);
    expect(events[1]?.payload).to.deep.equal({ userIds: [aUserId(3)], at: 5 });
  });

  it("is told of, too, where she became known by being followed, or by her own blocks", async () => {
    const app = anAppId();
    await withIdentity(stores, app, aUserId(1));
    const { events, publisher } = recordingPublisher();
    const following = { userId: aUserId(1), follow: [aUserId(2), aUserId(1)], unfollow: [], at: 5 };
    await changeFollowing({ ...stores, publisher })(aDelivery(following, { app }));
    const blocking = {
      userId: aUserId(3),
      changes: [{ kind: "block" as const, userId: "eve" }],
      makeKnown: true,
      at: 6,
    };
    await changeBlocks({ ...stores, publisher })(aDelivery(blocking, { app }));
    const told = events.filter(({ type }) => type === UsersKnown.type).map(({ payload }) => payload);
    expect(told).to.deep.equal([
      { userIds: [aUserId(2)], at: 5 },
      { userIds: [aUserId(3)], at: 6 },
    ]);
  });

  it("makes nobody known of nobody, nor in another app", async () => {
    const app = anAppId();
    await makeUsersKnown(silently())(aDelivery({ userIds: [], at: 5 }, { app }));
    await makeUsersKnown(silently())(aDelivery({ userIds: [aUserId()], at: 5 }, { app: anAppId() }));
    expect(await unknownAmong(app, [aUserId()])).to.deep.equal([aUserId()]);
  });

  it("lets an identity be created for who was known by name, in her partition, answered again when it comes again", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await makeUsersKnown(silently())(aDelivery({ userIds: [aUserId(1), aUserId(2)], at: 5 }, { app }));
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
