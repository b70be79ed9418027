import { randomUUID } from "node:crypto";
import { MessageDeleted } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { newMembership } from "../domain/membership.ts";
import { messageKey } from "../domain/message.ts";
import { aDraft, refusalOf, sender } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { deleteMessage, hideMessage } from "./delete-message.ts";

describe("deleting messages", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("delete-message");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A message of user 1, whom user 3 blocks, and both handlers with what they are connected to. */
  async function setUp() {
    const app = anAppId();
    const conversation = await aConversation(stores, app, userIds(3));
    const { conversationId } = conversation;
    const { messageId } = await sender(stores, { [aUserId(1)]: [aUserId(3)] })(app, aDraft(conversationId));
    const { events, publisher } = recordingPublisher();
    const deps = { ...stores, publisher };
    const deleting = (actor: string | null, changed: { conversationId?: string; messageId?: string } = {}) =>
      aDelivery({ conversationId, messageId, actor, ...changed }, { app });
    const hiding = (userId: string, changed: { conversationId?: string; messageId?: string } = {}) =>
      aDelivery({ conversationId, messageId, userId, ...changed }, { app });
    const row = () => stores.messages.find(messageKey(app, messageId));
    const deleted = () => events.map(({ payload }) => MessageDeleted.payload.parse(payload));
    const [remove, hide] = [deleteMessage(deps), hideMessage(deps)];
    return { app, conversation, conversationId, messageId, remove, hide, deleting, hiding, row, deleted, events };
  }

  it("for everybody leaves a tombstone that keeps id and position and nothing else, and says so", async () => {
    const { remove, deleting, row, deleted, conversationId, messageId } = await setUp();
    expect(await remove(deleting(null))).to.deep.equal({ kind: "ack" });
    expect(await row()).to.deep.include({ position: 1, parts: [], unread: [], hiddenFor: [], notification: null });
    const [event] = deleted();
    expect(event).to.deep.include({ conversationId, messageId, position: 1, userId: null });
    expect(event?.at).to.equal((await row())?.deletedAt);
  });

  it("for everybody is refused the second time, and done again where it is the same command", async () => {
    const { remove, deleting, events } = await setUp();
    const first = deleting(null);
    await remove(first);
    expect(await refusalOf(remove(deleting(null)))).to.equal("not_found");
    await remove({ ...first, isRedelivered: true });
    expect(events).to.have.lengthOf(2);
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("for everybody is for participants who see the message, and for the backend", async () => {
    const { app, conversation, remove, deleting } = await setUp();
    await stores.memberships.insertMissing([{ ...newMembership(conversation, aUserId(8), 1), leftAt: 1 }]);
    expect(await refusalOf(remove(deleting(aUserId(9))))).to.equal("not_found");
    expect(await refusalOf(remove(deleting(aUserId(8))))).to.equal("access_denied");
    expect(await refusalOf(remove(deleting(aUserId(3))))).to.equal("not_found");
    const gone = await aConversation(stores, app, userIds(2), { deletedAt: 5 });
    const { conversationId } = gone;
    expect(await refusalOf(remove(deleting(null, { conversationId })))).to.equal("object_deleted");
    const elsewhere = await aConversation(stores, app, userIds(2));
    expect(await refusalOf(remove(deleting(null, { conversationId: elsewhere.conversationId })))).to.equal("not_found");
    expect(await refusalOf(remove(deleting(null, { messageId: randomUUID() })))).to.equal("not_found");
    expect(await remove(deleting(aUserId(2)))).to.deep.equal({ kind: "ack" });
  });

  it("for oneself hides it from one user alone, who has it unread no more", async () => {
    const { hide, hiding, row, deleted } = await setUp();
    await hide(hiding(aUserId(2)));
    expect(await row()).to.deep.include({ hiddenFor: [aUserId(3), aUserId(2)], unread: [] });
    expect(deleted()[0]).to.deep.include({ userId: aUserId(2), position: 1 });
  });

  it("for oneself is done again where it is the same command, also after others did, and refused another", async () => {
    const { hide, hiding, row, events } = await setUp();
    const first = hiding(aUserId(2));
    await hide(first);
    await hide(hiding(aUserId(1)));
    await hide({ ...first, isRedelivered: true });
    expect(events[2]).to.deep.equal(events[0]);
    expect((await row())?.hiddenFor).to.deep.equal([aUserId(3), aUserId(2), aUserId(1)]);
    expect(await refusalOf(hide(hiding(aUserId(2))))).to.equal("not_found");
  });

  it("for oneself is refused to strangers, to whom it is hidden anyway, and after the end of the conversation", async () => {
    const { conversation, hide, hiding, row } = await setUp();
    expect(await refusalOf(hide(hiding(aUserId(9))))).to.equal("not_found");
    expect(await refusalOf(hide(hiding(aUserId(3))))).to.equal("not_found");
    await stores.conversations.delete(conversation, { by: "x", at: 1 });
    expect(await refusalOf(hide(hiding(aUserId(2))))).to.equal("not_found");
    expect((await row())?.hides).to.deep.equal([]);
  });
});
