import { randomUUID } from "node:crypto";
import { MessageDeleted } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDraft, blocking, sender, sentOf } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { messageKey } from "../domain/message.ts";
import { hideModerated } from "../moderated-messages.ts";
import { deleteMessage, hideMessage } from "./delete-message.ts";
import { moderateMessage } from "./moderate-message.ts";
import { sendMessages } from "./send-message.ts";

describe("what moderation does in conversations", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("moderate-message");
  });
  after(() => stores[Symbol.asyncDispose]());

  const [eve, ann, bob, cid] = [aUserId(1), aUserId(2), aUserId(3), aUserId(4)];

  /** A message of user 1 to three others, of whom user 3 blocks her. */
  async function setUp() {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(4));
    const { messageId } = await sender(stores, { [eve]: [bob] })(app, aDraft(conversationId));
    const { events, publisher } = recordingPublisher();
    const deps = { ...stores, publisher };
    const decision = randomUUID();
    const moderating = (isHidden: boolean, changed: object = {}) =>
      aDelivery({ conversationId, messageId, by: decision, isHidden, at: 5, ...changed }, { app });
    const moderate = moderateMessage(deps);
    const row = async () => {
      const found = await stores.messages.find(messageKey(app, messageId));
      if (!found) throw new Error("the message is gone");
      return found;
    };
    return { app, conversationId, messageId, deps, moderate, moderating, row, events };
  }

  it("hides a message from all but its sender, who have it unread no more, and tells each of them once", async () => {
    const { moderate, moderating, row, events, conversationId, messageId } = await setUp();
    const delivery = moderating(true);
    expect(await moderate(delivery)).to.deep.equal({ kind: "ack" });
    const hidden = await row();
    expect(hidden.hiddenFor).to.have.members([bob, ann, cid]);
    expect(hidden.unread).to.deep.equal([]);
    const first = [...events];
    await moderate(delivery);
    expect(events.slice(first.length)).to.deep.equal(first);
    expect(await row()).to.deep.equal(hidden);
    const told = first.map(({ payload }) => MessageDeleted.payload.parse(payload));
    expect(told.map(({ userId }) => userId)).to.have.members([ann, cid]);
    expect(told[0]).to.deep.include({ conversationId, messageId, position: 1, at: 5 });
  });

  it("shows it again to whom this decision hid it from, and to nobody else", async () => {
    const { app, conversationId, messageId, deps, moderate, moderating, row } = await setUp();
    await hideMessage(deps)(aDelivery({ conversationId, messageId, userId: cid }, { app }));
    await moderate(moderating(true));
    await moderate(moderating(false, { by: randomUUID() }));
    expect((await row()).hiddenFor).to.have.members([bob, cid, ann]);
    const showing = moderating(false);
    await moderate(showing);
    await moderate(showing);
    expect((await row()).hiddenFor).to.have.members([bob, cid]);
    expect((await row()).hides.map(({ user }) => user)).to.deep.equal([cid]);
  });

  it("shows it to nobody while another decision hides it, in whatever order the two are taken back", async () => {
    const first = { by: randomUUID() };
    const second = { by: randomUUID() };
    const dan = aUserId(5);
    for (const [earlier, later] of [
      [first, second],
      [second, first],
    ]) {
      const { app, conversationId, messageId, deps, moderate, moderating, row } = await setUp();
      await hideMessage(deps)(aDelivery({ conversationId, messageId, userId: cid }, { app }));
      await moderate(moderating(true, first));
      await moderate(moderating(true, second));
      await hideModerated(deps)(app, conversationId, [dan], 6);
      const showing = moderating(false, earlier);
      await moderate(showing);
      await moderate(showing);
      expect((await row()).hiddenFor).to.have.members([bob, cid, ann, dan]);
      await hideModerated(deps)(app, conversationId, [aUserId(6)], 7);
      await moderate(moderating(false, later));
      expect((await row()).hiddenFor).to.have.members([bob, cid]);
      expect((await row()).hides.map(({ user }) => user)).to.deep.equal([cid]);
    }
  });

  it("hides it from who comes in later, once, and shows it to her when no decision hides it any more", async () => {
    const { app, conversationId, deps, moderate, moderating, row } = await setUp();
    const dan = aUserId(5);
    const other = { by: randomUUID() };
    await moderate(moderating(true));
    await moderate(moderating(true, other));
    const hide = () => hideModerated(deps)(app, conversationId, [dan, eve], 6);
    await hide();
    const hidden = await row();
    await hide();
    expect(await row()).to.deep.equal(hidden);
    // Not from who sent it, should she come in again.
    expect(hidden.hiddenFor).to.have.members([bob, ann, cid, dan]);
    await moderate(moderating(false, other));
    expect((await row()).hiddenFor).to.include(dan);
    await moderate(moderating(false));
    expect((await row()).hiddenFor).to.deep.equal([bob]);
    await hideModerated(deps)(app, conversationId, [aUserId(6)], 7);
    expect((await row()).hiddenFor).to.deep.equal([bob]);
  });

  it("lets be what is gone, and what is elsewhere", async () => {
    const { app, conversationId, messageId, deps, moderate, moderating, row, events } = await setUp();
    expect(await moderate(moderating(true, { conversationId: randomUUID() }))).to.deep.equal({ kind: "ack" });
    expect(await moderate(moderating(true, { messageId: randomUUID() }))).to.deep.equal({ kind: "ack" });
    expect(await moderate({ ...moderating(true), app: anAppId() })).to.deep.equal({ kind: "ack" });
    expect([(await row()).hiddenFor, events]).to.deep.equal([[bob], []]);
    await deleteMessage(deps)(aDelivery({ conversationId, messageId, actor: null }, { app }));
    events.length = 0;
    await moderate(moderating(true));
    expect([(await row()).hiddenFor, events]).to.deep.equal([[], []]);
  });

  it("takes no message of who is muted until then, and any that her backend says for her", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, [eve, ann]);
    const send = async (authority: "user" | "participant" | "backend", mutedUntil: number, senderId = eve) => {
      const directory = blocking({}, { [eve]: mutedUntil });
      const handle = sendMessages({ ...stores, ...directory, publisher: recordingPublisher().publisher });
      const draft = aDraft(conversationId, { authority, sender: { userId: senderId } });
      const [outcome] = await handle([aDelivery(draft, { app })]);
      return outcome;
    };
    const later = stores.now() + 60_000;
    const refused = await send("user", later);
    expect(refused).to.have.nested.property("error.code", "user_muted");
    expect(refused).to.have.nested.property("error.message").that.includes(new Date(later).toISOString());
    for (const authority of ["participant", "backend"] as const) sentOf(await send(authority, later));
    sentOf(await send("user", stores.now()));
    sentOf(await send("user", later, ann));
  });
});
