import { randomUUID } from "node:crypto";
import { anAppId, aUserId } from "@strata/testing";
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
import { changeIdentity } from "./change-identity.ts";
import { createIdentities } from "./create-identities.ts";
import { deleteUser } from "./delete-user.ts";
import { reportDeletion } from "./deletions.ts";
import { getUser } from "./get-user.ts";
import { makeAcquaintances } from "./make-acquaintances.ts";
import { makeUsersKnown } from "./make-users-known.ts";
import { setExternalUnread } from "./set-external-unread.ts";
import { suspendUser } from "./suspend-user.ts";

const [ann, bob, cid] = [aUserId(1), aUserId(2), aUserId(3)];
/** When she is deleted; commands are sent before or after it. */
const DELETED_AT = 1_000;

const aDeletion = (app: string) => aDelivery({ userId: ann, at: DELETED_AT }, { app, sentAt: new Date(DELETED_AT) });

describe("deleteUser", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("delete-user");
  });
  after(() => stores[Symbol.asyncDispose]());

  const silently = () => ({ ...stores, ...recordingPublisher() });
  const userIn = async (app: string) => {
    const outcome = await getUser(stores)(aDelivery({ userId: ann }, { app }));
    return outcome.kind === "reply" ? outcome.reply.user : outcome;
  };
  const create = async (app: string, sentAt: number, displayName = "Ann") => {
    const creation = aDelivery({ userId: ann, fields: identityFields(displayName) }, { app, sentAt: new Date(sentAt) });
    return (await createIdentities(silently())([creation]))[0];
  };
  const name = (app: string, at: number) =>
    makeUsersKnown({ ...stores, ...recordingPublisher() })(aDelivery({ userIds: [ann, bob], at }, { app }));

  /** Three users who all follow and block each other, and whatever else there is of Ann. */
  const acquaintances = async () => {
    const app = anAppId();
    for (const userId of [ann, bob, cid]) await withIdentity(stores, app, userId);
    const conversation = {
      conversationId: randomUUID(),
      createdAt: 10,
      participants: [ann, bob, cid],
      distinct: false,
    };
    await makeAcquaintances(stores)(aDelivery(conversation, { app }));
    for (const userId of [ann, bob, cid]) {
      const changes = [ann, bob, cid].map((other) => ({ kind: "block" as const, userId: other }));
      const sentAt = new Date(20);
      await changeBlocks(silently())(aDelivery({ userId, changes, makeKnown: false, at: 20 }, { app, sentAt }));
    }
    await suspendUser(silently())(aDelivery({ userId: ann, isSuspended: true, at: 30 }, { app }));
    await setExternalUnread(silently())(aDelivery({ userId: ann, count: 4 }, { app }));
    return app;
  };

  it("leaves nothing of a user but a tombstone without a name, and tells of it last", async () => {
    const { events, publisher } = recordingPublisher();
    const app = await acquaintances();
    const outcome = await deleteUser({ ...stores, publisher })(aDeletion(app));

    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await userIn(app)).to.equal(null);
    expect(await stores.identities.findMany(app, [ann, bob])).to.have.lengthOf(1);
    expect(await stores.identities.findUnknown(app, [ann])).to.deep.equal([ann]);
    expect(await stores.identities.findUnknown(app, [ann, bob, cid])).to.deep.equal([ann]);
    expect(
      await stores.db.collection("followings").countDocuments({ app, $or: [{ user: ann }, { followed: ann }] }),
    ).to.equal(0);
    expect(await stores.followings.list(app, bob, null, 10)).to.deep.equal([cid]);
    expect(await stores.blocks.find(app, ann)).to.deep.include({ blocked: [] });
    expect(await stores.blocks.find(app, bob)).to.deep.include({ blocked: [bob, cid], version: 2 });
    const row = await stores.db.collection<{ _id: string }>("identities").findOne({ _id: `${app}/${ann}` });
    expect(Object.keys(row ?? {})).to.have.members([
      "_id",
      "app",
      "version",
      "changedBy",
      "forgottenAt",
      "identityDeletedAt",
      "sessionsEndedAt",
    ]);
    expect(events.map(({ type, payload }) => [type, payload])).to.deep.equal([
      ["directory.user.deleted.v1", { userId: ann, at: DELETED_AT }],
    ]);
  });

  it("does every step again when it comes again, and tells what could not be told before", async () => {
    const app = await acquaintances();
    const delivery = aDeletion(app);
    const { outcome, events } = await afterFailedPublish(stores, deleteUser, delivery);
    expect(outcome).to.deep.equal({ kind: "ack" });
    const { events: again, publisher } = recordingPublisher();
    expect(await deleteUser({ ...stores, publisher })(delivery)).to.deep.equal({ kind: "ack" });
    expect(again).to.deep.equal(events);
  });

  it("puts on record how much there was, once, however often it begins, and by whom", async () => {
    const app = await acquaintances();
    const by = { kind: "token" as const, id: "t1" };
    const delivery = aDelivery({ userId: ann, at: DELETED_AT, by }, { app, sentAt: new Date(DELETED_AT) });
    const killed = { ...stores.blocks, forget: () => Promise.reject(new Error("killed")) };
    const failure = await deleteUser({ ...silently(), blocks: killed })(delivery).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    const stepOf = async () =>
      (await stores.deletions.findLast(app, ann))?.steps.find(({ step }) => step === "directory");
    expect(await stepOf()).to.have.property("doneAt", null);
    await deleteUser(silently())(delivery);
    await deleteUser(silently())(delivery);
    const step = await stepOf();
    expect(step?.doneAt).to.be.above(0);
    expect(step?.counts).to.deep.equal({
      identities: 1,
      locations: 0,
      device_facts: 0,
      blocks: 3,
      blocked_by: 3,
      followings: 2,
      followers: 2,
      sessions: 0,
      flags_made: 0,
      flags_against: 0,
      moderation_decisions: 0,
      mutes: 0,
    });
    expect(await stores.deletions.findLast(app, ann)).to.deep.include({ at: DELETED_AT, by });
  });

  it("keeps of what services tell of it the most, and when each was done first", async () => {
    const app = await acquaintances();
    await deleteUser(silently())(aDeletion(app));
    const report = (counts: Record<string, number>, isDone: boolean, at = DELETED_AT) =>
      reportDeletion(stores)(aDelivery({ userId: ann, at, step: "push-delivery" as const, counts, isDone }, { app }));
    const stepOf = async () =>
      (await stores.deletions.findLast(app, ann))?.steps.find(({ step }) => step === "push-delivery");
    await report({ devices: 2 }, false);
    await report({ devices: 0, preferences: 1 }, false);
    expect(await stepOf()).to.deep.include({ counts: { devices: 2, preferences: 1 }, doneAt: null });
    await report({}, true);
    const done = await stepOf();
    expect(done?.doneAt).to.be.above(0);
    await report({}, true);
    expect(await stepOf()).to.deep.equal(done);
    await report({ devices: 9 }, true, DELETED_AT + 1);
    expect(await stepOf(), "of another deletion").to.deep.equal(done);
  });

  it("refuses a user who is not known, or who was deleted by another command", async () => {
    const { events, publisher } = recordingPublisher();
    const handle = deleteUser({ ...stores, publisher });
    expect(await handle(aDeletion(anAppId()))).to.have.nested.property("error.code", "not_found");
    const app = await acquaintances();
    await handle(aDeletion(app));
    expect(await handle(aDeletion(app))).to.have.nested.property("error.code", "not_found");
    expect(events).to.have.lengthOf(1);
  });

  it("is not undone by what was sent before it and comes late", async () => {
    const app = await acquaintances();
    await deleteUser(silently())(aDeletion(app));
    const sentAt = new Date(DELETED_AT - 1);
    expect(await create(app, DELETED_AT - 1)).to.have.nested.property("error.code", "object_deleted");
    expect(await name(app, DELETED_AT - 1)).to.deep.equal({ kind: "ack" });
    const blocking = { userId: ann, changes: [{ kind: "block" as const, userId: bob }], makeKnown: true, at: 999 };
    const blocked = await changeBlocks(silently())(aDelivery(blocking, { app, sentAt }));
    expect(blocked).to.have.nested.property("error.code", "not_found");
    const following = { userId: bob, follow: [ann, cid], unfollow: [], at: 999 };
    await changeFollowing(silently())(aDelivery(following, { app, sentAt }));
    const conversation = { conversationId: randomUUID(), createdAt: 999, participants: [ann, bob], distinct: false };
    await makeAcquaintances(stores)(aDelivery(conversation, { app }));

    expect(await userIn(app)).to.equal(null);
    expect(await stores.followings.list(app, bob, null, 10)).to.deep.equal([cid]);
    expect(await stores.followings.list(app, ann, null, 10)).to.deep.equal([]);
    expect(await stores.blocks.find(app, ann)).to.deep.include({ blocked: [] });
  });

  it("lets her come back as somebody new, by name or with an identity, with versions that go on", async () => {
    const app = await acquaintances();
    await deleteUser(silently())(aDeletion(app));
    await name(app, DELETED_AT + 1);
    const comeBack = { createdAt: DELETED_AT + 1, identity: null, isSuspended: false, externalUnread: 0 };
    expect(await userIn(app)).to.deep.equal({ userId: ann, ...comeBack });
    expect(await stores.identities.findUnknown(app, [ann])).to.deep.equal([]);
    expect(await stores.identities.findUnknown(app, [ann, bob])).to.deep.equal([]);
    expect(await create(app, DELETED_AT - 1)).to.have.nested.property("error.code", "object_deleted");
    expect(await create(app, DELETED_AT + 2, "Eve")).to.deep.nested.include({
      "reply.displayName": "Eve",
      "reply.version": 6,
    });
    expect(await stores.followings.list(app, ann, null, 10)).to.deep.equal([]);

    const another = await acquaintances();
    await deleteUser(silently())(aDeletion(another));
    expect(await create(another, DELETED_AT + 1, "Eve")).to.have.nested.property("reply.displayName", "Eve");
    const change = { userId: ann, changes: [{ kind: "set-type" as const, value: "bot" as const }] };
    const late = aDelivery(change, { app: another, sentAt: new Date(DELETED_AT - 1) });
    expect(await changeIdentity(silently())(late)).to.have.nested.property("error.code", "not_found");
  });

  it("gives a creation its turn that is in one group with one from before", async () => {
    const app = await acquaintances();
    await deleteUser(silently())(aDeletion(app));
    const [before, now] = [DELETED_AT - 1, DELETED_AT + 1].map((sentAt) =>
      aDelivery({ userId: ann, fields: identityFields() }, { app, sentAt: new Date(sentAt) }),
    );
    if (!before || !now) throw new Error("two creations");
    const outcomes = await createIdentities(silently())([before, now]);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["refuse", "retry"]);
    expect((await createIdentities(silently())([now]))[0]).to.have.property("kind", "reply");
  });

  it("leaves nothing of her that others write while she is being deleted", async () => {
    const app = await acquaintances();
    const { followings } = stores;
    const deleteAt = (at: number) =>
      deleteUser(silently())(aDelivery({ userId: ann, at }, { app, sentAt: new Date(at) }));
    // Others have looked whether she is there, and have not written yet.
    const acquaint: typeof followings.acquaint = async (...written) => {
      await deleteAt(DELETED_AT);
      await followings.acquaint(...written);
    };
    const conversation = { conversationId: randomUUID(), createdAt: 999, participants: [ann, bob], distinct: false };
    await makeAcquaintances({ ...stores, followings: { ...followings, acquaint } })(aDelivery(conversation, { app }));
    expect(await userIn(app)).to.equal(null);
    expect(await followings.list(app, bob, null, 10)).to.deep.equal([cid]);

    await create(app, DELETED_AT + 1);
    const take: typeof followings.take = async (...written) => {
      await deleteAt(3_000);
      await followings.take(...written);
    };
    const following = { userId: bob, follow: [ann], unfollow: [], at: 2_999 };
    await changeFollowing({ ...silently(), followings: { ...followings, take } })(aDelivery(following, { app }));
    expect(await userIn(app)).to.equal(null);
    expect(await followings.list(app, bob, null, 10)).to.deep.equal([cid]);
  });

  it("does not take a new following away when it comes again after she has come back", async () => {
    const app = await acquaintances();
    const delivery = aDeletion(app);
    await deleteUser(silently())(delivery);
    await name(app, DELETED_AT + 1);
    const conversation = { conversationId: randomUUID(), createdAt: 2_000, participants: [ann, bob], distinct: false };
    await makeAcquaintances(stores)(aDelivery(conversation, { app }));
    await deleteUser(silently())(delivery);
    expect(await stores.followings.list(app, ann, null, 10)).to.deep.equal([bob]);
    expect(await userIn(app)).to.have.property("userId", ann);
  });
});
