import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { ClientName } from "./support/page-server.ts";
import { loaded, messagesOf, pairOf } from "./support/pair.ts";
import { expectCounted } from "./support/protocol.ts";
import type { World } from "./support/world.ts";

/** What two users who are logged in do with one client. Every test has a conversation of its own. */
export function talking(world: () => World, client: ClientName): void {
  describe("two users who talk", () => {
    const pair = pairOf(world, client);

    it("are themselves, with nothing yet to show", async () => {
      expect(await pair.alice.do("self")).to.deep.equal({ userId: pair.alice.userId, displayName: pair.alice.userId });
      expect(await pair.alice.do("events", "challenge")).to.have.lengthOf(1);
      for (const page of [pair.alice, pair.bob]) {
        for (const model of ["Conversation", "Announcement"] as const) {
          await page.do("openQuery", model, { model });
          expect(await loaded(page, model)).to.deep.include({ ids: [], totalSize: 0, pagedToEnd: true });
        }
      }
    });

    it("create a distinct conversation, which shows on the other side with one unread message", async () => {
      const ids = await pair.alice.do("converse", { participants: [pair.bob.userId], text: "hello", distinct: true });
      const target = ids.conversationId;
      await eventually(
        () => pair.alice.do("events", "conversations:sent"),
        (events) => events.some((event) => event.target === target && event.result === "Created"),
      );
      await eventually(async () => (await pair.bob.do("rows", "Conversation")).ids, [target]);
      await eventually(() => pair.bob.do("conversation", target), {
        participants: [pair.alice.userId, pair.bob.userId].toSorted(),
        metadata: {},
        unread: 1,
        lastMessageId: ids.messageId,
      });
      expect(await pair.bob.do("texts", ids.messageId)).to.deep.equal(["hello"]);
      expect(await pair.bob.do("message", ids.messageId)).to.include({ sender: pair.alice.userId, isRead: false });
    });

    it("see their message delivered, and read once it is", async () => {
      const { conversationId, messageId } = await pair.talk();
      await eventually(async () => (await pair.alice.do("message", messageId))?.deliveryStatus, "ALL");
      expect(await pair.alice.do("message", messageId)).to.include({ readStatus: "NONE" });
      await pair.bob.do("markRead", messageId);
      await eventually(async () => (await pair.alice.do("message", messageId))?.readStatus, "ALL");
      await eventually(async () => (await pair.bob.do("conversation", conversationId))?.unread, 0);
    });

    it("mark all as read at once", async () => {
      const { conversationId, messageId } = await pair.talk();
      const second = await pair.alice.do("send", conversationId, "again");
      await eventually(async () => (await pair.bob.do("conversation", conversationId))?.unread, 2);
      await pair.bob.do("markAllRead", conversationId);
      for (const id of [messageId, second]) {
        await eventually(async () => (await pair.alice.do("message", id))?.readStatus, "ALL");
        await eventually(async () => (await pair.bob.do("message", id))?.isRead, true);
      }
      await eventually(async () => (await pair.bob.do("conversation", conversationId))?.unread, 0);
    });

    it("see each other type", async () => {
      const { conversationId } = await pair.talk();
      await pair.bob.do("type", conversationId, "started");
      await eventually(() => pair.alice.do("typing", conversationId), [pair.bob.userId]);
      await eventually(() => pair.alice.do("typing", conversationId), []);
      expect(await pair.bob.do("typing", conversationId)).to.deep.equal([]);
    });

    it("see each other's presence, and its changes", async () => {
      await pair.talk();
      await eventually(() => pair.alice.do("statusOf", pair.bob.userId), "available");
      await pair.bob.do("setStatus", "busy");
      await eventually(() => pair.alice.do("statusOf", pair.bob.userId), "busy");
      await pair.bob.do("setStatus", "available");
      await eventually(() => pair.alice.do("statusOf", pair.bob.userId), "available");
    });

    it("add a participant, who gets what follows", async () => {
      const { conversationId } = await pair.talk();
      await using carol = await world().login(client, world().newUserId("carol"));
      await carol.do("openQuery", "Conversation", { model: "Conversation" });
      await loaded(carol, "Conversation");
      await pair.alice.do("addParticipant", conversationId, carol.userId);
      const everyone = [pair.alice.userId, pair.bob.userId, carol.userId].toSorted();
      for (const page of [pair.alice, pair.bob, carol]) {
        await eventually(async () => (await page.do("conversation", conversationId))?.participants, everyone);
      }
      await eventually(async () => (await carol.do("rows", "Conversation")).ids, [conversationId]);
      const welcome = await pair.bob.do("send", conversationId, "welcome");
      await carol.has("message", welcome);
      expect(await carol.do("texts", welcome)).to.deep.equal(["welcome"]);
    });

    it("set metadata that the other one sees", async () => {
      const { conversationId } = await pair.talk();
      await pair.alice.do("setMetadata", conversationId, { title: "Lunch", "place.name": "Canteen" });
      const metadata = { title: "Lunch", place: { name: "Canteen" } };
      await eventually(async () => (await pair.bob.do("conversation", conversationId))?.metadata, metadata);
    });

    it("send a text of 5,000 characters, which travels as content, and comes out whole", async () => {
      const { conversationId } = await pair.talk();
      const text = "Grüße, ".repeat(1_000).slice(0, 5_000);
      const id = await pair.alice.do("send", conversationId, text);
      await pair.bob.has("message", id);
      expect(await pair.bob.do("hasContent", id)).to.equal(true);
      expect(await pair.bob.do("texts", id)).to.deep.equal([text]);
    });

    it("page through 14 messages by 5", async () => {
      const { conversationId, messageId } = await pair.talk("message 0");
      const ids = [messageId];
      for (let n = 1; n < 14; n += 1) ids.push(await pair.alice.do("send", conversationId, `message ${n}`));
      await pair.alice.saved(ids.at(-1) ?? "");
      await using elsewhere = await world().login(client, pair.bob.userId);
      await elsewhere.do("openQuery", "messages", { ...messagesOf(conversationId), paginationWindow: 5 });
      const newestFirst = ids.toReversed();
      for (const size of [5, 10, 14]) {
        await eventually(async () => (await elsewhere.do("rows", "messages")).ids, newestFirst.slice(0, size));
        const { totalSize, pagedToEnd } = await loaded(elsewhere, "messages");
        expect({ totalSize, pagedToEnd }).to.deep.equal({ totalSize: 14, pagedToEnd: size === 14 });
        await elsewhere.do("widen", "messages", size + 5);
      }
    });

    it("got packets that count from 0 without a gap, and nothing that their client could not take", () => {
      for (const page of [pair.alice, pair.bob]) {
        expectCounted(page);
        expect(page.errors).to.deep.equal([]);
      }
    });
  });
}
