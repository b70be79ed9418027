import { eventually } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { marketplace } from "acme-stories/marketplace";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";
import { earsOf, eyesOf, follow, printed } from "./story.ts";

const PATIENT = { deadlineMs: 30_000 };
const CARDS = [
  "shop: Your order has been placed",
  "shop: Your order is on its way",
  "shop: Your order has been delivered",
];
const QUESTION = "bea: There is one boot in the box";
const ANSWER = "kim: The other one is on its way";
const State = z.object({ order: z.literal("4711"), state: z.string() });

/** Issue 8's journey, as the backend of a marketplace scripts it: what buyer, seller and support see of one thread. */
describe("an order's thread", function order() {
  this.timeout(120_000);
  let platform: Platform;
  let app: TestApp;
  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["bea"]);
  });

  it("gets cards as the order moves on, and support for as long as it is needed", async () => {
    const [bea, sam, kim] = ["bea", "sam", "kim"].map((userId) => eyesOf(platform, app, userId));
    if (!bea || !sam || !kim) throw new Error("unreachable: three are named");
    await using beaHears = await earsOf(platform, app.appId, "bea");
    let thread = "";
    const people = async (): Promise<readonly string[]> =>
      (await bea.conversation(thread)).participants.map(({ user_id: userId }) => userId);
    const unread = async (): Promise<readonly number[]> =>
      Promise.all([bea, sam].map(async (user) => (await user.conversation(thread)).unread_message_count));
    const showsCards = async (...states: readonly string[]): Promise<void> => {
      const cards = await bea.cards(thread);
      expect(cards.map(({ card }) => State.parse(JSON.parse(card)).state)).to.deep.equal(states);
      expect(new Set(cards.map(({ mimeType }) => mimeType))).to.deep.equal(
        new Set(["application/vnd.acme.order+json"]),
      );
      expect(cards.every(({ isUnread }) => isUnread)).to.equal(true);
      const told = () => beaHears.about(thread).filter((what) => what === "create Message").length;
      await eventually(told, states.length, PATIENT);
      expect(await unread()).to.deep.equal([states.length, states.length]);
    };

    await follow(marketplace, platform, app, {
      "Bea orders from Sam: they have a thread": async (id) => {
        thread = id;
        for (const user of [bea, sam]) expect(await user.messages(thread)).to.deep.equal([]);
        expect(await kim.conversations()).to.deep.equal([]);
      },
      "A card: placed": () => showsCards("placed"),
      "A card: shipped": () => showsCards("placed", "shipped"),
      "A card: delivered": () => showsCards("placed", "shipped", "delivered"),
      "Bea has 3 unread cards": () => showsCards("placed", "shipped", "delivered"),
      "Bea reads them": async () => {
        await eventually(unread, [0, 3], PATIENT);
        expect((await bea.cards(thread)).some(({ isUnread }) => isUnread)).to.equal(false);
        expect(await kim.refusal("GET", thread)).to.equal("not_found");
      },
      "Support joins, and sees 4 messages": async () => {
        expect(await people()).to.deep.equal(["bea", "sam", "kim"]);
        expect(await kim.messages(thread)).to.deep.equal([...CARDS, QUESTION]);
      },
      "Support answers": async () => {
        for (const user of [bea, sam, kim]) {
          expect(await user.messages(thread)).to.deep.equal([...CARDS, QUESTION, ANSWER]);
        }
        await eventually(unread, [1, 5], PATIENT);
      },
      "Support leaves": async () => {
        expect(await people()).to.deep.equal(["bea", "sam"]);
        expect(await kim.refusal("POST", thread)).to.equal("access_denied");
        expect(await bea.messages(thread)).to.include(ANSWER);
      },
      "Read the last card: layer:///identities/bea": async () => {
        expect(await unread()).to.deep.equal([1, 5]);
      },
    });
  });

  it("is another one where the script is run once more", async () => {
    const lines = await printed("acme-stories/marketplace", platform, app);
    expect([lines[0], lines.at(-1)]).to.deep.equal([
      "Bea orders from Sam: they have a thread",
      "Read the last card: layer:///identities/bea",
    ]);
  });
});
