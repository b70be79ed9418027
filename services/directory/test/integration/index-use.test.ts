import { randomUUID } from "node:crypto";
import { OPERATOR } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { changeAppSettings, getAppSettings } from "../../src/handlers/app-settings.ts";
import { findBlockers, listBlocks } from "../../src/handlers/blocks.ts";
import { changeBlocks } from "../../src/handlers/change-blocks.ts";
import { changeFollowing } from "../../src/handlers/change-following.ts";
import { changeIdentity } from "../../src/handlers/change-identity.ts";
import { createSession } from "../../src/handlers/create-session.ts";
import { deleteIdentity } from "../../src/handlers/delete-identity.ts";
import { deleteUser } from "../../src/handlers/delete-user.ts";
import { endSessions } from "../../src/handlers/end-sessions.ts";
import {
  changeIdentityKey,
  createIdentityKey,
  createIdentityProvider,
  findIdentityKey,
  listIdentityKeys,
  listIdentityProviders,
} from "../../src/handlers/identity-providers.ts";
import { findUnknownUsers } from "../../src/handlers/find-unknown-users.ts";
import { findFollowed, isFollowing, listFollowers, listFollowing } from "../../src/handlers/followings.ts";
import { getIdentities } from "../../src/handlers/get-identities.ts";
import { getUser } from "../../src/handlers/get-user.ts";
import { makeAcquaintances } from "../../src/handlers/make-acquaintances.ts";
import { authenticateSession, endSession } from "../../src/handlers/sessions.ts";
import { makeUsersKnown } from "../../src/handlers/make-users-known.ts";
import { aDelivery, openStores, recordingPublisher, withIdentity } from "../support.ts";

const Plans = z.array(
  z.object({
    ns: z.string(),
    op: z.string(),
    planSummary: z.string(),
    docsExamined: z.number().default(0),
    command: z.unknown(),
  }),
);

