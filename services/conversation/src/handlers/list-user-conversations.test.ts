import type { ConversationOrder } from "@strata/contracts";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { aConversation, aConversationId, aDelivery, openStores } from "../../test/support.ts";
import type { ConversationSummaries } from "../domain/conversation-summaries.ts";
import { getUserConversation } from "./get-user-conversation.ts";
import { listUserConversations } from "./list-user-conversations.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];

/** What messages say of each: as many unread as the conversation has positions, so that a mix-up would show. */
const summaries: ConversationSummaries = {
  of: async (views) =>
    views.map(({ conversation }) => ({
      lastMessage: null,
      unreadCount: conversation.lastPosition,
      messageCount: conversation.lastPosition,
    })),
};

describe("a user's conversations", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("user-conversations");
  });
  after(() => stores[Symbol.asyncDispose]());

  const list = async (app: string, order: ConversationOrder, limit: number, after: string | null = null) => {
    const delivery = aDelivery({ userId: ann, order, after, limit }, { app });
    const outcome = await listUserConversations({ ...stores, summaries })(delivery);
    if (outcome.kind !== "reply") throw new Error(outcome.kind);
    return outcome.reply;
  };
  const get = async (app: string, userId: string, conversationId: string) => {
    const outcome = await getUserConversation({ ...stores, summaries })(aDelivery({ conversationId, userId }, { app }));
    if (outcome.kind !== "reply") throw new Error(outcome.kind);
    return outcome.reply;
  };
  /** Conversations of Ann's, of which two at a time are of one moment. */
  const several = async (app: string, count: number) => {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) {
      const at = { createdAt: 1_000 + Math.floor(n / 2), lastPosition: n };
      ids.push((await aConversation(stores, app, [ann, bea], at)).conversationId);
    }
    return ids;
  };

  it("come in pages, newest first, each once, also where several are of one moment", async () => {
    const app = anAppId();
    const ids = await several(app, 7);
    for (const order of ["created_at", "last_message"] as const) {
      const found: string[] = [];
      for (let after: string | null = null; ;) {
        const page = await list(app, order, 3, after);
        expect(page.total).to.equal(7);
        found.push(...(page.conversations ?? []).map(({ conversationId }) => conversationId));
        after = found.at(-1) ?? null;
        if ((page.conversations ?? []).length < 3) break;
      }
      expect(found).to.have.members(ids).and.to.have.lengthOf(7);
      expect(found.map((id) => Math.floor(ids.indexOf(id) / 2))).to.deep.equal([3, 2, 2, 1, 1, 0, 0]);
    }
  });

  it("come by creation or by the last message, as asked", async () => {
    const app = anAppId();
    const [first = "", , last = ""] = await several(app, 3);
    await stores.memberships.raise([{ app, conversationId: first, userIds: [ann], position: 9, at: 9_000 }]);
    const newest = async (order: ConversationOrder) =>
      (await list(app, order, 1)).conversations?.map(({ conversationId }) => conversationId);
    expect(await newest("created_at")).to.deep.equal([last]);
    expect(await newest("last_message")).to.deep.equal([first]);
  });

  it("leave out what she cleared and what is deleted, and know no page behind those", async () => {
    const app = anAppId();
    const [cleared = "", deleted = "", kept = ""] = await several(app, 3);
    await stores.memberships.clear(app, ann, cleared, { position: 5, by: "x" });
    await stores.memberships.markDeleted(app, deleted);
    const { conversations, total } = await list(app, "created_at", 5);
    expect(conversations?.map(({ conversationId }) => conversationId)).to.deep.equal([kept]);
    expect(total).to.equal(1);
    for (const after of [cleared, deleted, aConversationId()]) {
      expect(await list(app, "created_at", 5, after)).to.deep.equal({ conversations: null, total: 1 });
    }
    expect(await list(app, "created_at", 5, kept)).to.deep.equal({ conversations: [], total: 1 });
  });

  it("show one that she left without its people, up to where she left", async () => {
    const app = anAppId();
    const row = await aConversation(stores, app, [ann, bea], { participants: [bea], lastPosition: 9 });
    await stores.memberships.dismiss(app, row.conversationId, [ann], 4);
    const seen = { conversationId: row.conversationId, participants: [], lastPosition: 4, unreadCount: 9 };
    expect((await list(app, "created_at", 5)).conversations?.[0]).to.deep.include(seen);
    const { standing, conversation } = await get(app, ann, row.conversationId);
    expect(standing).to.equal("left");
    expect(conversation).to.deep.include(seen);
  });

  it("can be asked for one by one, also when cleared, by whom they are", async () => {
    const app = anAppId();
    const row = await aConversation(stores, app, [ann, bea], { lastPosition: 9 });
    await stores.memberships.clear(app, ann, row.conversationId, { position: 9, by: "x" });
    expect(await get(app, ann, row.conversationId)).to.deep.include({ state: "present", standing: "participant" });
    expect((await get(app, ann, row.conversationId)).conversation).to.deep.include({ participants: [ann, bea] });

    const nothing = { conversation: null };
    expect(await get(app, cem, row.conversationId)).to.deep.equal({
      ...nothing,
      state: "present",
      standing: "stranger",
    });
    expect(await get(anAppId(), ann, row.conversationId)).to.deep.equal({
      ...nothing,
      state: "absent",
      standing: "stranger",
    });
    const gone = await aConversation(stores, app, [ann, bea], { deletedAt: 2_000, deletedBy: "command" });
    expect(await get(app, ann, gone.conversationId)).to.deep.equal({
      ...nothing,
      state: "deleted",
      standing: "participant",
    });
  });
});
