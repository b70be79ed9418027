import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const PATCH_TYPE = { "Content-Type": "application/vnd.layer-patch+json" };
const idOf = ({ json }: Reply): string => String(Object(json)["id"]).replace("layer:///conversations/", "");
const refused = (reply: Reply): unknown[] => [reply.status, errorOf(reply).id];
const Ids = z.array(z.object({ id: z.string() }));
const idsOf = ({ json }: Reply): string[] => Ids.parse(json).map(({ id }) => id.replace("layer:///conversations/", ""));

describe("conversations, as a user", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway user conversations", env: PATIENT });
    app = world.directory.anApp();
    for (const user of ["ann", "bob", "cleo", "a/b", "lister"]) world.directory.aUser(app, user);
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (user: string, id = "") =>
    `/apps/${app}/users/${encodeURIComponent(user)}/conversations${id === "" ? "" : `/${id}`}`;
  const create = async (user: string, body: Readonly<Record<string, unknown>> = { participants: ["bob"] }) =>
    send("POST", path(user), { body });
  const stored = (id: string) => world.conversation.conversations.get(`${app}/${id}`);
  const leave = (user: string, id: string) =>
    send("PATCH", path("bob", id), {
      headers: PATCH_TYPE,
      body: [{ operation: "remove", property: "participants", value: user }],
    });

  const mark = (user: string, id: string, body?: unknown) =>
    send("POST", `${path(user, id)}/mark_all_read`, body === undefined ? {} : { body });

  it("are created with their creator among the participants, and shown as she sees them", async () => {
    const reply = await create("a/b");
    expect(reply.status).to.equal(201);
    expect(stored(idOf(reply))).to.deep.include({ participants: ["bob", "a/b"] });
    expect(reply.json).to.deep.include({
      url: `${PUBLIC_URL}/apps/${app}/users/a%2Fb/conversations/${idOf(reply)}`,
      last_message: null,
      unread_message_count: 0,
      total_message_count: 0,
    });
  });

  it("are found again where they are distinct, and conflict with other metadata", async () => {
    const body = { participants: ["cleo"], distinct: true, metadata: { a: "b" } };
    const first = await create("ann", body);
    const found = await create("ann", { ...body, metadata: null });
    expect([found.status, found.json]).to.deep.equal([200, first.json]);
    const conflict = await create("ann", { ...body, metadata: {} });
    expect(errorOf(conflict)).to.deep.include({ id: "conflict", data: first.json });
  });

  it("do not show an id in use to a user who is not in it", async () => {
    const id = idOf(await create("ann"));
    const body = { participants: ["bob"], id };
    expect(errorOf(await create("cleo", body))).to.deep.include({ id: "id_in_use", data: null });
    expect(errorOf(await create("ann", body))).to.have.nested.property("data.id", `layer:///conversations/${id}`);
  });

  it("are not there for a user whom nobody knows, and she is told of a bad body first", async () => {
    const replies = [
      await create("stranger"),
      await send("GET", path("stranger")),
      await send("GET", path("stranger", randomUUID())),
      await send("PATCH", path("stranger", randomUUID()), { headers: PATCH_TYPE, body: [] }),
      await send("DELETE", `${path("stranger", randomUUID())}?mode=my_devices`),
      await send("POST", `${path("stranger", randomUUID())}/mark_all_read`),
    ];
    for (const reply of replies) expect(refused(reply)).to.deep.equal([404, "not_found"]);
    expect(refused(await create("stranger", {}))).to.deep.equal([422, "missing_property"]);
    const long = await create("u".repeat(129));
    expect(errorOf(long)).to.deep.include({ id: "invalid_property", data: { property: "user_id" } });
  });

  describe("GET", () => {
    it("shows one to its participants, without participants to who has left, and to nobody else", async () => {
      const id = idOf(await create("ann"));
      const own = await send("GET", path("ann", id), { version: "1.0" });
      expect(own.json).to.deep.include({ participants: ["bob", "ann"], last_message: null });
      await leave("ann", id);
      expect((await send("GET", path("ann", id))).json).to.deep.include({ participants: [] });
      expect(refused(await send("GET", path("cleo", id)))).to.deep.equal([404, "not_found"]);
    });

    it("answers 410 to who was in one that was deleted, and 404 to others", async () => {
      const id = idOf(await create("ann"));
      await send("DELETE", `${path("ann", id)}?mode=all_participants`);
      expect(refused(await send("GET", path("ann", id)))).to.deep.equal([410, "object_deleted"]);
      expect(refused(await send("GET", path("cleo", id)))).to.deep.equal([404, "not_found"]);
    });

    it("lists them newest first, by pages, and counts all of them on every page", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 3; n += 1) ids.unshift(idOf(await create("lister")));
      const first = await send("GET", `${path("lister")}?page_size=2`);
      const rest = await send("GET", `${path("lister")}?page_size=2&from_id=layer:///conversations/${ids[1]}`);
      expect([...idsOf(first), ...idsOf(rest)]).to.deep.equal(ids);
      expect([first.headers.get("layer-count"), rest.headers.get("layer-count")]).to.deep.equal(["3", "3"]);
    });

    it("refuses a sort_by, a page_size and a from_id that are none", async () => {
      const query = async (text: string) => refused(await send("GET", `${path("lister")}?${text}`));
      expect(await query("sort_by=name")).to.deep.equal([422, "invalid_property"]);
      expect(await query("page_size=0")).to.deep.equal([422, "invalid_property"]);
      expect(await query(`from_id=${randomUUID()}`)).to.deep.equal([404, "not_found"]);
      expect(await query("from_id=first")).to.deep.equal([404, "not_found"]);
      expect(await send("GET", `${path("lister")}?sort_by=last_message`)).to.have.property("status", 200);
    });
  });

  it("are changed in her name, and not by who has left or never was in them", async () => {
    const id = idOf(await create("ann"));
    const body = [{ operation: "set", property: "metadata.a", value: "b" }];
    const change = (user: string) => send("PATCH", path(user, id), { headers: PATCH_TYPE, body });
    expect(await change("ann")).to.have.property("status", 204);
    expect(world.conversation.changes.at(-1)).to.include({ actor: "ann" });
    await leave("ann", id);
    expect(refused(await change("ann"))).to.deep.equal([403, "access_denied"]);
    expect(refused(await change("cleo"))).to.deep.equal([404, "not_found"]);
  });

  it("are deleted for everybody or from her own view, with or without leaving", async () => {
    const id = idOf(await create("ann"));
    const remove = (query: string) => send("DELETE", `${path("ann", id)}${query}`);
    expect(errorOf(await remove(""))).to.deep.include({ id: "missing_property", data: { property: "mode" } });
    expect(errorOf(await remove("?mode=x"))).to.deep.include({ id: "invalid_property", data: { property: "mode" } });
    expect(await remove("?mode=my_devices")).to.have.property("status", 204);
    expect(await remove("?mode=my_devices&leave=true")).to.have.property("status", 204);
    expect(world.conversation.cleared.slice(-2).map((one) => one.leave)).to.deep.equal([false, true]);
    for (const _ of [1, 2]) expect(await remove("?mode=all_participants")).to.have.property("status", 204);
    expect(world.conversation.deleted.at(-1)).to.deep.equal({ conversationId: id, actor: "ann" });
  });

  describe("mark_all_read", () => {
    it("answers 202 with the position used: the newest unless another is named", async () => {
      const id = idOf(await create("ann"));
      Object.assign(stored(id) ?? {}, { lastPosition: 5 });
      for (const body of [undefined, {}, { position: null }]) {
        const reply = await mark("ann", id, body);
        expect([reply.status, reply.json]).to.deep.equal([202, { position: 5 * 2 ** 20 }]);
      }
      expect((await mark("ann", id, { position: 3 * 2 ** 20 + 7 })).json).to.deep.equal({ position: 3 * 2 ** 20 });
      expect(world.conversation.marked.at(-1)).to.include({ userId: "ann", position: 3 });
    });

    it("answers 0 without messages", async () => {
      expect((await mark("ann", idOf(await create("ann")))).json).to.deep.equal({ position: 0 });
    });

    it("refuses what is no position, who has left, and a deleted conversation", async () => {
      const id = idOf(await create("ann"));
      const bad = await mark("ann", id, { position: "last" });
      expect(errorOf(bad)).to.deep.include({ id: "invalid_property", data: { property: "position" } });
      await leave("ann", id);
      expect(refused(await mark("ann", id))).to.deep.equal([403, "access_denied"]);
      await send("DELETE", `${path("bob", id)}?mode=all_participants`);
      expect(refused(await mark("bob", id))).to.deep.equal([410, "object_deleted"]);
    });

    it("is no endpoint of 1.x", async () => {
      const id = idOf(await create("ann"));
      for (const version of ["1.0", "1.1"] as const) {
        const reply = await send("POST", `${path("ann", id)}/mark_all_read`, { version });
        expect(refused(reply)).to.deep.equal([404, "invalid_endpoint"]);
      }
    });
  });
});
