import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aConversation, openStores } from "../../test/support.ts";

describe("the last message of a conversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("last-message");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("only moves forward, however often and late it is told", async () => {
    const app = anAppId();
    const { conversationId, _id } = await aConversation(stores, app, userIds(2));
    const newest = { app, conversationId, position: 5, at: 9_000 };
    await stores.conversations.advance([newest]);
    await stores.conversations.advance([{ ...newest, position: 4, at: 8_000 }, newest]);
    expect((await stores.conversations.findMany([_id, "absent"])).get(_id)).to.deep.include({
      lastPosition: 5,
      lastMessageAt: 9_000,
    });
  });

  it("raises the conversation for those who see it and are still in it, and brings it back where it was cleared", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(3));
    const memberships = stores.db.collection("memberships");
    await memberships.updateOne({ app, user: aUserId(2) }, { $set: { isHidden: true } });
    await memberships.updateOne({ app, user: aUserId(3) }, { $set: { leftAt: 0 } });
    await stores.memberships.raise([{ app, conversationId, userIds: userIds(3), position: 9, at: 9_000 }]);
    await stores.memberships.raise([{ app, conversationId, userIds: userIds(3), position: 8, at: 8_000 }]);
    const rows = await stores.memberships.findOfUsers(app, conversationId, userIds(3));
    expect(rows.get(aUserId(2))).to.deep.include({ sortAt: 9_000, isHidden: false });
    expect(rows.get(aUserId(3))).to.deep.include({ sortAt: 1_000 });
  });

  it("moves what counts as read only forward", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(1));
    for (const position of [3, 2]) {
      await stores.memberships.moveReadThrough(app, aUserId(1), conversationId, { position, by: `to ${position}` });
    }
    const membership = await stores.memberships.find(app, aUserId(1), conversationId);
    expect(membership).to.deep.include({ readThrough: 3, readMarks: [{ position: 3, by: "to 3" }] });
  });
});
