import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { z } from "zod";
import { SearchHit } from "../../src/openapi/search-schemas.ts";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const Hits = z.array(SearchHit);
const Id = z.object({ id: z.string() });
const uuidOf = ({ json }: Reply): string => Id.parse(json).id.replace(/^layer:\/\/\/\w+\//, "");
const hitsOf = ({ json }: Reply) => Hits.parse(json);
const shown = (reply: Reply) => hitsOf(reply).map(({ type, parts }) => `${type} ${parts[0]?.body}`);
const part = (body: string) => ({ mime_type: "text/plain", body });

const next = (reply: Reply): string | null => reply.headers.get("layer-next");

describe("the search of a user", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let conversation: string;

  before(async () => {
    world = await openWorld({ name: "gateway search", env: PATIENT });
    app = world.directory.anApp();
    for (const user of ["ann", "bob"]) world.directory.aUser(app, user, user.toUpperCase());
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
    conversation = uuidOf(await send("POST", `/apps/${app}/conversations`, { body: { participants: ["ann", "bob"] } }));
  });
  after(() => world[Symbol.asyncDispose]());

  const announce = async (body: string, recipients = ["ann"]) => {
    const sent = { recipients, sender_id: "bob", parts: [part(body)] };
    return uuidOf(await send("POST", `/apps/${app}/announcements`, { body: sent }));
  };
  const say = async (body: string) => {
    const sent = { sender_id: "bob", parts: [part(body)] };
    return uuidOf(await send("POST", `/apps/${app}/conversations/${conversation}/messages`, { body: sent }));
  };
  const path = (query: Readonly<Record<string, string>>, user = "ann") =>
    `/apps/${app}/users/${user}/search?${new URLSearchParams(query).toString()}`;
  const search = (query: Readonly<Record<string, string>>, user = "ann") => send("GET", path(query, user));

  const refused = async (query: Readonly<Record<string, string>>, user = "ann") => {
    const reply = await search(query, user);
    const { id, data, message } = errorOf(reply);
    return [reply.status, id, data, message.replace(/^.*: /, "")];
  };

  it("finds announcements and messages in one list, each as she reads it, in every version", async () => {
    const announcement = await announce("Grüße to ann");
    const message = await say("Grüsse in a message");
    await announce("Grüße to bob", ["bob"]);
    for (const version of ["1.0", "1.1", "2.0", "3.0"] as const) {
      const reply = await send("GET", path({ q: "GRUSS" }), { version });
      const [first, second, ...others] = hitsOf(reply);
      expect(others).to.deep.equal([]);
      const alone = async (place: string) => (await send("GET", `/apps/${app}/users/ann/${place}`, { version })).json;
      expect(first).to.deep.equal({ type: "message", ...Object(await alone(`messages/${message}`)) });
      expect(second).to.deep.equal({ type: "announcement", ...Object(await alone(`announcements/${announcement}`)) });
      expect(next(reply)).to.equal(null);
    }
    expect(shown(await search({ q: "grusse" }, "bob"))).to.have.members([
      "announcement Grüße to bob",
      "message Grüsse in a message",
    ]);
  });

  it("comes in pages that go on behind a hit, by its URI, its UUID or Layer-Next, and miss and repeat nothing", async () => {
    const expected: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      const ids = [await announce(`paged ${n}`), await say(`paged ${n}`)];
      expected.unshift(`layer:///announcements/${ids[0]}`, `layer:///messages/${ids[1]}`);
    }
    const whole = hitsOf(await search({ q: "paged" })).map(({ id }) => id);
    expect(whole).to.have.members(expected).and.have.lengthOf(8);
    for (const fromOf of [
      (_reply: Reply, last: string) => last,
      (_reply: Reply, last: string) => last.split("/").at(-1) ?? "",
      (reply: Reply) => next(reply) ?? "",
    ]) {
      const found: string[] = [];
      let reply = await search({ q: "paged", page_size: "3" });
      for (;;) {
        found.push(...hitsOf(reply).map(({ id }) => id));
        if (next(reply) === null) break;
        reply = await search({ q: "paged", page_size: "3", from_id: fromOf(reply, found.at(-1) ?? "") });
      }
      expect(found).to.deep.equal(whole);
    }
    expect(next(await search({ q: "paged", page_size: "8" }))).to.equal(null);
  });

  it("ends after a bounded look with where it goes on, and finds all the same", async () => {
    await announce("rarely");
    await say("rarely");
    for (let n = 0; n < 12; n += 1) await say(`often ${n}`);
    world.fanout.searchedAtOnce = 2;
    world.conversation.searchedAtOnce = 2;
    try {
      const first = await search({ q: "rarely" });
      expect([hitsOf(first), next(first)?.slice(0, 2)]).to.deep.equal([[], "m."]);
      const found: string[] = [];
      for (let from = next(first); from !== null;) {
        const reply = await search({ q: "rarely", from_id: from });
        found.push(...shown(reply));
        from = next(reply);
      }
      expect(found).to.deep.equal(["message rarely", "announcement rarely"]);
    } finally {
      world.fanout.searchedAtOnce = 1_000;
      world.conversation.searchedAtOnce = 1_000;
    }
  });

  it("finds nothing that she has deleted for herself", async () => {
    const announcement = await announce("forgotten");
    const message = await say("forgotten");
    await send("DELETE", `/apps/${app}/users/ann/messages/${message}?mode=my_devices`);
    const state = { userId: "ann", status: "sent" as const, deliveredAt: null, readAt: null };
    world.receipts.recipients.set(announcement, [{ ...state, deletedAt: 5 }]);
    expect(shown(await search({ q: "forgotten" }))).to.deep.equal([]);
    world.receipts.recipients.set(announcement, [{ ...state, deletedAt: null }]);
    expect(shown(await search({ q: "forgotten" }))).to.deep.equal(["announcement forgotten"]);
  });

  it("says clearly what is wrong with a question", async () => {
    expect((await refused({})).slice(0, 3)).to.deep.equal([422, "missing_property", { property: "q" }]);
    for (const [q, reason] of [
      ["", "must have a word in it"],
      [" ?! ", "must have a word in it"],
      ["a".repeat(201), "must have no more than 200 characters"],
    ] as const) {
      const [status, id, data, message] = await refused({ q });
      expect([status, id, data]).to.deep.equal([422, "invalid_property", { property: "q" }]);
      expect(message).to.include(reason);
    }
    const twice = await send("GET", `${path({ q: "a" })}&q=b`);
    expect([twice.status, errorOf(twice).data]).to.deep.equal([422, { property: "q" }]);
    expect((await refused({ q: "a", page_size: "0" })).slice(0, 2)).to.deep.equal([422, "invalid_property"]);
    for (const from_id of ["x", randomUUID(), `layer:///messages/${randomUUID()}`, `a.1.${"x".repeat(36)}`]) {
      expect((await refused({ q: "a", from_id })).slice(0, 2)).to.deep.equal([404, "not_found"]);
    }
    expect((await refused({ q: "a" }, "nobody")).slice(0, 2)).to.deep.equal([404, "not_found"]);
  });
});
