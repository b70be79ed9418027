import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, member } from "../support/api-client.ts";
import { openWorld, type Platform, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const linesOf = (text: string): readonly unknown[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
const ofType = (lines: readonly unknown[], type: string) => lines.filter((line) => member(line, "type") === type);

/** What a backend gets when a user asks for what is kept of her, against the whole of Strata. */
describe("the export of a user", function userExport() {
  this.timeout(60_000);
  let platform: Platform;
  let world: World;
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
  });

  it("has what is hers, page by page, and none of the words of others", async () => {
    const [ann = "", bob = ""] = await world.users(2);
    const conversation = await world.conversation([ann, bob]);
    for (let sent = 0; sent < 101; sent += 1) await world.message(conversation, ann, `of ann ${sent}`);
    await world.message(conversation, bob, "a secret of bob");
    const reply = expectStatus(await world.api("GET", `/users/${ann}/export`), 200);
    expect(reply.headers.get("content-type")).to.match(/^application\/x-ndjson/);
    const lines = linesOf(reply.text);
    expect(lines[0]).to.include({ type: "header", user_id: ann, app_id: world.appId, format: 1 });
    expect(member(lines.at(-1), "type")).to.equal("end");
    expect(member(lines.at(-1), "counts")).to.include({ conversation: 1, message_sent: 101, message_received: 1 });
    expect(ofType(lines, "identity")[0]).to.include({ display_name: `Name ${ann}` });
    expect(ofType(lines, "message_sent")).to.have.lengthOf(101);
    expect(reply.text).to.include("of ann 0").and.not.include("a secret of bob").and.not.include(`Name ${bob}`);
  });

  it("is 404 for who is unknown, of another app, or deleted", async () => {
    const [ann = ""] = await world.users(1);
    expectError(await world.api("GET", `/users/${world.newUserId()}/export`), "not_found");
    const other = await openWorld(platform);
    expectError(await other.api("GET", `/users/${ann}/export`), "not_found");
    expectStatus(await world.api("DELETE", `/users/${ann}`), 202);
    await eventually(async () => (await world.api("GET", `/users/${ann}/export`)).status, 404);
  });
});
