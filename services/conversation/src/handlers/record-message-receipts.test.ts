import { randomUUID } from "node:crypto";
import { MessageReceiptsRecorded, type ReceiptKind } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { newMembership } from "../domain/membership.ts";
import { messageKey } from "../domain/message.ts";
import { messageView } from "../domain/message-view.ts";
import { aDraft, codeOf, sender } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { recordMessageReceipts } from "./record-message-receipts.ts";

describe("RecordMessageReceipt", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("message-receipts");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Two messages of user 1 to users 1 to 4, of whom user 4 blocks him, and the handler with what it is connected to. */
  async function setUp() {
    const app = anAppId();
    const conversation = await aConversation(stores, app, userIds(4));
    const send = sender(stores, { [aUserId(1)]: [aUserId(4)] });
    const [first, second] = [
      await send(app, aDraft(conversation.conversationId)),
      await send(app, aDraft(conversation.conversationId)),
    ];
    const { events, publisher } = recordingPublisher();
    const handle = recordMessageReceipts({ ...stores, publisher });
    const report = (
      user: number,
      kind: ReceiptKind,
      at: number,
      messageId = first.messageId,
      id: string = randomUUID(),
    ) => aDelivery({ messageId, userId: aUserId(user), kind, at }, { app, id });
    const row = async () => {
      const found = await stores.messages.find(messageKey(app, first.messageId));
      if (!found) throw new Error("no message");
      return found;
    };
    const statuses = async () => messageView(await row()).recipients.map(({ status }) => status);
    const facts = () =>
      events.flatMap(({ payload }) => {
        const { position, receipts } = MessageReceiptsRecorded.payload.parse(payload);
        return receipts.map(({ userId, kind, at }) => [position, userId, kind, at]);
      });
    return { app, conversation, first, second, handle, report, row, statuses, facts, events };
  }

  it("records a group in one event per message, and what comes twice once, with its first time", async () => {
    const { handle, report, second, facts, events, statuses, row } = await setUp();
    const outcomes = await handle([
      report(2, "delivered", 10),
      report(2, "delivered", 11),
      report(3, "read", 12),
      report(2, "read", 13, second.messageId),
    ]);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["ack", "ack", "ack", "ack"]);
    expect(events).to.have.lengthOf(2);
    expect(facts()).to.deep.equal([
      [1, aUserId(2), "delivered", 10],
      [1, aUserId(3), "read", 12],
      [2, aUserId(2), "read", 13],
    ]);
    expect(await statuses()).to.deep.equal(["read", "delivered", "read", "sent"]);
    expect((await row()).unread).to.deep.equal([aUserId(2)]);
    await handle([report(3, "read", 99)]);
    expect(events).to.have.lengthOf(2);
  });

  it("goes only forward: what was read is not delivered afterwards, in one group or later", async () => {
    const { handle, report, statuses, row, facts } = await setUp();
    await handle([report(2, "read", 10), report(2, "delivered", 11)]);
    await handle([report(2, "delivered", 12)]);
    await handle([report(3, "delivered", 13), report(3, "read", 14)]);
    expect(await statuses()).to.deep.equal(["read", "read", "read", "sent"]);
    expect((await row()).delivered.map(({ user, at }) => [user, at])).to.deep.equal([[aUserId(3), 13]]);
    expect(facts()).to.deep.equal([
      [1, aUserId(2), "read", 10],
      [1, aUserId(3), "delivered", 13],
      [1, aUserId(3), "read", 14],
    ]);
  });

  it("publishes again what its command recorded before it died, and not what another recorded first", async () => {
    const { handle, report, facts } = await setUp();
    const [own, others] = [report(2, "read", 10), report(3, "read", 11)];
    await handle([own]);
    await handle([others]);
    const again = [{ ...own, isRedelivered: true }, report(3, "read", 12)];
    await handle(again);
    expect(facts().slice(2)).to.deep.equal([[1, aUserId(2), "read", 10]]);
  });

  it("publishes what its command recorded, though she cleared, hid or lost the message before it came again", async () => {
    const { app, conversation, second, handle, report, facts } = await setUp();
    const { conversationId } = conversation;
    const failing = recordMessageReceipts({ ...stores, publisher: recordingPublisher({ failing: true }).publisher });
    const recorded = [report(2, "read", 10), report(3, "read", 11), report(2, "delivered", 12, second.messageId)];
    expect(await failing(recorded).catch((error: unknown) => error)).to.be.instanceOf(Error);
    await stores.memberships.clear(app, aUserId(2), conversationId, { position: 1, by: "x" });
    await stores.messages.hide(messageKey(app, second.messageId), aUserId(2), { by: "x", at: 20 });
    await stores.memberships.forget(app, aUserId(3), conversationId);
    const outcomes = await handle(recorded);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["ack", "ack", "ack"]);
    expect(facts()).to.deep.equal([
      [1, aUserId(2), "read", 10],
      [1, aUserId(3), "read", 11],
      [2, aUserId(2), "delivered", 12],
    ]);
  });

  it("records once what two workers record at once", async () => {
    const { handle, report, row, facts } = await setUp();
    const groups = Array.from({ length: 6 }, (_, n) => [report(2, "read", n), report(3, "delivered", n)]);
    await Promise.all(groups.map(handle));
    expect((await row()).read).to.have.lengthOf(1);
    expect((await row()).delivered).to.have.lengthOf(1);
    const [read] = (await row()).read;
    expect(facts().filter(([, , kind]) => kind === "read")).to.deep.equal([[1, aUserId(2), "read", read?.at]]);
  });

  it("takes receipts of the sender, and of who came later, for nothing new", async () => {
    const { conversation, handle, report, events } = await setUp();
    const late = { ...conversation, participants: userIds(5) };
    await stores.memberships.insertMissing([newMembership(late, aUserId(5), 1)]);
    const outcomes = await handle([report(1, "read", 10), report(5, "read", 10)]);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["ack", "ack"]);
    expect(events).to.deep.equal([]);
  });

  it("refuses who does not see the message, and records its neighbours all the same", async () => {
    const { app, conversation, second, handle, report, facts } = await setUp();
    const { conversationId } = conversation;
    await stores.messages.delete(messageKey(app, second.messageId), { by: "x", at: 1 });
    await stores.memberships.clear(app, aUserId(3), conversationId, { position: 2, by: "x" });
    const outcomes = await handle([
      report(9, "read", 10),
      report(4, "read", 10),
      report(3, "read", 10),
      report(2, "read", 10, second.messageId),
      report(2, "read", 10, randomUUID()),
      report(2, "read", 10),
    ]);
    expect(outcomes.slice(0, 5).map(codeOf)).to.deep.equal(Array.from({ length: 5 }, () => "not_found"));
    expect(outcomes[5]).to.deep.equal({ kind: "ack" });
    expect(facts()).to.deep.equal([[1, aUserId(2), "read", 10]]);
  });

  it("takes user ids as they are, also those that MongoDB would read as fields", async () => {
    const app = anAppId();
    const [ann, field] = [aUserId(1), "$read"];
    const { conversationId } = await aConversation(stores, app, [ann, field]);
    const { messageId } = await sender(stores)(app, aDraft(conversationId));
    const handle = recordMessageReceipts({ ...stores, publisher: recordingPublisher().publisher });
    await handle([aDelivery({ messageId, userId: field, kind: "read" as const, at: 5 }, { app })]);
    const row = await stores.messages.find(messageKey(app, messageId));
    expect(row?.read.map(({ user }) => user)).to.deep.equal([field]);
    expect(row?.unread).to.deep.equal([]);
  });
});
