import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { ClientName } from "./support/page-server.ts";
import { answered, expectCounted, requested } from "./support/protocol.ts";
import type { World } from "./support/world.ts";

/** WS3 waits for seconds before it tries a lost socket again, and longer every time. */
const RECONNECTED_MS = 60_000;

/** What becomes of a client whose session or socket ends, or whose page is loaded again. */
export function connections(world: () => World, client: ClientName): void {
  describe("a user whose connection changes", () => {
    it("logs in again by one challenge when her sessions are ended, and goes on", async () => {
      await using alice = await world().login(client, world().newUserId("alice"));
      await world().endSessions(alice.userId);
      // A call finds it out where the closing socket did not.
      await eventually(
        async () => {
          await alice.do("callServer");
          return (await alice.do("events", "deauthenticated")).length;
        },
        1,
        { deadlineMs: RECONNECTED_MS },
      );
      await eventually(async () => (await alice.do("events", "ready")).length, 2, { deadlineMs: RECONNECTED_MS });
      await alice.ready();
      expect(await alice.do("events", "challenge")).to.have.lengthOf(2);
      expect(await alice.do("events", "authenticated-error")).to.deep.equal([]);
      const { messageId } = await alice.do("converse", {
        participants: [world().newUserId("bob")],
        text: "still here",
      });
      await alice.saved(messageId);
    });

    it("gets exactly what she missed while her socket was down", async () => {
      await using alice = await world().login(client, world().newUserId("alice"));
      await using bob = await world().login(client, world().newUserId("bob"));
      const { conversationId, messageId } = await alice.do("converse", { participants: [bob.userId], text: "first" });
      await bob.has("conversation", conversationId);
      const predicate = `conversation.id = '${conversationId}'`;
      await bob.do("openQuery", "messages", { model: "Message", predicate });
      await eventually(async () => (await bob.do("rows", "messages")).ids, [messageId]);
      const replays = requested(bob, "Event.replay");

      bob.wire.pause();
      await eventually(() => bob.do("isSocketOpen"), false);
      const missed: string[] = [];
      for (const text of ["second", "third", "fourth"]) missed.push(await alice.do("send", conversationId, text));
      await alice.saved(missed.at(-1) ?? "");
      expect((await bob.do("rows", "messages")).ids).to.deep.equal([messageId]);
      bob.wire.resume();

      await eventually(async () => (await bob.do("rows", "messages")).ids, [messageId, ...missed].toReversed(), {
        deadlineMs: RECONNECTED_MS,
      });
      await eventually(async () => (await bob.do("conversation", conversationId))?.unread, 4);
      for (const id of missed) {
        await eventually(async () => (await alice.do("message", id))?.deliveryStatus, "ALL");
      }
      expect(bob.calls.some((call) => call.includes("action=validateConnectionForWebsocket"))).to.equal(true);
      expect(requested(bob, "Event.replay")).to.equal(replays + 1);
      await eventually(() => answered(bob, "Event.replay"), replays + 1);
      expect(await bob.do("events", "challenge")).to.have.lengthOf(1);
      expectCounted(bob);
    });

    it("sends what she wrote while her socket was down once it is up again, and once", async () => {
      await using alice = await world().login(client, world().newUserId("alice"));
      await using bob = await world().login(client, world().newUserId("bob"));
      const { conversationId, messageId } = await alice.do("converse", { participants: [bob.userId], text: "first" });
      await bob.has("conversation", conversationId);
      await bob.do("openQuery", "messages", { model: "Message", predicate: `conversation.id = '${conversationId}'` });
      alice.wire.pause();
      await eventually(() => alice.do("isSocketOpen"), false);
      const written = [messageId];
      for (const text of ["second", "third"]) written.push(await alice.do("send", conversationId, text));
      alice.wire.resume();
      await eventually(async () => (await bob.do("rows", "messages")).ids, written.toReversed(), {
        deadlineMs: RECONNECTED_MS,
      });
      await alice.saved(written.at(-1) ?? "");
      expect(await alice.do("events", "messages:sent-error")).to.deep.equal([]);
    });

    it("misses nothing when the service behind her socket is killed and comes back", async () => {
      await using alice = await world().login(client, world().newUserId("alice"));
      await using bob = await world().login(client, world().newUserId("bob"));
      const { conversationId, messageId } = await alice.do("converse", { participants: [bob.userId], text: "before" });
      await bob.has("conversation", conversationId);
      await bob.do("openQuery", "messages", { model: "Message", predicate: `conversation.id = '${conversationId}'` });
      await eventually(async () => (await bob.do("rows", "messages")).ids, [messageId]);
      await world().platform.service("realtime").kill("SIGKILL");
      const meanwhile = await world().say(conversationId, alice.userId, "meanwhile");
      await world().platform.start("realtime");
      for (const page of [bob, alice]) {
        await eventually(() => page.do("isSocketOpen"), true, { deadlineMs: RECONNECTED_MS });
      }
      const after = await alice.do("send", conversationId, "after");
      await eventually(async () => (await bob.do("rows", "messages")).ids, [after, meanwhile, messageId], {
        deadlineMs: RECONNECTED_MS,
      });
      await alice.has("message", meanwhile);
      await eventually(async () => (await bob.do("conversation", conversationId))?.unread, 3);
      for (const page of [alice, bob]) expectCounted(page);
    });

    it("is asked for no token when a trusted device loads the page again", async () => {
      const options = { isTrustedDevice: true };
      await using alice = await world().login(client, world().newUserId("alice"), options);
      expect(await alice.do("events", "challenge")).to.have.lengthOf(1);
      const before = alice.calls.length;
      await alice.reload();
      await alice.ready();
      expect(await alice.do("events", "challenge")).to.deep.equal([]);
      expect(alice.calls.slice(before).filter((call) => /nonces|sessions/.test(call))).to.deep.equal([]);
      const { messageId } = await alice.do("converse", { participants: [world().newUserId("bob")], text: "I am back" });
      await alice.saved(messageId);
    });

    it("asks for nothing again while nothing happens", async () => {
      // The client asks for the counter when it has heard nothing for so long: a wrong answer makes XDK ask for all again.
      await using alice = await world().login(client, world().newUserId("alice"), { pingMs: 300 });
      await eventually(
        () => answered(alice, "Counter.read"),
        (count) => count >= 5,
        { deadlineMs: 20_000 },
      );
      expect(requested(alice, "Event.replay")).to.equal(0);
      expect(alice.sockets).to.have.lengthOf(1);
      expectCounted(alice);
    });
  });
}
