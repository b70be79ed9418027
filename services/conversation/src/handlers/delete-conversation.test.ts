import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import {
  aConversation,
  aConversationId,
  aDelivery,
  insertMessages,
  openStores,
  recordingPublisher,
} from "../../test/support.ts";
import { deleteConversation } from "./delete-conversation.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];

const aDeletion = ({ app, conversationId }: { app: string; conversationId: string }, actor: string | null = null) =>
  aDelivery({ conversationId, actor }, { app });

describe("deleteConversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("delete-conversation");
  });
  after(() => stores[Symbol.asyncDispose]());

  const handler = () => {
    const { events, publisher } = recordingPublisher();
    return { events, handle: deleteConversation({ ...stores, publisher }) };
  };
  const unreadOf = (app: string) =>
    stores.db.collection("messages").countDocuments({ app, "unread.0": { $exists: 1 } });

  it("leaves a tombstone, takes it out of every list and every unread count, and says so", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 3 });
    await insertMessages(stores.db, row, 3, [bea]);
    const delivery = aDeletion(row);
    expect(await handle(delivery)).to.have.property("kind", "ack");

    const tombstone = await stores.conversations.find(row.app, row.conversationId);
    expect(tombstone).to.deep.include({ deletedBy: delivery.id, version: 2, participants: [ann, bea] });
    expect(await stores.memberships.countListed(row.app, ann)).to.equal(0);
    expect(await unreadOf(row.app)).to.equal(0);
    expect(events).to.deep.equal([
      {
        type: "conversation.conversation.deleted.v1",
        app: row.app,
        payload: { conversationId: row.conversationId, participants: [ann, bea], at: tombstone?.deletedAt },
        id: `${delivery.id}.conversation-deleted`,
        subjectVersion: 2,
      },
    ]);
  });

  it("does and publishes the same again when its command comes again, and finishes what broke off", async () => {
    const row = await aConversation(stores, anAppId(), [ann, bea], { lastPosition: 1 });
    const delivery = aDeletion(row, ann);
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await deleteConversation({ ...stores, publisher: failing })(delivery).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    await stores.db.collection("memberships").updateMany({ app: row.app }, { $set: { isDeleted: false } });
    await insertMessages(stores.db, row, 1, [bea]);

    const { events, handle } = handler();
    expect(await handle(delivery)).to.have.property("kind", "ack");
    expect(await handle(delivery)).to.have.property("kind", "ack");
    expect(events).to.have.lengthOf(2);
    expect(events[1]).to.deep.equal(events[0]);
    expect(await stores.memberships.countListed(row.app, bea)).to.equal(0);
    expect(await unreadOf(row.app)).to.equal(0);
  });

  it("is done already when another command deleted it, and says nothing more", async () => {
    const { events, handle } = handler();
    const row = await aConversation(stores, anAppId(), [ann, bea]);
    await handle(aDeletion(row));
    expect(await handle(aDeletion(row))).to.have.property("kind", "ack");
    expect(await handle(aDeletion(row, ann))).to.have.property("kind", "ack");
    expect(events).to.have.lengthOf(1);
    expect(await stores.conversations.find(row.app, row.conversationId)).to.have.property("version", 2);
  });

  it("lets the same people have a new distinct conversation", async () => {
    const { handle } = handler();
    const app = anAppId();
    const distinct = { distinct: true, distinctKey: `${app}/key` };
    await handle(aDeletion(await aConversation(stores, app, [ann, bea], distinct)));
    const next = await aConversation(stores, app, [ann, bea], distinct);
    expect(await stores.conversations.find(app, next.conversationId)).to.include(distinct);
  });

  it("refuses what never was, and users who are not in it or no longer", async () => {
    const { events, handle } = handler();
    const app = anAppId();
    const row = await aConversation(stores, app, userIds(2), { participants: [ann] });
    const code = async (delivery: ReturnType<typeof aDeletion>) => {
      const outcome = await handle(delivery);
      return outcome.kind === "refuse" ? outcome.error.code : outcome.kind;
    };
    expect(await code(aDeletion({ app, conversationId: aConversationId() }))).to.equal("not_found");
    expect(await code(aDeletion({ ...row, app: anAppId() }))).to.equal("not_found");
    expect(await code(aDeletion(row, cem))).to.equal("not_found");
    expect(await code(aDeletion(row, bea))).to.equal("access_denied");
    expect(events).to.deep.equal([]);
    expect(await stores.conversations.find(app, row.conversationId)).not.to.have.property("deletedAt");
  });
});
