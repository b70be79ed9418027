import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { ClientName } from "./support/page-server.ts";
import { loaded, messagesOf, pairOf } from "./support/pair.ts";
import type { World } from "./support/world.ts";

/** What is taken away, from oneself or from all (client reference 4 and 6.5). */
export function deleting(world: () => World, client: ClientName): void {
  describe("what is deleted", () => {
    const pair = pairOf(world, client);
    before(async () => {
      for (const page of [pair.alice, pair.bob]) {
        await page.do("openQuery", "Conversation", { model: "Conversation" });
        await loaded(page, "Conversation");
      }
    });

    it("is a message that leaves everybody's list, and the one before it is the last again", async () => {
      const { conversationId, messageId } = await pair.talk();
      await pair.bob.do("openQuery", "messages", messagesOf(conversationId));
      const second = await pair.alice.do("send", conversationId, "a mistake");
      await eventually(async () => (await pair.bob.do("rows", "messages")).ids, [second, messageId]);
      await pair.alice.saved(second);
      await pair.alice.do("deleteMessage", second);
      await eventually(async () => (await pair.bob.do("rows", "messages")).ids, [messageId]);
      for (const page of [pair.alice, pair.bob]) {
        await eventually(async () => (await page.do("conversation", conversationId))?.lastMessageId, messageId);
      }
    });

    it("is a conversation that leaves everybody's list", async () => {
      const { conversationId } = await pair.talk();
      await pair.alice.do("deleteConversation", conversationId);
      await eventually(async () => (await pair.bob.do("rows", "Conversation")).ids.includes(conversationId), false);
    });

    it("is a participant who has left, for whom it ends while it goes on for the others", async () => {
      const { conversationId } = await pair.talk();
      await pair.bob.do("leave", conversationId);
      await eventually(
        async () => (await pair.alice.do("conversation", conversationId))?.participants,
        [pair.alice.userId],
      );
      await pair.alice.saved(await pair.alice.do("send", conversationId, "alone"));
      const again = await pair.talk("something else");
      expect((await pair.bob.do("rows", "Conversation")).ids).to.include(again.conversationId);
      expect((await pair.bob.do("rows", "Conversation")).ids).not.to.include(conversationId);
    });
  });
}
