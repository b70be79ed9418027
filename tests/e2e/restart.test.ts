import { eventually } from "@strata/testing";
import { type Platform, serviceNames, startPlatform, type TestApp } from "@strata/tests-platform";
import { strataClient } from "@strata/cli";
import { expect } from "chai";
import { z } from "zod";

const Created = z.object({ id: z.string() });
const Messages = z.array(z.object({ parts: z.array(z.object({ body: z.string() })) }));

const uuidOf = (body: unknown): string => Created.parse(body).id.split("/").at(-1) ?? "";

const message = (text: string, delay: number) => ({
  sender_id: "layer:///identities/ann",
  parts: [{ mime_type: "text/plain", body: text }],
  schedule: { delay_in_seconds: delay },
});

describe("a delayed message", function delayed() {
  this.timeout(120_000);
  let platform: Platform;
  let app: TestApp;
  before(async () => {
    platform = await startPlatform("e2e-restart");
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["ann", "bob"]);
  });
  after(() => platform[Symbol.asyncDispose]());

  it("survives the kill and restart of every service, and comes once, in the order of its batch", async () => {
    const conversations = `/apps/${app.appId}/conversations`;
    const participants = ["layer:///identities/ann", "layer:///identities/bob"];
    const { body } = await app.client.request("POST", conversations, { body: { participants } });
    const path = `${conversations}/${uuidOf(body)}/messages`;
    await app.client.request("POST", path, {
      body: [message("first", 2), message("second", 0.1), message("third", 1)],
    });

    await Promise.all(serviceNames.map((name) => platform.killAndRestart(name)));
    const { port } = await platform.service("gateway").logged("listening");
    const client = strataClient(`http://127.0.0.1:${String(port)}`, app.token);
    const texts = async (): Promise<readonly (string | undefined)[]> =>
      Messages.parse((await client.request("GET", path)).body)
        .map(({ parts }) => parts[0]?.body)
        .toReversed();
    await eventually(texts, ["first", "second", "third"], { deadlineMs: 60_000 });

    // Whatever would send them once more would have done so before a message that is scheduled now.
    await client.request("POST", path, { body: [message("proof", 1.5)] });
    await eventually(async () => (await texts()).at(-1), "proof", { deadlineMs: 30_000 });
    expect(await texts()).to.deep.equal(["first", "second", "third", "proof"]);
  });
});
