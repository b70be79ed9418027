import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const PATCH_TYPE = { "Content-Type": "application/vnd.layer-patch+json" };
const idOf = ({ json }: Reply): string => String(Object(json)["id"]).replace("layer:///conversations/", "");
const refused = (reply: Reply): unknown[] => [reply.status, errorOf(reply).id];

describe("conversations, as the backend", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway conversations", env: PATIENT });
    app = world.directory.anApp();
    world.directory.aUser(app, "ann", "Ann");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (id = "", appId = app) => `/apps/${appId}/conversations${id === "" ? "" : `/${id}`}`;
  const create = (body: Readonly<Record<string, unknown>>) => send("POST", path(), { body });
  const aConversation = async (participants: readonly string[] = ["ann", "bob"]) =>
    idOf(await create({ participants }));
  const stored = (id: string) => world.conversation.conversations.get(`${app}/${id}`);
  const patch = (id: string, body: unknown, version: "1.0" | "3.0" = "3.0") =>
    send("PATCH", path(id), { version, headers: PATCH_TYPE, body });

  describe("POST", () => {
    it("creates one and answers 201 with its system view", async () => {
      const reply = await create({ participants: ["layer:///identities/ann", "bob"], metadata: { a: { b: "c" } } });
      expect(reply.status).to.equal(201);
      const url = `${PUBLIC_URL}/apps/${app}/conversations/${idOf(reply)}`;
      expect(reply.json).to.deep.include({
        url,
        messages_url: `${url}/messages`,
        distinct: false,
        metadata: { a: { b: "c" } },
      });
      expect(reply.json).to.have.nested.property("participants[0].display_name", "Ann");
      expect(reply.json).to.have.nested.property("participants[1].display_name", null);
      expect(reply.headers.get("location")).to.equal(null);
      expect(stored(idOf(reply))).to.deep.include({ participants: ["ann", "bob"] });
    });

    it("shows participants as user ids in 1.x, in the order given", async () => {
      for (const version of ["1.0", "1.1"] as const) {
        const reply = await send("POST", path(), { version, body: { participants: ["zoe", "ann"] } });
        expect(reply.json).to.deep.include({ participants: ["zoe", "ann"], metadata: {} });
      }
    });

    it("answers 200 with the distinct one that there is, whatever order its participants are named in", async () => {
      const first = await create({ participants: ["ann", "d1"], distinct: true, metadata: { k: "v" } });
      for (const metadata of [undefined, null, { k: "v" }]) {
        const again = await create({ participants: ["d1", "ann"], distinct: true, metadata });
        expect([again.status, again.json]).to.deep.equal([200, first.json]);
      }
      expect(await create({ participants: ["ann", "d1"] })).to.have.property("status", 201);
    });

    it("answers 409 conflict with the distinct one when other metadata was wanted", async () => {
      const first = await create({ participants: ["ann", "d2"], distinct: true, metadata: { k: "v" } });
      const other = await create({ participants: ["ann", "d2"], distinct: true, metadata: { k: "w" } });
      expect(other.status).to.equal(409);
      expect(errorOf(other)).to.deep.include({ id: "conflict", code: 108, data: first.json });
    });

    it("creates under the UUID of If-None-Match or the body, and answers a repeat with 409 and the object", async () => {
      const id = randomUUID();
      const headers = { "If-None-Match": id };
      const first = await send("POST", path(), { headers, body: { participants: ["ann"] } });
      expect([first.status, idOf(first)]).to.deep.equal([201, id]);
      const repeat = await send("POST", path(), { headers, body: { participants: ["ann"] } });
      expect(errorOf(repeat)).to.deep.include({ id: "id_in_use", code: 111, data: first.json });
      const old = await send("POST", path(), { version: "1.0", body: { participants: ["x"], id } });
      expect(errorOf(old)).to.have.deep.nested.property("data.participants", ["ann"]);
      await send("DELETE", path(id));
      const gone = await send("POST", path(), { headers, body: { participants: ["ann"] } });
      expect(errorOf(gone)).to.deep.include({ id: "id_in_use", data: null });
    });

    it("answers the repeat of an Idempotency-Key like the first time, and 422 to another body", async () => {
      const headers = { "Idempotency-Key": randomUUID() };
      const first = await send("POST", path(), { headers, body: { participants: ["ann"] } });
      const repeat = await send("POST", path(), { headers, body: { participants: ["ann"] } });
      expect([repeat.status, repeat.json]).to.deep.equal([201, first.json]);
      const other = await send("POST", path(), { headers, body: { participants: ["bob"] } });
      expect(refused(other)).to.deep.equal([422, "invalid_operation"]);
    });

    it("leaves an id that another app uses free here", async () => {
      const other = world.directory.anApp();
      const token = world.directory.aToken({ app: other });
      const options = { headers: { "If-None-Match": randomUUID() }, body: { participants: ["ann"] } };
      expect(await send("POST", path(), options)).to.have.property("status", 201);
      expect(await send("POST", path("", other), { ...options, token })).to.have.property("status", 201);
    });

    it("names what is missing or not valid, and stores nothing of it", async () => {
      const before = world.conversation.conversations.size;
      const bodies: readonly [Readonly<Record<string, unknown>>, string, string][] = [
        [{ metadata: { a: "b" } }, "missing_property", "participants"],
        [{ participants: [] }, "invalid_property", "participants"],
        [{ participants: ["ann"], distinct: "yes" }, "invalid_property", "distinct"],
        [{ participants: ["ann"], metadata: { a: { b: 1 } } }, "invalid_property", "metadata.a.b"],
        [{ participants: ["ann"], metadata: { a: "x".repeat(2_048) } }, "invalid_property", "metadata"],
        [{ participants: Array.from({ length: 251 }, (_, n) => `u${n}`) }, "invalid_property", "participants"],
        [{ participants: ["ann"], id: "layer:///messages/1" }, "invalid_property", "id"],
      ];
      for (const [body, id, property] of bodies) {
        const reply = await create(body);
        expect(reply.status).to.equal(422);
        expect(errorOf(reply)).to.deep.include({ id, data: { property } });
      }
      const bad = await send("POST", path(), { headers: { "If-None-Match": "tuesday" }, body: {} });
      expect(refused(bad)).to.deep.equal([400, "invalid_request_id"]);
      expect(world.conversation.conversations.size).to.equal(before);
    });

    it("takes as many participants as the app's settings allow", async () => {
      const few = world.directory.anApp();
      await world.directory.setSettings(few, { maxParticipants: 2 });
      const token = world.directory.aToken({ app: few });
      const reply = await send("POST", path("", few), { token, body: { participants: ["a", "b", "c"] } });
      expect(errorOf(reply)).to.deep.include({ id: "invalid_property", data: { property: "participants" } });
    });
  });

  describe("GET", () => {
    it("answers it in the version asked for, by UUID and by URI", async () => {
      const id = await aConversation();
      const old = await send("GET", path(id), { version: "1.0" });
      expect(old.json).to.deep.include({ participants: ["ann", "bob"] });
      const reply = await send("GET", path(encodeURIComponent(`layer:///conversations/${id}`)));
      expect(reply.json).to.have.nested.property("participants[0].user_id", "ann");
    });

    it("answers 404 for an unknown id, for what is no id, and for another app's", async () => {
      const other = world.directory.anApp();
      const token = world.directory.aToken({ app: other });
      for (const reply of [
        await send("GET", path(randomUUID())),
        await send("GET", path("first")),
        await send("GET", path(await aConversation(), other), { token }),
      ]) {
        expect(refused(reply)).to.deep.equal([404, "not_found"]);
      }
    });

    it("answers 410 once it was deleted", async () => {
      const id = await aConversation();
      await send("DELETE", path(id));
      expect(refused(await send("GET", path(id)))).to.deep.equal([410, "object_deleted"]);
    });
  });

  describe("PATCH", () => {
    it("changes participants and metadata in both operand forms and answers 204", async () => {
      const id = await aConversation(["ann", "bob"]);
      const reply = await patch(id, [
        { operation: "add", property: "participants", id: "layer:///identities/cleo" },
        { operation: "add", property: "participants", value: "layer:///identities/dora" },
        { operation: "remove", property: "participants", value: "bob" },
        { operation: "set", property: "metadata.a.b", value: "c" },
      ]);
      expect([reply.status, reply.text]).to.deep.equal([204, ""]);
      expect(stored(id)).to.deep.include({ participants: ["ann", "cleo", "dora"], metadata: { a: { b: "c" } } });
      await patch(id, [{ operation: "set", property: "participants", value: ["layer:///x"] }], "1.0");
      expect(stored(id)).to.deep.include({ participants: ["layer:///x"] });
    });

    it("is understood as POST with X-HTTP-Method-Override", async () => {
      const id = await aConversation();
      const headers = { ...PATCH_TYPE, "X-HTTP-Method-Override": "PATCH" };
      const body = [{ operation: "delete", property: "metadata.a" }];
      expect(await send("POST", path(id), { headers, body })).to.have.property("status", 204);
      expect(world.conversation.changes.at(-1)).to.deep.include({
        actor: null,
        changes: [{ kind: "delete-metadata", path: ["a"] }],
      });
    });

    it("refuses another type with 406, another body with 400, and another property with 422", async () => {
      const id = await aConversation();
      const headers = { "Content-Type": "application/json" };
      const wrongType = await send("PATCH", path(id), { headers, body: [] });
      expect(errorOf(wrongType)).to.deep.include({ id: "invalid_header", data: { header: "Content-Type" } });
      expect(refused(await patch(id, {}))).to.deep.equal([400, "invalid_request"]);
      const property = await patch(id, [{ operation: "set", property: "distinct", value: true }]);
      expect(errorOf(property)).to.deep.include({ id: "invalid_property", data: { property: "distinct" } });
    });

    it("answers 404 for an unknown one, 410 for a deleted one, 422 for too many participants after it", async () => {
      expect(refused(await patch(randomUUID(), []))).to.deep.equal([404, "not_found"]);
      const id = await aConversation(Array.from({ length: 250 }, (_, n) => `u${n}`));
      const full = await patch(id, [{ operation: "add", property: "participants", value: "one more" }]);
      expect(errorOf(full)).to.deep.include({ id: "invalid_property", data: { property: "participants" } });
      await send("DELETE", path(id));
      expect(refused(await patch(id, []))).to.deep.equal([410, "object_deleted"]);
    });
  });

  describe("DELETE", () => {
    it("answers 204, also the second time", async () => {
      const id = await aConversation();
      for (const _ of [1, 2]) expect(await send("DELETE", path(id))).to.have.property("status", 204);
      expect(world.conversation.deleted.at(-1)).to.deep.equal({ conversationId: id, actor: null });
    });

    it("answers 404 for what never was", async () => {
      expect(refused(await send("DELETE", path(randomUUID())))).to.deep.equal([404, "not_found"]);
    });
  });

  it("lists nothing: 405 with what there is", async () => {
    const reply = await send("GET", path());
    expect([reply.status, reply.headers.get("allow")]).to.deep.equal([405, "POST"]);
  });
});
