import { randomUUID } from "node:crypto";
import { MessageCreated } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { withoutParticipant } from "../domain/conversation-change.ts";
import { membershipKey, newMembership } from "../domain/membership.ts";
import { messageKey, newMessage } from "../domain/message.ts";
import { aDraft, aMessageId, aPart, blocking, codeOf, repliedBy, sentOf } from "../../test/messages.ts";
import { aConversation, aConversationId, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { scheduleMessages } from "./schedule-messages.ts";
import { sendMessages } from "./send-message.ts";

const wholeView = (conversation: string) => ({ conversation, viewer: null, after: 0, through: null });

describe("SendMessage", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("send-message");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A new app with a conversation of users 1 to 3, and the handler with what it is connected to. */
  async function setUp(blockersOf: Readonly<Record<string, readonly string[]>> = {}) {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(3));
    const { events, publisher } = recordingPublisher();
    const { asked, blockers } = blocking(blockersOf);
    const deps = { ...stores, blockers, publisher };
    const draft = (changed: Parameters<typeof aDraft>[1] = {}) => aDraft(conversationId, changed);
    const command = (changed: Parameters<typeof aDraft>[1] = {}, id: string = randomUUID()) =>
      aDelivery(draft(changed), { app, id });
    const created = () => events.map(({ payload }) => MessageCreated.payload.parse(payload));
    const stored = async () => (await stores.timelines.page(app, wholeView(conversationId), null, 100)).toReversed();
    const standing = () => stores.conversations.find(app, conversationId);
    return {
      app,
      conversationId,
      deps,
      handle: sendMessages(deps),
      command,
      draft,
      events,
      created,
      stored,
      asked,
      standing,
    };
  }

  it("takes nothing of who is muted, though she is alone in it: others may come and read", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, [aUserId(1)]);
    const { publisher } = recordingPublisher();
    const send = async (until: number) => {
      const handle = sendMessages({ ...stores, ...blocking({}, { [aUserId(1)]: until }), publisher });
      const [outcome] = await handle([aDelivery(aDraft(conversationId), { app })]);
      return outcome;
    };
    expect(await send(stores.now() + 60_000)).to.have.nested.property("error.code", "user_muted");
    sentOf(await send(stores.now()));
  });

  it("gives the messages of a group the next positions, in order, with one question to the directory", async () => {
    const { handle, command, created, asked, standing, conversationId } = await setUp();
    const group = Array.from({ length: 5 }, () => command());
    const positions = (await handle(group)).map((outcome) => sentOf(outcome).position);
    expect(positions).to.deep.equal([1, 2, 3, 4, 5]);
    expect((await handle([command()])).map((outcome) => sentOf(outcome).position)).to.deep.equal([6]);
    expect(asked).to.have.lengthOf(2);
    expect(asked[0]).to.deep.equal([{ senderId: aUserId(1), userIds: [aUserId(2), aUserId(3)] }]);
    expect(created().map(({ position }) => position)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    const [first] = group;
    expect(created()[0]).to.deep.include({
      conversationId,
      messageId: first?.payload.messageId,
      recipients: [aUserId(2), aUserId(3)],
      hasNotification: false,
    });
    expect(await standing()).to.have.property("lastPosition", 6);
  });

  it("answers with the message: its sender has read it, to all others it was sent", async () => {
    const { handle, command, conversationId } = await setUp();
    const delivery = command({ parts: [aPart("one"), aPart("two")] });
    const message = sentOf((await handle([delivery]))[0]);
    expect(message).to.deep.include({
      conversationId,
      position: 1,
      sender: { userId: aUserId(1) },
      updatedAt: null,
      recipients: [
        { userId: aUserId(1), status: "read" },
        { userId: aUserId(2), status: "sent" },
        { userId: aUserId(3), status: "sent" },
      ],
    });
    expect(message.parts.map(({ body, updatedAt }) => [body, updatedAt])).to.deep.equal([
      ["one", null],
      ["two", null],
    ]);
    const byName = sentOf((await handle([command({ sender: { name: "System" }, authority: "backend" })]))[0]);
    expect(byName.recipients.map(({ status }) => status)).to.deep.equal(["sent", "sent", "sent"]);
  });

  it("makes one message of a command that comes twice, with the same reply and the same event", async () => {
    const { handle, command, stored, events } = await setUp();
    const delivery = command({ notification: { text: "hi" } });
    const first = await handle([delivery]);
    const again = await handle([{ ...delivery, isRedelivered: true }]);
    expect(again).to.deep.equal(first);
    expect(await stored()).to.have.lengthOf(1);
    expect(events).to.have.lengthOf(2);
    expect(events[1]).to.deep.equal(events[0]);
    expect(events[0]).to.have.property("id", `${delivery.id}.message-created`);
  });

  it("finds a message with a new id that was published twice, also when it would be refused by now", async () => {
    const { handle, command, stored, events, deps, standing } = await setUp();
    const delivery = command({ isIdNew: true });
    const [first] = await handle([delivery]);
    const [again, other] = await handle([{ ...delivery }, command({ isIdNew: true })]);
    expect(again).to.deep.equal(first);
    expect(sentOf(other)).to.have.property("position", 2);
    expect(await stored()).to.have.lengthOf(2);

    const row = await standing();
    if (row) await deps.conversations.delete(row, { by: "x", at: 1 });
    expect((await handle([{ ...delivery }]))[0]).to.deep.equal(first);
    expect(codeOf((await handle([command({ isIdNew: true })]))[0])).to.equal("object_deleted");
    expect(new Set(events.map(({ id }) => id)).size).to.equal(2);
  });

  it("makes one message of a command that comes twice in one group", async () => {
    const { handle, command, stored, events } = await setUp();
    const delivery = command();
    const [first, second] = await handle([delivery, { ...delivery }]);
    expect(second).to.deep.equal(first);
    expect(await stored()).to.have.lengthOf(1);
    expect(events).to.have.lengthOf(1);
  });

  it("goes on where a process died between the insert and the marks", async () => {
    const { app, conversationId, deps, handle, command, standing, created } = await setUp();
    const delivery = command();
    const place = { position: 1, sentAt: Date.now(), participants: userIds(3), blockers: [] };
    await deps.messages.insert([newMessage(delivery, place)]);
    // Whoever takes over may get other commands first: their positions are behind the one that is there.
    expect(sentOf((await handle([command()]))[0]).position).to.equal(2);
    expect(sentOf((await handle([delivery]))[0]).position).to.equal(1);
    expect(sentOf((await handle([command()]))[0]).position).to.equal(3);
    expect(await standing()).to.have.property("lastPosition", 3);
    expect(created().map(({ position }) => position)).to.deep.equal([2, 1, 3]);
    const membership = await deps.memberships.find(app, aUserId(2), conversationId);
    expect(membership?.sortAt).to.be.greaterThan(1_000);
  });

  it("keeps positions dense when two writers overlap", async () => {
    const { deps, command, stored } = await setUp();
    const [one, other] = [sendMessages(deps), sendMessages(deps)];
    const groups = Array.from({ length: 6 }, () => Array.from({ length: 5 }, () => command()));
    const writes = async (handle: typeof one, own: typeof groups): Promise<void> => {
      for (const group of own) await handle(group);
    };
    await Promise.all([writes(one, groups.slice(0, 3)), writes(other, groups.slice(3))]);
    const rows = await stored();
    expect(rows.map(({ position }) => position)).to.deep.equal(Array.from({ length: 30 }, (_, index) => index + 1));
    // Within a group the order is the order of the commands.
    for (const group of groups) {
      const placed = group.map(({ payload }) => rows.findIndex(({ messageId }) => messageId === payload.messageId));
      expect(placed).to.deep.equal(placed.toSorted((a, b) => a - b));
    }
  });

  it("answers with the message that has the id already, and with none where that is elsewhere or deleted", async () => {
    const { app, handle, command, deps, events } = await setUp();
    const sent = sentOf((await handle([command()]))[0]);
    const { messageId } = sent;
    expect(repliedBy((await handle([command({ messageId })]))[0])).to.deep.equal({ outcome: "in-use", message: sent });

    const elsewhere = await aConversation(stores, app, userIds(2));
    const there = aDelivery(aDraft(elsewhere.conversationId, { messageId }), { app });
    expect(repliedBy((await handle([there]))[0])).to.deep.equal({ outcome: "in-use", message: null });
    await deps.messages.delete(messageKey(app, messageId), { by: "x", at: 1 });
    expect(repliedBy((await handle([command({ messageId })]))[0])).to.deep.equal({ outcome: "in-use", message: null });
    expect(events).to.have.lengthOf(1);

    const foreign = anAppId();
    const { conversationId } = await aConversation(stores, foreign, userIds(2));
    const free = await handle([aDelivery(aDraft(conversationId, { messageId }), { app: foreign })]);
    expect(sentOf(free[0])).to.have.property("position", 1);
  });

  it("refuses an id that a schedule holds, in whichever conversation, and leaves it to the schedule's own command", async () => {
    const { app, conversationId, handle, command, draft, created } = await setUp();
    const messageId = aMessageId();
    const { conversationId: _, ...message } = draft({ messageId });
    const schedule = { conversationId, at: Date.now() + 60_000, messages: [{ ...message, delayMs: 0, typingMs: 0 }] };
    const scheduling = aDelivery(schedule, { app });
    expect(repliedBy(await scheduleMessages(stores)(scheduling))).to.deep.equal({ outcome: "scheduled" });

    const elsewhere = await aConversation(stores, app, userIds(2));
    const refused = [command({ messageId }), aDelivery(aDraft(elsewhere.conversationId, { messageId }), { app })];
    for (const outcome of await handle(refused)) {
      expect(repliedBy(outcome)).to.deep.equal({ outcome: "in-use", message: null });
    }
    expect(created()).to.deep.equal([]);
    const own = await handle([command({ messageId }, `${scheduling.id}.0`)]);
    expect(sentOf(own[0])).to.have.property("messageId", messageId);
  });

  it("gives an id to one of two commands in a group, whichever conversation they are of", async () => {
    const { app, handle, command } = await setUp();
    const messageId = aMessageId();
    const elsewhere = await aConversation(stores, app, userIds(2));
    const [first, second] = await handle([
      command({ messageId }),
      aDelivery(aDraft(elsewhere.conversationId, { messageId }), { app }),
    ]);
    expect(repliedBy(first)).to.have.property("outcome", "sent");
    expect(repliedBy(second)).to.deep.equal({ outcome: "in-use", message: null });
  });

  it("does not bring back a message that was deleted since, when its command comes again", async () => {
    const { app, handle, command, deps, events, stored } = await setUp();
    const delivery = command();
    const sent = sentOf((await handle([delivery]))[0]);
    await deps.messages.delete(messageKey(app, sent.messageId), { by: "x", at: 1 });
    const again = sentOf((await handle([delivery]))[0]);
    expect(again).to.deep.include({ messageId: sent.messageId, parts: [] });
    expect(events).to.have.lengthOf(1);
    expect(await stored()).to.deep.equal([]);
  });

  it("stores what a blocked sender says, hidden from who blocks him, and tells only the others", async () => {
    const { app, conversationId, handle, command, created, deps } = await setUp({ [aUserId(1)]: [aUserId(2)] });
    const sent = sentOf((await handle([command()]))[0]);
    expect(created()[0]?.recipients).to.deep.equal([aUserId(3)]);
    expect(sent.recipients.map(({ userId }) => userId)).to.deep.equal(userIds(3));
    const row = await deps.messages.find(messageKey(app, sent.messageId));
    expect(row).to.deep.include({ hiddenFor: [aUserId(2)], unread: [aUserId(3)] });
    // It does not come up in her list either.
    const rows = await deps.memberships.findOfUsers(app, conversationId, userIds(3));
    expect(rows.get(aUserId(2))?.sortAt).to.equal(1_000);
    expect(rows.get(aUserId(3))?.sortAt).to.equal(sent.sentAt);
  });

  it("asks about no blockers of a bare name, nor where nobody else is when a backend says it", async () => {
    const { app, handle, command, asked } = await setUp();
    await handle([command({ sender: { name: "System" }, authority: "backend" })]);
    const alone = await aConversation(stores, app, userIds(1));
    await handle([aDelivery(aDraft(alone.conversationId, { authority: "backend" }), { app })]);
    expect(asked).to.deep.equal([]);
  });

  it("refuses in the order of the contract: conversation, sender, content", async () => {
    const { app, handle, command } = await setUp();
    const gone = await aConversation(stores, app, userIds(3), { deletedAt: 5 });
    // User 3 has a membership, and is in it no more.
    const left = await aConversation(stores, app, userIds(2));
    await stores.memberships.insertMissing([newMembership(left, aUserId(3), 1_000)]);
    const content = { contentId: randomUUID(), size: 3 };
    const parts = [aPart("", { body: null, content })];
    const outcomes = await handle([
      aDelivery(aDraft(aConversationId(), { parts }), { app }),
      aDelivery(aDraft(gone.conversationId, { parts }), { app }),
      aDelivery(aDraft(left.conversationId, { sender: { userId: aUserId(3) }, parts }), { app }),
      aDelivery(aDraft(left.conversationId, { sender: { userId: aUserId(9) }, parts }), { app }),
      command({ sender: { userId: aUserId(9) }, authority: "participant", parts }),
      command({ parts }),
    ]);
    expect(outcomes.map(codeOf)).to.deep.equal([
      "not_found",
      "object_deleted",
      "access_denied",
      "not_found",
      "invalid_property",
      "invalid_property",
    ]);
  });

  it("takes a message from any identity in the backend's name, and lets content be referred to once it is uploaded", async () => {
    const { app, conversationId, handle, command } = await setUp();
    const [uploaded, announced, others] = [randomUUID(), randomUUID(), randomUUID()];
    await stores.db.collection<{ _id: string; conversation: string; isUploaded: boolean }>("contents").insertMany([
      { _id: `${app}/${uploaded}`, conversation: conversationId, isUploaded: true },
      { _id: `${app}/${announced}`, conversation: conversationId, isUploaded: false },
      { _id: `${app}/${others}`, conversation: aConversationId(), isUploaded: true },
    ]);
    const withContent = (contentId: string) =>
      command({
        sender: { userId: "a bot" },
        authority: "backend",
        parts: [aPart("", { body: null, content: { contentId, size: 3 } })],
      });
    const [first, second, third] = await handle([uploaded, announced, others].map(withContent));
    expect(sentOf(first).parts[0]?.content).to.deep.equal({ contentId: uploaded, size: 3 });
    expect([codeOf(second), codeOf(third)]).to.deep.equal(["invalid_property", "invalid_property"]);
  });

  it("brings a conversation back into the lists of those who cleared it", async () => {
    const { app, conversationId, handle, command, deps } = await setUp();
    const _id = membershipKey(app, aUserId(2), conversationId);
    await stores.db.collection<{ _id: string }>("memberships").updateOne({ _id }, { $set: { isHidden: true } });
    await handle([command()]);
    expect(await deps.memberships.find(app, aUserId(2), conversationId)).to.have.property("isHidden", false);
  });

  it("does first what is left to do of a change whose command has died, and tells of it once", async () => {
    const { app, conversationId, handle, command, deps, events } = await setUp();
    const before = await deps.conversations.find(app, conversationId);
    const after = before && withoutParticipant(before, aUserId(2), { by: "died", at: 9 });
    if (before && after) await deps.conversations.change(before, after);
    await handle([command(), command()]);
    expect(await deps.memberships.find(app, aUserId(2), conversationId)).to.have.property("leftAt", 0);
    expect(events.map(({ id }) => id).filter((id) => id?.startsWith("died"))).to.deep.equal([
      "died.participants-changed",
    ]);
  });

  it("leaves a conversation cleared when a command comes again whose message she cleared with it", async () => {
    const { app, conversationId, handle, command, deps } = await setUp();
    const [first, second] = [command(), command()];
    await handle([first]);
    await deps.memberships.clear(app, aUserId(2), conversationId, { position: 1, by: "x" });
    await handle([{ ...first, isRedelivered: true }]);
    expect(await deps.memberships.find(app, aUserId(2), conversationId)).to.have.property("isHidden", true);
    await handle([{ ...first, isRedelivered: true }, second]);
    expect(await deps.memberships.find(app, aUserId(2), conversationId)).to.have.property("isHidden", false);
  });

  it("leaves nothing half done when the broker is away: the repeat does every step", async () => {
    const { deps, handle, command, created, stored } = await setUp();
    const delivery = command();
    const failing = sendMessages({ ...deps, publisher: recordingPublisher({ failing: true }).publisher });
    const failure = await failing([delivery]).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    await handle([{ ...delivery, isRedelivered: true }]);
    expect(await stored()).to.have.lengthOf(1);
    expect(created()).to.have.lengthOf(1);
  });
});
