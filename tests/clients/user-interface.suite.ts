import { eventually } from "@strata/testing";
import { expect } from "chai";
import { requested } from "./support/protocol.ts";
import type { UserPage } from "./support/user-page.ts";
import type { World } from "./support/world.ts";

/** XDK marks as read what was fully visible for 2.5 s. */
const READ_MS = 20_000;

/**
 * What a page of XDK's documentation holds: a list of conversations, and a view of one. The view is low, so that a new
 * message makes it scroll: XDK looks for what was read when it has scrolled, or when the window gets the focus.
 */
const INTERFACE = `
  <layer-conversation-list style="height: 200px"></layer-conversation-list>
  <layer-conversation-view style="height: 200px"></layer-conversation-view>`;

const showInterface = (user: UserPage): Promise<unknown> =>
  user.page.evaluate(`document.body.insertAdjacentHTML("beforeend", ${JSON.stringify(INTERFACE)})`);
const showConversation = (user: UserPage, conversationId: string): Promise<unknown> =>
  user.page.locator("layer-conversation-view").evaluate((view, id) => {
    Object.assign(view, { conversationId: id });
  }, conversationId);

/** The same through XDK's user interface, with keys and eyes only. */
export function userInterface(world: () => World): void {
  describe("its user interface", () => {
    let alice: UserPage;
    let bob: UserPage;
    let conversationId = "";
    before(async () => {
      alice = await world().login("xdk", world().newUserId("alice"));
      bob = await world().login("xdk", world().newUserId("bob"));
      await Promise.all([alice, bob].map(showInterface));
      ({ conversationId } = await alice.do("converse", { participants: [bob.userId], text: "hello" }));
      await bob.has("conversation", conversationId);
      await Promise.all([alice, bob].map((user) => showConversation(user, conversationId)));
    });
    after(async () => {
      await alice?.[Symbol.asyncDispose]();
      await bob?.[Symbol.asyncDispose]();
    });

    const composeBar = (user: UserPage) => user.page.locator("layer-compose-bar textarea");
    const received = (user: UserPage, text: string) =>
      user.page.locator("layer-message-item-received", { hasText: text });
    const sent = (user: UserPage, text: string) => user.page.locator("layer-message-item-sent", { hasText: text });
    const row = (user: UserPage) => user.page.locator("layer-conversation-item");

    it("shows the conversation in the list, with its last message", async () => {
      await row(bob).waitFor();
      await eventually(async () => (await row(bob).innerText()).includes("hello"), true);
      expect(await row(bob).count()).to.equal(1);
    });

    it("shows that the other one types, the message once it is sent, and that it was read", async () => {
      await composeBar(alice).pressSequentially("See you at noon");
      await eventually(
        async () => (await bob.page.locator("layer-typing-indicator").allInnerTexts()).join(" "),
        (text) => text.includes(`${alice.userId} is typing`),
      );
      await composeBar(alice).press("Enter");
      await received(bob, "See you at noon").waitFor();
      await eventually(async () => (await row(bob).innerText()).includes("See you at noon"), true);
      await eventually(() => sent(alice, "See you at noon").locator("layer-message-status").innerText(), "Read", {
        deadlineMs: READ_MS,
      });
    });

    it("shows a backend's question, takes the answer with a click, and shows it to all, live and from then on", async () => {
      const question = { label: "Tea or coffee?", choices: ["Tea", "Coffee"] };
      const messageId = await world().ask(conversationId, bob.userId, question);
      const choice = (user: UserPage, text: string) => user.page.locator("layer-action-button", { hasText: text });
      const isChosen = async (user: UserPage, text: string): Promise<boolean> =>
        choice(user, text).evaluate((button) => "selected" in button && button.selected === true);
      await choice(alice, "Tea").waitFor();
      expect(await isChosen(alice, "Tea")).to.equal(false);
      await choice(bob, "Tea").click();
      await eventually(
        async () => JSON.stringify(await world().answersTo(conversationId, messageId)),
        (answers) => answers.includes('"counts":[{"value":"tea","count":1}]'),
      );
      for (const user of [bob, alice]) {
        await eventually(() => isChosen(user, "Tea"), true);
        expect(await isChosen(user, "Coffee")).to.equal(false);
      }
      await using later = await world().login("xdk", bob.userId);
      await showInterface(later);
      await showConversation(later, conversationId);
      await choice(later, "Tea").waitFor();
      await eventually(() => isChosen(later, "Tea"), true);
    });

    it("had nothing to ask for again", () => {
      for (const user of [alice, bob]) {
        expect(requested(user, "Event.replay")).to.equal(0);
        expect(user.errors).to.deep.equal([]);
      }
    });
  });
}
