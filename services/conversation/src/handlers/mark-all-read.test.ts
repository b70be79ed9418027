import { ConversationRead } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDraft, refusalOf, repliedBy, sender } from "../../test/messages.ts";
import { aConversation, aConversationId, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { markAllRead } from "./mark-all-read.ts";

describe("MarkAllRead", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("mark-all-read");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A conversation of users 1 to 3 with so many messages of user 1, and the handler with what it is connected to. */
  async function setUp(count: number) {
    const app = anAppId();
    const conversation = await aConversation(stores, app, userIds(3));
    const { conversationId } = conversation;
    const send = sender(stores, { [aUserId(1)]: [aUserId(3)] });
    for (const _ of Array.from({ length: count })) await send(app, aDraft(conversationId));
    const { events, publisher } = recordingPublisher();
    const handle = markAllRead({ ...stores, publisher });
    const mark = (user: number, position: number | null, changed: { conversationId?: string } = {}) =>
      aDelivery({ conversationId, userId: aUserId(user), position, at: 60, ...changed }, { app });
    const unread = async (user: number) =>
      (await stores.timelines.countUnread(app, aUserId(user), null)).get(conversationId);
    const page = () =>
      stores.timelines.page(app, { conversation: conversationId, viewer: null, after: 0, through: null }, null, 100);
    const read = () => events.map(({ payload }) => ConversationRead.payload.parse(payload));
    return { app, conversation, conversationId, send, handle, mark, unread, page, read, events };
  }

  it("reads all that she sees up to a position, and tells which was used", async () => {
    const { handle, mark, unread, page, read, conversationId } = await setUp(4);
    expect(repliedBy(await handle(mark(2, 3)))).to.deep.equal({ position: 3 });
    expect(await unread(2)).to.equal(1);
    expect(read()).to.deep.equal([{ conversationId, userId: aUserId(2), throughPosition: 3, at: 60 }]);
    expect((await page()).map((row) => row.read.map(({ user, at }) => [user, at]))).to.deep.equal([
      [],
      ...Array.from({ length: 3 }, () => [[aUserId(2), 60]]),
    ]);
    expect(repliedBy(await handle(mark(2, 99)))).to.deep.equal({ position: 4 });
    expect(await unread(2)).to.equal(undefined);
  });

  it("says nothing of what is hidden from her: a sender whom she blocks does not learn that she was there", async () => {
    const { handle, mark, page } = await setUp(2);
    expect(repliedBy(await handle(mark(3, null)))).to.deep.equal({ position: 2 });
    expect((await page()).flatMap((row) => row.read)).to.deep.equal([]);
  });

  it("never goes back, and says nothing twice to another command", async () => {
    const { handle, mark, unread, events } = await setUp(3);
    await handle(mark(2, 3));
    expect(repliedBy(await handle(mark(2, 1)))).to.deep.equal({ position: 1 });
    expect(await unread(2)).to.equal(undefined);
    expect(events).to.have.lengthOf(1);
  });

  it("does the same again when its command comes again, and does not take in what was sent meanwhile", async () => {
    const { app, conversationId, send, handle, mark, unread, events } = await setUp(2);
    const marking = mark(2, null);
    const first = await handle(marking);
    await send(app, aDraft(conversationId));
    expect(await handle({ ...marking, isRedelivered: true })).to.deep.equal(first);
    expect(await unread(2)).to.equal(1);
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("goes as far as before when it comes again after another mark and more messages", async () => {
    const { app, conversationId, send, handle, mark, unread } = await setUp(2);
    const marking = mark(2, null);
    await handle(marking);
    await send(app, aDraft(conversationId));
    await handle(mark(2, null));
    await send(app, aDraft(conversationId));
    expect(repliedBy(await handle({ ...marking, isRedelivered: true }))).to.deep.equal({ position: 2 });
    expect(await unread(2)).to.equal(1);
    const membership = await stores.memberships.find(app, aUserId(2), conversationId);
    expect(membership).to.have.property("readThrough", 3);
  });

  it("finishes where it broke off between the mark and the messages", async () => {
    const { app, conversationId, handle, mark, unread, events } = await setUp(2);
    const marking = mark(2, null);
    await stores.memberships.moveReadThrough(app, aUserId(2), conversationId, { position: 2, by: marking.id });
    expect(repliedBy(await handle(marking))).to.deep.equal({ position: 2 });
    expect(await unread(2)).to.equal(undefined);
    expect(events).to.have.lengthOf(1);
  });

  it("answers 0 in an empty conversation", async () => {
    const { handle, mark, events } = await setUp(0);
    expect(repliedBy(await handle(mark(2, null)))).to.deep.equal({ position: 0 });
    expect(events).to.deep.equal([]);
  });

  it("is refused where there is no conversation, where it was deleted, and to who is not in it", async () => {
    const { app, handle, mark } = await setUp(1);
    const gone = await aConversation(stores, app, userIds(2), { deletedAt: 5 });
    expect(await refusalOf(handle(mark(2, null, { conversationId: aConversationId() })))).to.equal("not_found");
    expect(await refusalOf(handle(mark(2, null, { conversationId: gone.conversationId })))).to.equal("object_deleted");
    expect(await refusalOf(handle(mark(9, null)))).to.equal("access_denied");
  });
});
