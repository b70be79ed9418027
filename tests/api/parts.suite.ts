import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { BARE, expectError, expectStatus, idsOf, list, member, URIS, uuidOf } from "./support/api-client.ts";
import { identityId, textPart, type World } from "./support/world.ts";

/** Section 7.6. */
export function parts(world: () => World): void {
  describe("message parts (section 7.6)", () => {
    let [ann, bob]: [string, string] = ["", ""];
    let conversation: string;
    let message: string;
    before(async () => {
      [ann = "", bob = ""] = await world().users(2);
      conversation = await world().conversation([ann, bob]);
    });
    beforeEach(async () => {
      const body = { sender_id: identityId(ann), parts: [textPart("one"), textPart("two")] };
      message = uuidOf((await world().api("POST", `/conversations/${conversation}/messages`, { body })).json);
    });
    const base = (): string => `/conversations/${conversation}/messages/${message}`;
    const call = (method: string, suffix = "", options: object = {}) =>
      world().api(method, `${base()}/parts${suffix}`, options);
    const all = async () => list((await call("GET")).json);
    const uuidAt = async (index: number): Promise<string> => uuidOf((await all())[index]);
    const bodies = async () => (await all()).map((part) => member(part, "body"));
    const updatedAt = async () => member((await world().api("GET", base())).json, "updated_at");

    it("lists parts in their order, without Layer-Count", async () => {
      const reply = expectStatus(await call("GET"), 200);
      expect(reply.headers.get("layer-count")).to.equal(null);
      expect(await bodies()).to.deep.equal(["one", "two"]);
      const [first] = list(reply.json);
      const uuid = uuidOf(first);
      expect(first).to.deep.equal({
        id: `layer:///messages/${message}/parts/${uuid}`,
        url: `${world().base}${base()}/parts/${uuid}`,
        message_url: `${world().base}${base()}`,
        mime_type: "text/plain",
        body: "one",
        encoding: null,
        content: null,
        updated_at: null,
      });
    });

    it("shows one part, by its UUID and by its index", async () => {
      const uuid = await uuidAt(1);
      const byUuid = expectStatus(await call("GET", `/${uuid}`), 200);
      expect(member(byUuid.json, "body")).to.equal("two");
      expect(member(expectStatus(await call("GET", "/1"), 200).json, "body")).to.equal("two");
      expectError(await call("GET", `/${randomUUID()}`), "not_found");
      expectError(await call("GET", "/2"), "not_found");
    });

    it("adds a part at the end: 201, and the message's updated_at moves", async () => {
      expect(await updatedAt()).to.equal(null);
      const reply = expectStatus(await call("POST", "", { body: textPart("three") }), 201);
      expect(member(reply.json, "body")).to.equal("three");
      expect(member(reply.json, "updated_at")).to.be.a("string");
      expect(await bodies()).to.deep.equal(["one", "two", "three"]);
      expect(await updatedAt()).to.equal(member(reply.json, "updated_at"));
    });

    it("replaces one part under the same id, also its type", async () => {
      const uuid = await uuidAt(0);
      const reply = expectStatus(await call("PUT", `/${uuid}`, { body: { mime_type: "text/x", body: "ONE" } }), 200);
      expect([uuidOf(reply.json), member(reply.json, "mime_type")]).to.deep.equal([uuid, "text/x"]);
      expect(member(reply.json, "updated_at")).to.be.a("string");
      expect(await bodies()).to.deep.equal(["ONE", "two"]);
      expectError(await call("PUT", `/${randomUUID()}`, { body: textPart("x") }), "not_found");
    });

    it("replaces all parts by new ones with new ids", async () => {
      const before = idsOf(await all());
      const reply = expectStatus(await call("PUT", "", { body: [textPart("A"), textPart("B"), textPart("C")] }), 200);
      expect(idsOf(reply.json)).to.have.length(3);
      expect(idsOf(reply.json).filter((id) => before.includes(id))).to.deep.equal([]);
      expect(await bodies()).to.deep.equal(["A", "B", "C"]);
    });

    it("deletes a part, but not the last", async () => {
      expectStatus(await call("DELETE", `/${await uuidAt(0)}`), 204);
      expect(await bodies()).to.deep.equal(["two"]);
      expectError(await call("DELETE", `/${await uuidAt(0)}`), "invalid_operation");
      expectError(await call("DELETE", `/${randomUUID()}`), "not_found");
      expect(await updatedAt()).to.be.a("string");
    });

    it("refuses a part that is none, and changes nothing", async () => {
      expectError(await call("POST", "", { body: { body: "x" } }), "missing_property");
      expectError(await call("PUT", "", { body: [] }), "missing_property");
      expectError(await call("POST", "", { body: { mime_type: "a/b", body: "x".repeat(2_049) } }), "invalid_property");
      expect(await bodies()).to.deep.equal(["one", "two"]);
    });

    it("says 404 for parts of an unknown or deleted message, 410 in a deleted conversation", async () => {
      const gone = await world().conversation([ann]);
      const lost = await world().message(gone, ann);
      const path = (id: string) => `/conversations/${gone}/messages/${id}/parts`;
      expectError(await world().api("POST", path(randomUUID()), { body: textPart("x") }), "not_found");
      expectStatus(await world().api("DELETE", `/conversations/${gone}/messages/${lost}`), 204);
      expectError(await world().api("POST", path(lost), { body: textPart("x") }), "not_found");
      expectStatus(await world().api("DELETE", `/conversations/${gone}`), 204);
      expectError(await world().api("POST", path(lost), { body: textPart("x") }), "object_deleted");
    });

    it("lets a 3.0 sender choose the ids of parts, each once", async () => {
      const id = randomUUID();
      const part = `layer:///messages/${id}/parts/${randomUUID()}`;
      const send = (list_: unknown) =>
        world().api("POST", `/conversations/${conversation}/messages`, {
          id,
          body: { sender_id: identityId(ann), parts: list_ },
        });
      const twice = [
        { ...textPart("a"), id: part },
        { ...textPart("b"), id: part },
      ];
      expect((await send(twice)).status).to.equal(422);
      const reply = expectStatus(
        await send([
          { ...textPart("a"), id: part },
          { ...textPart("b"), id: null },
        ]),
        201,
      );
      expect(idsOf(member(reply.json, "parts"))[0]).to.equal(part);
    });

    it("is there in 2.0 with ids of the older form, and not in 1.x", async () => {
      for (const version of URIS) expectStatus(await call("GET", "", { version }), 200);
      const older = list((await call("GET", "", { version: "2.0" })).json)[1];
      expect(older).to.deep.equal({
        id: `layer:///messages/${message}/parts/1`,
        mime_type: "text/plain",
        body: "two",
        encoding: null,
        content: null,
      });
      for (const version of BARE) expectError(await call("GET", "", { version }), "invalid_endpoint");
    });
  });
}