describe("everything that is asked of the database", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("index-use");
  });
  after(() => stores[Symbol.asyncDispose]());

  const app = anAppId();
  const [ann, bob, cid] = [aUserId(1), aUserId(2), aUserId(3)];
  const STRANGERS = 300;

  /** What the database itself says it did for all of these, and how. */
  async function plansOf(work: () => Promise<unknown>): Promise<z.infer<typeof Plans>> {
    await stores.db.command({ profile: 2 });
    await work();
    await stores.db.command({ profile: 0 });
    const profiled = await stores.db
      .collection("system.profile")
      .find({ planSummary: { $exists: true }, ns: { $not: /system\.profile/ } })
      .toArray();
    return Plans.parse(profiled);
  }

  it("walks an index and never a whole collection, and looks at no stranger's rows", async () => {
    const deps = { ...stores, ...recordingPublisher() };
    await stores.apps.insertOrFind({ appId: app, accountId: OPERATOR, name: "Shop", createdAt: 1 }, "test");
    for (const userId of [ann, bob, cid]) await withIdentity(stores, app, userId);
    const strangers = userIds(STRANGERS).map((userId) => `stranger-${userId}`);
    await stores.identities.makeKnown(app, strangers, 1);
    await changeBlocks(deps)(
      aDelivery(
        { userId: "stranger", changes: [{ kind: "set", userIds: strangers }], makeKnown: true, at: 1 },
        { app },
      ),
    );
    const group = { conversationId: randomUUID(), createdAt: 1, participants: strangers.slice(0, 20), distinct: false };
    await makeAcquaintances(deps)(aDelivery(group, { app }));

    const of = <P>(payload: P) => aDelivery(payload, { app });
    const blocking = { userId: ann, changes: [{ kind: "block" as const, userId: bob }], makeKnown: true, at: 5 };
    const conversation = { conversationId: randomUUID(), createdAt: 5, participants: [ann, bob, cid], distinct: true };
    const provider = { appId: app, accountId: OPERATOR, providerId: randomUUID() };
    const key = { ...provider, keyId: randomUUID() };
    const login = { userId: ann, nonce: "n", nonceExpiresAt: Date.now() + 60_000, claims: {}, at: Date.now() };
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      const session = { app, userId: "stranger", hash: String(n), beganAt: 1, expiresAt: new Date(), by: "test" };
      await stores.sessions.insertOrFind(session);
    }
    const plans = await plansOf(async () => {
      await createIdentityProvider(deps)(of({ ...provider, name: "backend" }));
      await createIdentityKey(deps)(of({ ...key, publicKey: "a key" }));
      await changeIdentityKey(deps)(of({ ...key, state: "disabled" }));
      await findIdentityKey(deps)(of({ keyId: key.keyId }));
      await listIdentityKeys(deps)(of({ providerId: key.providerId }));
      await listIdentityProviders(deps)(of({}));
      await createSession(deps)(of({ ...login, hash: "a".repeat(64) }));
      await authenticateSession(deps)(of({ hash: "a".repeat(64) }));
      await endSession(deps)(of({ hash: "a".repeat(64), at: 7 }));
      await changeAppSettings(deps)(of({ appId: app, accountId: OPERATOR, settings: { maxParticipants: 9 } }));
      await getAppSettings(deps)(of({}));
      await changeBlocks(deps)(of(blocking));
      await changeFollowing(deps)(of({ userId: ann, follow: [bob, "new"], unfollow: [cid], at: 6 }));
      await changeIdentity(deps)(of({ userId: ann, changes: [{ kind: "set-type", value: "bot" }] }));
      await endSessions(deps)(of({ userId: ann, at: 7 }));
      await makeAcquaintances(deps)(of(conversation));
      await makeUsersKnown(deps)(of({ userIds: [ann, "another"], at: 5 }));
      await findBlockers(deps)(of({ checks: [{ senderId: bob, userIds: [ann, cid] }] }));
      await listBlocks(deps)(of({ userId: ann }));
      await findUnknownUsers(deps)(of({ userIds: [ann] }));
      await findUnknownUsers(deps)(of({ userIds: [ann, bob, cid] }));
      await getIdentities(deps)(of({ userIds: [ann, bob] }));
      await getUser(deps)(of({ userId: ann }));
      await isFollowing(deps)(of({ userId: ann, followed: bob }));
      await listFollowing(deps)(of({ userId: ann, after: "a", limit: 100, withIdentities: true }));
      await listFollowers(deps)(of({ userId: bob, after: null, limit: 100 }));
      await listFollowers(deps)(of({ userId: bob, after: "a", limit: 100 }));
      await findFollowed(deps)(of({ userId: ann, userIds: [bob, cid, ...strangers] }));
      await deleteIdentity(deps)(of({ userId: bob }));
      await deleteUser(deps)(of({ userId: ann, at: Date.now() }));
    });

    const namespaces = new Set(plans.map(({ ns }) => ns.split(".").at(-1)));
    expect([...namespaces]).to.include.members([
      "apps",
      "identities",
      "followings",
      "blocks",
      "sessions",
      "identity_keys",
    ]);
    expect(plans.length).to.be.greaterThan(30);
    const scans = plans.filter(({ planSummary }) => planSummary.includes("COLLSCAN"));
    expect(scans).to.deep.equal([]);
    // A handful of users took part; an index whose order does not fit would look at the others' rows as well.
    expect(plans.filter(({ docsExamined }) => docsExamined > 10)).to.deep.equal([]);
  });

  it("finds who follows a user in their order from the index, whoever has followed her before", async () => {
    const steps = userIds(50).map((user) => ({ kind: "follow" as const, user, followed: "star" }));
    await stores.followings.take(app, steps, 10, "test");
    const gone = userIds(40).map((user) => ({ kind: "unfollow" as const, user, followed: "star" }));
    await stores.followings.take(app, gone, 20, "test");
    const listing = await stores.db
      .collection("followings")
      .find({ app, followed: "star", isFollowing: true, user: { $gt: "a" } }, { projection: { _id: 0, user: 1 } })
      .sort({ user: 1 })
      .limit(5)
      .explain("executionStats");
    expect(listing).to.have.nested.property("executionStats.totalDocsExamined", 0);
    expect(listing).to.have.nested.property("executionStats.totalKeysExamined").that.is.at.most(6);
    expect(JSON.stringify(listing)).to.not.contain('"SORT"');
  });

  it("counts whom a user follows, and finds who blocks a sender, from the index", async () => {
    const counting = await stores.db
      .collection("followings")
      .find({ app, user: bob, isFollowing: true }, { projection: { _id: 0, followed: 1 } })
      .explain("executionStats");
    expect(counting).to.have.nested.property("executionStats.totalDocsExamined", 0);
    await stores.blocks.replace(
      app,
      cid,
      { blocked: [], reasons: [], version: 0 },
      { blocked: [bob], reasons: [] },
      "test",
    );
    const asked = { app, blocked: { $in: [bob, ann] }, owner: { $in: [ann, bob, cid, ...userIds(500)] } };
    const blockers = await stores.db.collection("blocks").find(asked).explain("executionStats");
    expect(blockers).to.have.nested.property("executionStats.totalDocsExamined", 1);
    expect(blockers).to.have.nested.property("executionStats.totalKeysExamined").that.is.at.most(3);
  });
});
