import { eventually } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { dating } from "acme-stories/dating";
import { expect } from "chai";
import { journeysPlatform } from "./platform.ts";
import { earsOf, eyesOf, follow, printed } from "./story.ts";

const PATIENT = { deadlineMs: 30_000 };
const uri = (id: string): string => `layer:///conversations/${id}`;

/** Issue 8's journey, as the backend of a dating app scripts it: what those who match see of it. */
describe("two who match", function matching() {
  this.timeout(120_000);
  let platform: Platform;
  let app: TestApp;
  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["ann", "cleo"]);
  });

  it("see nothing until they can talk, what it begins with, an hour's warning, and that it is over", async () => {
    const [ann, bob, cleo, dan] = ["ann", "bob", "cleo", "dan"].map((userId) => eyesOf(platform, app, userId));
    if (!ann || !bob || !cleo || !dan) throw new Error("unreachable: four are named");
    await using annHears = await earsOf(platform, app.appId, "ann");
    await using cleoHears = await earsOf(platform, app.appId, "cleo");
    let dropped = "";
    const seesNothing = async (id: string): Promise<void> => {
      for (const user of [ann, bob, cleo, dan]) {
        expect(await user.conversations()).to.deep.equal([]);
        expect(await user.refusal("GET", id)).to.equal("not_found");
      }
    };
    const isThereToNobody = async (id: string): Promise<void> => {
      await seesNothing(id);
      for (const user of [ann, bob, cleo, dan]) expect(await user.refusal("POST", id)).to.equal("not_found");
    };
    const said = async (id: string): Promise<readonly string[]> =>
      (await cleo.messages(id)).map((line) => line.replace(/: \{.*$/, ": a question"));

    await follow(dating, platform, app, {
      "Ann and Bob match: they can talk in an hour": isThereToNobody,
      "Bob has unmatched before: there never was a conversation": async (id) => {
        dropped = id;
        await isThereToNobody(id);
        // Nobody would see it for an hour anyway: its backend knows that it is gone.
        const asked = app.client.request("GET", `/apps/${app.appId}/conversations/${id}/schedule`);
        expect(await asked.catch((error: unknown) => error)).to.include({ status: 410 });
      },
      "Cleo and Dan match: they can talk in an hour": isThereToNobody,
      "It opens for 24 hours, with an ice-breaker and a question": async (id) => {
        for (const user of [cleo, dan]) {
          await eventually(async () => (await user.conversation(id)).unread_message_count, 2, PATIENT);
          expect(await user.conversations()).to.deep.equal([uri(id)]);
        }
        expect(await said(id)).to.deep.equal(["cupid: You like each other: say hello", "cupid: a question"]);
        expect((await cleo.cards(id))[1]?.mimeType).to.match(/^application\/vnd\.layer\.choice\+json/);
        await eventually(
          () => cleoHears.about(id).filter((what) => what.startsWith("create")),
          ["create Conversation", "create Message", "create Message"],
          PATIENT,
        );
      },
      "Cleo answers": async (id) => {
        expect((await dan.messages(id)).at(-1)).to.equal("cleo: In the park, with a dog");
        expect(await dan.conversation(id)).to.include({ unread_message_count: 3 });
      },
      "They are warned: one hour left": async (id) => {
        await eventually(async () => (await dan.messages(id)).at(-1), "cupid: One hour left", PATIENT);
        const messages = () => cleoHears.about(id).filter((what) => what === "create Message").length;
        await eventually(messages, 4, PATIENT);
      },
      "The window closes: it can be read for another day": async (id) => {
        for (const user of [cleo, dan]) {
          expect(await user.conversations()).to.deep.equal([uri(id)]);
          expect(await user.messages(id)).to.have.lengthOf(4);
          expect(await user.refusal("POST", id)).to.equal("conversation_closed");
        }
      },
      "Dan is too late: conversation_closed": async (id) => {
        expect(await cleo.messages(id)).to.have.lengthOf(4);
      },
    });
    expect(await ann.conversations()).to.deep.equal([]);
    expect(annHears.about(dropped)).to.deep.equal([]);
  });

  it("match as they did before, where the script is run once more", async () => {
    const lines = await printed("acme-stories/dating", platform, app);
    expect([lines[0], lines.at(-1)]).to.deep.equal([
      "Ann and Bob match: they can talk in an hour",
      "Dan is too late: conversation_closed",
    ]);
  });
});
