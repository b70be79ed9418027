import { randomUUID } from "node:crypto";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { messageKey } from "../domain/message.ts";
import { aDraft, repliedBy, sender } from "../../test/messages.ts";
import { aConversation, aConversationId, aDelivery, openStores } from "../../test/support.ts";
import { getMessage, getMessageNotification } from "./get-message.ts";
import { listMessages } from "./list-messages.ts";

describe("reading messages", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("list-messages");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A conversation of users 1 to 3 with five messages of user 1, of which user 3 has the second hidden. */
  async function setUp() {
    const app = anAppId();
    const conversation = await aConversation(stores, app, userIds(3));
    const { conversationId } = conversation;
    const ids: string[] = [];
    for (const n of [1, 2, 3, 4, 5]) {
      const send = sender(stores, n === 2 ? { [aUserId(1)]: [aUserId(3)] } : {});
      ids.push((await send(app, aDraft(conversationId, { notification: { text: String(n) } }))).messageId);
    }
    const idOf = (position: number): string => ids[position - 1] ?? "";
    const list = async (
      viewer: string | null,
      changed: { conversationId?: string; after?: string | null; limit?: number } = {},
    ) => {
      const asked = { conversationId, viewer, after: null, limit: 100, ...changed };
      return repliedBy(await listMessages(stores)(aDelivery(asked, { app })));
    };
    const positions = async (...asked: Parameters<typeof list>) =>
      (await list(...asked)).messages?.map(({ position }) => position);
    const get = async (position: number, viewer: string | null, inConversation: string | null = null) => {
      const asked = { messageId: idOf(position), conversationId: inConversation, viewer };
      return repliedBy(await getMessage(stores)(aDelivery(asked, { app })));
    };
    return { app, conversation, conversationId, idOf, list, positions, get };
  }

  it("gives pages newest first, each from behind the last of the one before, and the number of all", async () => {
    const { idOf, list, positions } = await setUp();
    expect(await list(null)).to.deep.include({ state: "present", standing: "participant", total: 5 });
    expect(await positions(null, { limit: 2 })).to.deep.equal([5, 4]);
    expect(await positions(null, { limit: 2, after: idOf(4) })).to.deep.equal([3, 2]);
    expect(await positions(null, { limit: 2, after: idOf(2) })).to.deep.equal([1]);
    expect(await positions(null, { limit: 2, after: idOf(1) })).to.deep.equal([]);
    expect(await positions(aUserId(3), { after: idOf(4) })).to.deep.equal([3, 1]);
  });

  it("knows no page behind what is not in the list, but its number", async () => {
    const { app, idOf, list } = await setUp();
    const elsewhere = await aConversation(stores, app, userIds(2));
    const other = await sender(stores)(app, aDraft(elsewhere.conversationId));
    await stores.messages.delete(messageKey(app, idOf(5)), { by: "x", at: 1 });
    for (const after of [randomUUID(), other.messageId, idOf(5)]) {
      expect(await list(null, { after })).to.deep.include({ messages: null, total: 4 });
    }
    expect(await list(aUserId(3), { after: idOf(2) })).to.deep.include({ messages: null, total: 3 });
  });

  it("shows who left what was said until then, and who cleared what was said since", async () => {
    const { app, conversationId, conversation, list, positions, get } = await setUp();
    await stores.memberships.clear(app, aUserId(2), conversationId, { position: 3, by: "x" });
    expect(await positions(aUserId(2))).to.deep.equal([5, 4]);
    expect(await get(3, aUserId(2))).to.deep.equal({ message: null, standing: "participant" });

    const change = {
      by: "c",
      at: 1,
      position: 4,
      added: [],
      removed: [aUserId(3)],
      isMetadataChanged: false,
      isFollowed: true,
    };
    const after = { ...conversation, participants: userIds(2), version: 2, lastChange: change };
    await stores.conversations.change(conversation, after);
    await stores.memberships.dismiss(app, conversationId, [aUserId(3)], 4);
    expect(await list(aUserId(3))).to.deep.include({ standing: "left", total: 3 });
    expect(await positions(aUserId(3))).to.deep.equal([4, 3, 1]);
    expect(await get(5, aUserId(3))).to.deep.equal({ message: null, standing: "left" });
  });

  it("shows a stranger nothing, and remembers a deleted conversation", async () => {
    const { conversation, list, get } = await setUp();
    const nothing = { messages: null, total: 0 };
    expect(await list(aUserId(9))).to.deep.equal({ state: "present", standing: "stranger", ...nothing });
    expect(await list(null, { conversationId: aConversationId() })).to.deep.include({ state: "absent", ...nothing });
    expect(await get(1, aUserId(9))).to.deep.equal({ message: null, standing: "stranger" });
    await stores.conversations.delete(conversation, { by: "x", at: 1 });
    expect(await list(aUserId(2))).to.deep.equal({ state: "deleted", standing: "participant", ...nothing });
    expect(await get(1, null)).to.deep.equal({ message: null, standing: "participant" });
  });

  it("finds a message by its id alone or where it is said to be, and nowhere else", async () => {
    const { app, conversationId, idOf, get } = await setUp();
    expect((await get(2, null)).message).to.deep.include({ messageId: idOf(2), isUnread: false, receivedAt: null });
    expect((await get(2, aUserId(2), conversationId)).message).to.deep.include({ messageId: idOf(2), isUnread: true });
    expect(await get(2, aUserId(3))).to.deep.equal({ message: null, standing: "participant" });
    const elsewhere = await aConversation(stores, app, userIds(2));
    expect(await get(2, aUserId(3), elsewhere.conversationId)).to.deep.equal({ message: null, standing: "stranger" });
    const absent = aDelivery({ messageId: randomUUID(), conversationId: null, viewer: aUserId(2) }, { app });
    expect(repliedBy(await getMessage(stores)(absent))).to.deep.equal({ message: null, standing: "stranger" });
    const foreign = aDelivery({ messageId: idOf(2), conversationId: null, viewer: null }, { app: anAppId() });
    expect(repliedBy(await getMessage(stores)(foreign)).message).to.equal(null);
  });

  it("has for her own message the time she sent it as the time she got it", async () => {
    const { get } = await setUp();
    const { message } = await get(1, aUserId(1));
    expect(message).to.have.property("receivedAt", message?.sentAt);
    expect(message).to.have.property("isUnread", false);
  });

  it("says what a push says of a message, until it is deleted", async () => {
    const { app, idOf } = await setUp();
    const ask = async () => repliedBy(await getMessageNotification(stores)(aDelivery({ messageId: idOf(4) }, { app })));
    expect(await ask()).to.deep.equal({ notification: { text: "4" }, sender: { userId: aUserId(1) } });
    await stores.messages.delete(messageKey(app, idOf(4)), { by: "x", at: 1 });
    expect(await ask()).to.deep.equal({ notification: null, sender: null });
  });

  it("says nothing to a push any more once the conversation is deleted, though its messages are still to be purged", async () => {
    const { app, conversation, idOf } = await setUp();
    await stores.conversations.delete(conversation, { by: "x", at: 1 });
    const asked = aDelivery({ messageId: idOf(4) }, { app });
    expect(repliedBy(await getMessageNotification(stores)(asked))).to.deep.equal({ notification: null, sender: null });
  });
});
