import { expect } from "chai";
import { list, member, members, uuidOf } from "./support/api-client.ts";
import { fuzz } from "./support/schemathesis.ts";
import { identityId, openWorld, type Platform, startPlatform, textPart, type World } from "./support/world.ts";

const FUZZ_SECONDS = 60;
const DELETIONS_SECONDS = 15;

/** The document is made from the schemas that validate; here it is held against the running API. */
describe("/openapi.json", function openapi() {
  this.timeout(240_000);
  let platform: Platform;
  let world: World;
  before(async () => {
    platform = await startPlatform("openapi");
    world = await openWorld(platform);
  });
  after(() => platform[Symbol.asyncDispose]());

  const operations = async (): Promise<readonly { readonly name: string; readonly operation: unknown }[]> => {
    const response = await fetch(`${platform.baseUrl}/openapi.json`);
    return members(member(await response.json(), "paths")).flatMap(([path, item]) =>
      members(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );
  };

  it("has an example of every body that an operation takes", async () => {
    const without = (await operations()).filter(({ operation }) => {
      const body = JSON.stringify(member(operation, "requestBody") ?? {});
      // Bytes, as content is uploaded, need no example.
      return body.includes("json") && !body.includes('"example');
    });
    // Schemas that several operations share carry their examples in the components, to which a $ref leads.
    const response = await fetch(`${platform.baseUrl}/openapi.json`);
    const schemas = new Map(members(member(member(await response.json(), "components"), "schemas")));
    const unexplained = without.filter(({ operation }) => {
      const names = [...JSON.stringify(member(operation, "requestBody")).matchAll(/#\/components\/schemas\/(\w+)/g)];
      return !names.some(([, name]) => JSON.stringify(schemas.get(String(name))).includes('"example'));
    });
    expect(unexplained.map(({ name }) => name)).to.deep.equal([]);
  });

  it("lists the errors that every operation with a token can answer", async () => {
    for (const { name, operation } of await operations()) {
      if (list(member(operation, "security") ?? []).length === 0) continue;
      const statuses = members(member(operation, "responses")).map(([status]) => status);
      expect(statuses, name).to.include.members(["400", "401", "403", "406", "429", "503"]);
      expect(
        statuses.some((status) => status.startsWith("2") || status === "308"),
        name,
      ).to.equal(true);
    }
  });

  it("is kept by every answer to requests made from it, good and bad: no 5xx, nothing that does not fit", async () => {
    const [user = ""] = await world.users(1);
    const conversation = await world.conversation([user]);
    const message = await world.message(conversation, user);
    const announced = await world.api("POST", "/announcements", {
      body: { recipients: [identityId(user)], sender_id: identityId(user), parts: [textPart("x")] },
    });
    const shown = await world.api("GET", `/conversations/${conversation}/messages/${message}/parts`);
    const parameters = {
      app: world.appId,
      user,
      conversation,
      message,
      part: uuidOf(list(shown.json)[0]),
      announcement: uuidOf(announced.json),
    };
    // Deletions last, or all else would soon be tested on what is no longer there.
    for (const [scope, maxSeconds] of [
      ["--exclude-method=DELETE", FUZZ_SECONDS],
      ["--include-method=DELETE", DELETIONS_SECONDS],
    ] as const) {
      const { code, output } = await fuzz({
        baseUrl: platform.baseUrl,
        token: world.token,
        scope: ["--include-path-regex=^/apps/", scope],
        parameters,
        maxSeconds,
      });
      expect(code, output.slice(-8_000)).to.equal(0);
      expect(output).to.match(/[1-9]\d* generated/);
    }
  });
});
