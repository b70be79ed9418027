import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { ClientName } from "./support/page-server.ts";
import { loaded, pairOf } from "./support/pair.ts";
import type { UserPage } from "./support/user-page.ts";
import type { World } from "./support/world.ts";

/** One user before two browsers: what she does in one, the other follows. */
export function devices(world: () => World, client: ClientName): void {
  describe("a user on two devices", () => {
    const pair = pairOf(world, client);
    let tablet: UserPage;
    before(async () => {
      tablet = await world().login(client, pair.bob.userId);
      for (const device of [pair.bob, tablet]) {
        for (const model of ["Conversation", "Announcement"] as const) {
          await device.do("openQuery", model, { model });
          await loaded(device, model);
        }
      }
    });
    after(() => tablet[Symbol.asyncDispose]());

    it("sees on each what she began and sent on the other", async () => {
      const ids = await pair.bob.do("converse", { participants: [pair.alice.userId], text: "from my phone" });
      await eventually(async () => (await tablet.do("rows", "Conversation")).ids, [ids.conversationId]);
      await tablet.has("message", ids.messageId);
      expect(await tablet.do("message", ids.messageId)).to.include({ sender: pair.bob.userId, isRead: true });
      expect(await tablet.do("texts", ids.messageId)).to.deep.equal(["from my phone"]);
      expect(await tablet.do("conversation", ids.conversationId)).to.include({ unread: 0 });
      await eventually(async () => (await tablet.do("message", ids.messageId))?.deliveryStatus, "ALL");
    });

    it("has read on each what she read on one", async () => {
      const { conversationId, messageId } = await pair.talk();
      await eventually(async () => (await tablet.do("conversation", conversationId))?.unread, 1);
      await tablet.do("markRead", messageId);
      await eventually(async () => (await pair.bob.do("message", messageId))?.isRead, true);
      for (const device of [pair.bob, tablet]) {
        await eventually(async () => (await device.do("conversation", conversationId))?.unread, 0);
      }
    });

    it("has read an announcement on each once she read it on one", async () => {
      await world().announce([pair.bob.userId], "New terms");
      const { ids } = await eventually(
        () => tablet.do("rows", "Announcement"),
        (rows) => rows.ids.length === 1,
      );
      const [id = ""] = ids;
      await pair.bob.has("message", id);
      await pair.bob.do("sendReceipt", id);
      await eventually(async () => (await tablet.do("message", id))?.isRead, true);
      expect((await tablet.do("rows", "Announcement")).ids).to.deep.equal([id]);
    });

    it("is seen by others under the name that the backend gives her, as soon as it does", async () => {
      await pair.talk();
      await eventually(() => pair.alice.do("nameOf", pair.bob.userId), pair.bob.userId);
      await world().rename(pair.bob.userId, "Bob the Builder");
      for (const page of [pair.alice, pair.bob, tablet]) {
        await eventually(() => page.do("nameOf", pair.bob.userId), "Bob the Builder");
      }
    });

    it("is offline once the last of them is gone", async () => {
      await pair.talk();
      await eventually(() => pair.alice.do("statusOf", pair.bob.userId), "available");
      await tablet.page.close();
      await pair.bob.do("setStatus", "away");
      await eventually(() => pair.alice.do("statusOf", pair.bob.userId), "away");
      await pair.bob.page.close();
      await eventually(() => pair.alice.do("statusOf", pair.bob.userId), "offline");
    });
  });
}
