import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { ClientName } from "./support/page-server.ts";
import { loaded, messagesOf, pairOf } from "./support/pair.ts";
import type { World } from "./support/world.ts";

/** What is there already, and asked for once more. */
export function repeating(world: () => World, client: ClientName): void {
  describe("what is there already", () => {
    const pair = pairOf(world, client);

    it("is found when a distinct conversation is asked for, and said to differ where its metadata do", async () => {
      const dave = world().newUserId("dave");
      const metadata = { title: "First" };
      const first = await pair.alice.do("converse", { participants: [dave], text: "one", distinct: true, metadata });
      await pair.alice.saved(first.messageId);
      const results = [
        { result: "Found", metadata },
        { result: "FoundMismatch", metadata: { title: "Other" } },
      ];
      for (const expected of results) {
        // A page that has not yet heard of the conversation, so that it asks the server.
        await using page = await world().login(client, dave);
        await page.do("converse", {
          participants: [pair.alice.userId],
          text: "two",
          distinct: true,
          metadata: expected.metadata,
        });
        await eventually(
          () => page.do("events", "conversations:sent"),
          [{ name: "conversations:sent" as const, result: expected.result, target: first.conversationId }],
        );
        expect((await page.do("conversation", first.conversationId))?.metadata).to.deep.equal(metadata);
      }
    });

    it("is one message when it is sent twice", async () => {
      const { conversationId } = await pair.talk();
      await pair.bob.do("openQuery", "again", messagesOf(conversationId));
      await loaded(pair.bob, "again");
      const id = `layer:///messages/${randomUUID()}`;
      const answer = { success: true, id };
      expect(await pair.alice.do("resend", conversationId, id)).to.deep.equal(answer);
      expect(await pair.alice.do("resend", conversationId, id)).to.deep.equal(answer);
      const last = await pair.alice.do("send", conversationId, "the last");
      await eventually(async () => (await pair.bob.do("rows", "again")).ids.slice(0, 2), [last, id]);
      expect((await pair.bob.do("rows", "again")).ids).to.have.lengthOf(3);
    });
  });
}
