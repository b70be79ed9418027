import { randomUUID } from "node:crypto";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { changeFollowing } from "./change-following.ts";
import { acquaintNewcomers, makeAcquaintances } from "./make-acquaintances.ts";

const [ann, bob, cid] = [aUserId(1), aUserId(2), aUserId(3)];
const aConversation = (app: string, participants: string[], createdAt: number) =>
  aDelivery({ conversationId: randomUUID(), createdAt, participants, distinct: false }, { app });
const aChange = (app: string, added: string[], participants: string[], at: number) =>
  aDelivery({ conversationId: randomUUID(), added, removed: [], participants, at }, { app });

describe("makeAcquaintances and acquaintNewcomers", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("make-acquaintances");
  });
  after(() => stores[Symbol.asyncDispose]());

  const followedBy = (app: string, userId: string) => stores.followings.list(app, userId, null, 500);
  const unfollow = (app: string, userId: string, other: string, at: number) =>
    changeFollowing({ ...stores, ...recordingPublisher() })(
      aDelivery({ userId, follow: [], unfollow: [other], at }, { app }),
    );

  it("lets everybody in a conversation follow everybody else, nobody herself", async () => {
    const app = anAppId();
    const outcome = await makeAcquaintances(stores)(aConversation(app, [ann, bob, cid], 10));
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await followedBy(app, ann)).to.deep.equal([bob, cid]);
    expect(await followedBy(app, bob)).to.deep.equal([ann, cid]);
    expect(await followedBy(app, cid)).to.deep.equal([ann, bob]);
    expect(await followedBy(anAppId(), ann)).to.deep.equal([]);
  });

  it("lets a newcomer and those who are there follow each other", async () => {
    const app = anAppId();
    const outcome = await acquaintNewcomers(stores)(aChange(app, [cid], [ann, bob, cid], 10));
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await followedBy(app, cid)).to.deep.equal([ann, bob]);
    expect(await followedBy(app, ann)).to.deep.equal([cid]);
  });

  it("lets nobody follow anybody because somebody left", async () => {
    const app = anAppId();
    expect(await acquaintNewcomers(stores)(aChange(app, [], [ann, bob], 10))).to.deep.equal({ kind: "ack" });
    expect(await followedBy(app, ann)).to.deep.equal([]);
  });

  it("makes the same rows however often and in however many processes at once an event comes", async () => {
    const app = anAppId();
    const delivery = aConversation(app, userIds(60), 10);
    await Promise.all([delivery, delivery, delivery].map(makeAcquaintances(stores)));
    await makeAcquaintances(stores)(delivery);
    expect(await stores.followings.count(app, aUserId(60))).to.equal(59);
    expect(await stores.db.collection("followings").countDocuments({ app })).to.equal(60 * 59);
  });

  it("does not undo an unfollow when its event comes late, and does when they share another conversation", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    const first = aConversation(app, [ann, bob], 10);
    await makeAcquaintances(stores)(first);
    await unfollow(app, ann, bob, 20);
    await makeAcquaintances(stores)(first);
    expect(await followedBy(app, ann)).to.deep.equal([]);
    expect(await followedBy(app, bob)).to.deep.equal([ann]);
    await makeAcquaintances(stores)(aConversation(app, [ann, bob], 30));
    expect(await followedBy(app, ann)).to.deep.equal([bob]);
  });

  it("keeps an unfollow that was there before the event of an earlier conversation", async () => {
    const app = anAppId();
    await withIdentity(stores, app, ann);
    await unfollow(app, ann, bob, 20);
    await makeAcquaintances(stores)(aConversation(app, [ann, bob], 10));
    expect(await followedBy(app, ann)).to.deep.equal([]);
    expect(await followedBy(app, bob)).to.deep.equal([ann]);
  });
});
