import { randomUUID } from "node:crypto";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { newMembership } from "../domain/membership.ts";
import { aDraft, aPart, refusalOf, repliedBy, sender } from "../../test/messages.ts";
import { aConversation, aConversationId, aDelivery, openStores } from "../../test/support.ts";
import { scheduleMessages } from "./schedule-messages.ts";

describe("ScheduleMessages", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("schedule-messages");
  });
  after(() => stores[Symbol.asyncDispose]());

  async function setUp() {
    const app = anAppId();
    const conversation = await aConversation(stores, app, userIds(2));
    const handle = scheduleMessages(stores);
    const command = (
      messages: readonly Parameters<typeof aDraft>[1][],
      { conversationId = conversation.conversationId, at = 1_000 } = {},
    ) =>
      aDelivery(
        {
          conversationId,
          at,
          messages: messages.map((changed) => {
            const { conversationId: _, ...draft } = aDraft(conversationId, changed);
            return Object.assign(draft, { delayMs: 0, typingMs: 0 });
          }),
        },
        { app },
      );
    const rows = () => stores.db.collection("scheduled_messages").find({ app }).toArray();
    return { app, conversation, handle, command, rows };
  }
  const claim = (holder: string) => stores.schedules.claimDue(holder, 60_000);
  const done = { next: 1, sendAt: 1, isTypingDue: false, dueAt: null };

  it("stores a schedule once, though its command comes again, also when all of it has happened", async () => {
    const { handle, command, rows } = await setUp();
    const delivery = command([{}]);
    await handle(delivery);
    await handle(delivery);
    expect(await rows()).to.have.lengthOf(1);
    const row = await claim("me");
    expect(row?.by).to.equal(delivery.id);
    expect(await stores.schedules.moveOn(row?._id ?? "", "me", done)).to.equal(true);
    await handle({ ...delivery, isRedelivered: true });
    expect(await claim("me")).to.equal(null);
    expect((await rows())[0]).to.deep.include({ dueAt: null, messages: [] });
  });

  it("takes an id for one command only, whether its message is still to come, was sent, or is of another conversation", async () => {
    const { app, conversation, handle, command, rows } = await setUp();
    const elsewhere = await aConversation(stores, app, userIds(2));
    const [scheduled, sent] = [randomUUID(), await sender(stores)(app, aDraft(conversation.conversationId))];
    const first = command([{ messageId: scheduled }]);
    const outcomes = [
      await handle(first),
      await handle(command([{}, { messageId: scheduled }])),
      await handle(command([{ messageId: scheduled }], { conversationId: elsewhere.conversationId })),
      await handle(command([{ messageId: sent.messageId }])),
      await handle(first),
    ].map(repliedBy);
    expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal([
      "scheduled",
      "in-use",
      "in-use",
      "in-use",
      "scheduled",
    ]);
    expect(await rows()).to.have.lengthOf(1);
    const row = await claim("me");
    await stores.schedules.moveOn(row?._id ?? "", "me", done);
    expect(repliedBy(await handle(command([{ messageId: scheduled }])))).to.deep.equal({ outcome: "in-use" });
    expect(repliedBy(await handle(first))).to.deep.equal({ outcome: "scheduled" });
  });

  it("gives what is due to one holder at a time, the longest due first, and back when it is released", async () => {
    const { handle, command } = await setUp();
    const [later, sooner] = [command([{}], { at: 3_000 }), command([{}], { at: 2_000 })];
    await handle(later);
    await handle(sooner);
    await handle(command([{}], { at: Date.now() + 60_000 }));
    const [first, second] = [await claim("one"), await claim("two")];
    expect([first?.by, second?.by]).to.deep.equal([sooner.id, later.id]);
    expect(await claim("three")).to.equal(null);
    expect(await stores.schedules.moveOn(first?._id ?? "", "two", done)).to.equal(false);
    await stores.schedules.release(first?._id ?? "", "one", 0);
    expect((await claim("three"))?.by).to.equal(sooner.id);
    for (const row of [first, second]) {
      for (const holder of ["two", "three"]) await stores.schedules.moveOn(row?._id ?? "", holder, done);
    }
  });

  it("takes all of a batch or none", async () => {
    const { app, conversation, handle, command, rows } = await setUp();
    const gone = await aConversation(stores, app, userIds(2), { deletedAt: 5 });
    await stores.memberships.insertMissing([{ ...newMembership(conversation, aUserId(8), 1), leftAt: 0 }]);
    const content = { contentId: randomUUID(), size: 3 };
    const refusals = [
      command([{}], { conversationId: aConversationId() }),
      command([{}], { conversationId: gone.conversationId }),
      command([{}, { sender: { userId: aUserId(8) } }]),
      command([{}, { sender: { userId: aUserId(9) } }]),
      command([{}, { sender: { userId: aUserId(9) }, authority: "participant" }]),
      command([{}, { parts: [aPart("", { body: null, content })] }]),
    ].map((delivery) => refusalOf(handle(delivery)));
    expect(await Promise.all(refusals)).to.deep.equal([
      "not_found",
      "object_deleted",
      "access_denied",
      "not_found",
      "invalid_property",
      "invalid_property",
    ]);
    expect(await rows()).to.deep.equal([]);
  });
});
