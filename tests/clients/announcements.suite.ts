import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { ClientName } from "./support/page-server.ts";
import { loaded } from "./support/pair.ts";
import type { World } from "./support/world.ts";

/** What a backend sends to users. */
export function announcements(world: () => World, client: ClientName): void {
  describe("an announcement", () => {
    it("arrives at once, unread until a receipt says otherwise", async () => {
      await using bob = await world().login(client, world().newUserId("bob"));
      await bob.do("openQuery", "announcements", { model: "Announcement" });
      await loaded(bob, "announcements");
      await world().announce([bob.userId], "Closed on Monday");
      const { ids } = await eventually(
        () => bob.do("rows", "announcements"),
        (rows) => rows.ids.length === 1,
      );
      const [id = ""] = ids;
      expect(await bob.do("texts", id)).to.deep.equal(["Closed on Monday"]);
      expect(await bob.do("message", id)).to.include({ isRead: false });
      await bob.do("sendReceipt", id);
      expect(await bob.do("message", id)).to.include({ isRead: true });

      await using elsewhere = await world().login(client, bob.userId);
      const isReadElsewhere = async (): Promise<boolean | undefined> => {
        await elsewhere.do("openQuery", "announcements", { model: "Announcement" });
        await loaded(elsewhere, "announcements");
        return (await elsewhere.do("message", id))?.isRead;
      };
      await eventually(isReadElsewhere, true);
    });
  });
}
