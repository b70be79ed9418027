import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aConversation, aConversationId, aDelivery, openStores } from "../../test/support.ts";
import { getConversation } from "./get-conversation.ts";

describe("getConversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("get-conversation");
  });
  after(() => stores[Symbol.asyncDispose]());

  const ask = async (app: string, conversationId: string) =>
    getConversation(stores)(aDelivery({ conversationId }, { app }));

  it("answers what the backend sees", async () => {
    const app = anAppId();
    const row = await aConversation(stores, app, userIds(2), { metadata: { topic: "boats" } });
    expect(await ask(app, row.conversationId)).to.deep.equal({
      kind: "reply",
      reply: {
        state: "present",
        conversation: {
          conversationId: row.conversationId,
          createdAt: row.createdAt,
          participants: userIds(2),
          distinct: false,
          metadata: { topic: "boats" },
          version: 1,
          lastPosition: 0,
        },
      },
    });
  });

  it("remembers a deleted one", async () => {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(2), { deletedAt: 2_000, deletedBy: "command" });
    const reply = { state: "deleted", conversation: null };
    expect(await ask(app, conversationId)).to.deep.equal({ kind: "reply", reply });
  });

  it("knows nothing of an id nobody used, or only another app", async () => {
    const { conversationId } = await aConversation(stores, anAppId(), userIds(2));
    const reply = { state: "absent", conversation: null };
    expect(await ask(anAppId(), conversationId)).to.deep.equal({ kind: "reply", reply });
    expect(await ask(anAppId(), aConversationId())).to.deep.equal({ kind: "reply", reply });
  });
});
