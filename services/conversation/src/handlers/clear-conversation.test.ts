import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import {
  aConversation,
  aConversationId,
  aDelivery,
  insertMessages,
  openStores,
  recordingPublisher,
} from "../../test/support.ts";
import { clearConversation } from "./clear-conversation.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];

const aClearing = (row: { app: string; conversationId: string }, userId: string, leave = false) =>
  aDelivery({ conversationId: row.conversationId, userId, leave }, { app: row.app });

describe("clearConversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("clear-conversation");
  });
  after(() => stores[Symbol.asyncDispose]());

  const handler = () => {
    const { events, publisher } = recordingPublisher();
    return { events, handle: clearConversation({ ...stores, publisher }) };
  };
  const unreadOf = (app: string, userId: string) =>
    stores.db.collection("messages").countDocuments({ app, unread: userId });

  it("takes it and its messages so far out of one user's view and unread count, and of nobody else's", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea, cem], { lastPosition: 3 });
    await insertMessages(stores.db, row, 3, [bea, cem]);
    const delivery = aClearing(row, bea);
    expect(await handle(delivery)).to.have.property("kind", "ack");

    expect(await stores.memberships.find(row.app, bea, row.conversationId)).to.include({
      clearedThrough: 3,
      isHidden: true,
      leftAt: null,
    });
    expect(await stores.memberships.countListed(row.app, bea)).to.equal(0);
    expect(await stores.memberships.countListed(row.app, cem)).to.equal(1);
    expect([await unreadOf(row.app, bea), await unreadOf(row.app, cem)]).to.deep.equal([0, 3]);
    expect(events).to.deep.equal([
      {
        type: "conversation.conversation.cleared.v1",
        app: row.app,
        payload: {
          conversationId: row.conversationId,
          userId: bea,
          throughPosition: 3,
          at: delivery.sentAt.getTime(),
        },
        id: `${delivery.id}.conversation-cleared`,
        subjectVersion: 1,
      },
    ]);
  });

  it("comes back into her list with the next message", async () => {
    const { handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    await handle(aClearing(row, bea));
    await stores.memberships.raise([{ ...row, userIds: [ann, bea], position: 9, at: 9_000 }]);
    expect(await stores.memberships.countListed(row.app, bea)).to.equal(1);
  });

  it("lets her leave with it, and is cleared again, not left again, when its command comes again", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 3, distinct: true });
    const delivery = aClearing(row, bea, true);
    await handle(delivery);
    const first = await stores.conversations.find(row.app, row.conversationId);
    expect(first).to.deep.include({ participants: [ann], version: 2, distinct: false });
    expect(await stores.memberships.find(row.app, bea, row.conversationId)).to.include({ leftAt: 3, isHidden: true });
    expect(events.map(({ type, subjectVersion }) => [type, subjectVersion])).to.deep.equal([
      ["conversation.participants.changed.v1", 2],
      ["conversation.conversation.cleared.v1", 2],
    ]);
    expect(await handle(delivery)).to.have.property("kind", "ack");
    expect(events.slice(2)).to.deep.equal(events.slice(1, 2));
    expect(await stores.conversations.find(row.app, row.conversationId)).to.deep.equal(first);
  });

  it("finishes on redelivery what broke off when she had left and nobody was told", async () => {
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 1 });
    await insertMessages(stores.db, row, 1, [bea]);
    const delivery = aClearing(row, bea, true);
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await clearConversation({ ...stores, publisher: failing })(delivery).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    expect(await unreadOf(row.app, bea)).to.equal(1);

    const { events, handle } = handler();
    await handle(delivery);
    expect(events).to.have.lengthOf(2);
    expect(await unreadOf(row.app, bea)).to.equal(0);
    expect(await stores.memberships.countListed(row.app, bea)).to.equal(0);
  });

  it("clears no more than before when its command comes again after other messages", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 1 });
    const { app, conversationId } = row;
    const delivery = aClearing(row, bea);
    await handle(delivery);
    await stores.conversations.advance([{ app, conversationId, position: 2, at: 9_000 }]);
    await stores.memberships.raise([{ app, conversationId, userIds: [ann, bea], position: 2, at: 9_000 }]);
    await handle(delivery);
    const membership = await stores.memberships.find(app, bea, conversationId);
    expect(membership).to.include({ clearedThrough: 1, isHidden: false });
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("lets who has left clear what she still sees of it", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea], { participants: [ann] });
    expect(await handle(aClearing(row, bea, true))).to.have.property("kind", "ack");
    expect(events.map(({ type }) => type)).to.deep.equal(["conversation.conversation.cleared.v1"]);
  });

  it("refuses what is not there, what is deleted, and who never was in it", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const row = await aConversation(stores, app, [ann, bea]);
    const deleted = await aConversation(stores, app, [ann], { deletedAt: 2_000, deletedBy: "command" });
    const code = async (delivery: ReturnType<typeof aClearing>) => {
      const outcome = await handle(delivery);
      return outcome.kind === "refuse" ? outcome.error.code : outcome.kind;
    };
    expect(await code(aClearing({ app, conversationId: aConversationId() }, ann))).to.equal("not_found");
    expect(await code(aClearing(deleted, ann))).to.equal("object_deleted");
    expect(await code(aClearing(row, cem))).to.equal("not_found");
    expect(events).to.deep.equal([]);
  });
});
