import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDraft, aMessageId, repliedBy, sender } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { findMessageReaders } from "./find-message-readers.ts";
import { markAllRead } from "./mark-all-read.ts";
import { recordMessageReceipts } from "./record-message-receipts.ts";

describe("FindMessageReaders", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("message-readers");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Two messages of user 1 to users 1 to 4. */
  async function setUp() {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(4));
    const send = sender(stores);
    const [first, second] = [await send(app, aDraft(conversationId)), await send(app, aDraft(conversationId))];
    const deps = { ...stores, ...recordingPublisher() };
    const report = (user: number, kind: "delivered" | "read", messageId = first.messageId) =>
      recordMessageReceipts(deps)([aDelivery({ messageId, userId: aUserId(user), kind, at: 10 }, { app })]);
    const markAll = (user: number, position: number) =>
      markAllRead(deps)(aDelivery({ conversationId, userId: aUserId(user), position, at: 20 }, { app }));
    const find = async (users: readonly number[], messageId = first.messageId, of = app) => {
      const asked = users.map((user) => aUserId(user));
      return repliedBy(await findMessageReaders(stores)(aDelivery({ messageId, userIds: asked }, { app: of }))).userIds;
    };
    return { first, second, report, markAll, find };
  }

  it("names who of those asked about has read it, by itself or with others, in their order", async () => {
    const { second, report, markAll, find } = await setUp();
    expect(await find([2, 3, 4])).to.deep.equal([]);
    await report(4, "read");
    await report(3, "delivered");
    await markAll(2, 1);
    expect(await find([4, 3, 2])).to.deep.equal([aUserId(4), aUserId(2)]);
    expect(await find([3, 2])).to.deep.equal([aUserId(2)]);
    expect(await find([2, 3, 4], second.messageId)).to.deep.equal([]);
  });

  it("names nobody for a message that there is not, or not in this app", async () => {
    const { first, report, find } = await setUp();
    await report(2, "read");
    expect(await find([2], aMessageId())).to.deep.equal([]);
    expect(await find([2], first.messageId, anAppId())).to.deep.equal([]);
  });
});
