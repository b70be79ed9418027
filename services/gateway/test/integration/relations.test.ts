import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply, type SendOptions } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const PATCH = "application/vnd.layer-patch+json";
const OLD = ["1.0", "1.1"] as const;
const NEW = ["2.0", "3.0"] as const;
const uri = (user: string): string => `layer:///identities/${user}`;
const refusalOf = (reply: Reply) => [reply.status, errorOf(reply).id, errorOf(reply).data];

const add = (operand: object) => ({ operation: "add", property: "blocks", ...operand });

describe("what users are to each other", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway relations", env: { REQUEST_DEADLINE_MS: "10000" } });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const aUser = (): string => {
    const user = randomUUID();
    world.directory.aUser(app, user);
    return user;
  };
  const userPath = (user: string, rest = "") => `/apps/${app}/users/${encodeURIComponent(user)}${rest}`;

  const following = (user: string, followed?: string) =>
    userPath(user, `/following${followed === undefined ? "" : `/${encodeURIComponent(followed)}`}`);

  const blocks = (user: string, blocked = "") => userPath(user, `/blocks${blocked === "" ? "" : `/${blocked}`}`);
  const patch = (path: string, body: unknown, options: SendOptions = {}) =>
    send("PATCH", path, { body, headers: { "Content-Type": PATCH }, ...options });
  const blockedBy = (user: string) => [...(world.directory.userRow(app, user)?.blocked ?? [])];

  describe("following", () => {
    it("begins and ends with an empty 204, and makes the followed user known", async () => {
      for (const version of NEW) {
        const ann = aUser();
        const stranger = `s/${randomUUID()}`;
        expect(await send("GET", following(ann, stranger), { version })).to.have.property("status", 404);
        const put = await send("PUT", following(ann, stranger), { version });
        expect([put.status, put.text]).to.deep.equal([204, ""]);
        expect(await send("GET", following(ann, stranger), { version })).to.include({ status: 204, text: "" });
        expect((await send("GET", userPath(stranger))).json).to.deep.equal({
          id: stranger,
          identity: null,
          suspended: false,
        });
        const gone = await send("DELETE", following(ann, stranger), { version });
        expect([gone.status, gone.text]).to.deep.equal([204, ""]);
        expect(await send("DELETE", following(ann, stranger), { version })).to.have.property("status", 204);
        expect(await send("GET", following(ann, stranger), { version })).to.have.property("status", 404);
      }
    });

    it("begins with many at once, in as many steps as it takes", async () => {
      const ann = aUser();
      const followed = Array.from({ length: 2_500 }, (_, index) => `m${index}`);
      const reply = await send("POST", following(ann), { body: [...followed.map(uri), "m0"] });
      expect([reply.status, reply.text]).to.deep.equal([202, ""]);
      expect([...(world.directory.userRow(app, ann)?.following ?? [])]).to.have.members(followed);
    });

    it("lists identity ids in pages, and identities on request", async () => {
      const ann = aUser();
      world.directory.aUser(app, "f/2", "Bob", { emailAddress: "b@x.example" });
      await send("POST", following(ann), { body: ["f3", "f1", uri("f%2F2")] });
      const all = await send("GET", following(ann));
      expect([all.json, all.headers.get("layer-count")]).to.deep.equal([[uri("f%2F2"), uri("f1"), uri("f3")], "3"]);
      for (const fromId of [uri("f%2F2"), "f/2"]) {
        const page = await send("GET", `${following(ann)}?page_size=1&from_id=${encodeURIComponent(fromId)}`);
        expect([page.json, page.headers.get("layer-count")]).to.deep.equal([[uri("f1")], "3"]);
      }
      const identities = await send("GET", `${userPath(ann, "/identities")}?page_size=2`);
      expect(identities.headers.get("layer-count")).to.equal("3");
      expect(identities.json).to.have.lengthOf(2);
      expect(identities.json).to.have.nested.property("[0].email_address", "b@x.example");
      expect(identities.json).to.have.deep.nested.property("[1].display_name", null);
      expect((await send("GET", following(aUser()))).json).to.deep.equal([]);
    });

    it("has no row for a from_id whom she does not follow, and no page of size 0", async () => {
      for (const list of [following(aUser()), userPath(aUser(), "/identities")]) {
        expect(refusalOf(await send("GET", `${list}?from_id=nobody`))).to.deep.equal([404, "not_found", undefined]);
        expect(refusalOf(await send("GET", `${list}?page_size=0`))).to.deep.equal([
          422,
          "invalid_property",
          { property: "page_size" },
        ]);
      }
    });

    it("answers 404 for a user whom nobody knows", async () => {
      const requests: readonly [string, string, unknown?][] = [
        ["PUT", following("nobody", "ann")],
        ["DELETE", following("nobody", "ann")],
        ["GET", following("nobody", "ann")],
        ["GET", following("nobody")],
        ["GET", userPath("nobody", "/identities")],
        ["POST", following("nobody"), ["ann"]],
        ["POST", following("nobody"), []],
      ];
      for (const [method, path, body] of requests) {
        expect(refusalOf(await send(method, path, { body })), `${method} ${path}`).to.deep.equal([
          404,
          "not_found",
          undefined,
        ]);
      }
    });

    it("refuses what is no list of users", async () => {
      expect(refusalOf(await send("POST", following(aUser()), { body: {} }))).to.deep.equal([
        400,
        "invalid_request",
        undefined,
      ]);
      const bad = await send("POST", following(aUser()), { body: ["ann", 7] });
      expect(refusalOf(bad)).to.deep.equal([422, "invalid_property", { property: "id" }]);
      expect(refusalOf(await send("PUT", following(aUser(), "u".repeat(129))))).to.deep.equal([
        422,
        "invalid_property",
        { property: "user_id" },
      ]);
    });

    it("is no endpoint in 1.x, and says in 2.0 and later which methods it has", async () => {
      for (const version of OLD) {
        for (const path of [following("ann"), following("ann", "bob"), userPath("ann", "/identities")]) {
          expect(refusalOf(await send("GET", path, { version }))).to.deep.equal([404, "invalid_endpoint", undefined]);
          expect(refusalOf(await send("PATCH", path, { version }))).to.deep.equal([404, "invalid_endpoint", undefined]);
        }
      }
      expect((await send("PATCH", following("ann"))).headers.get("allow")).to.equal("GET, POST");
      expect((await send("POST", following("ann", "bob"))).headers.get("allow")).to.equal("GET, PUT, DELETE");
      expect((await send("POST", userPath("ann", "/identities"))).headers.get("allow")).to.equal("GET");
    });
  });

  describe("blocks", () => {
    it("are made and lifted one by one in 1.x, each as often as one likes", async () => {
      for (const version of OLD) {
        const ann = aUser();
        const body = { user_id: "b/1" };
        for (const reply of [
          await send("POST", blocks(ann), { version, body }),
          await send("POST", blocks(ann), { version, body }),
        ]) {
          expect([reply.status, reply.text]).to.deep.equal([204, ""]);
        }
        expect((await send("GET", blocks(ann), { version })).json).to.deep.equal([{ user_id: "b/1" }]);
        for (const status of [204, 204]) {
          expect(await send("DELETE", blocks(ann, "b%2F1"), { version })).to.include({ status, text: "" });
        }
        expect((await send("GET", blocks(ann), { version })).json).to.deep.equal([]);
        expect(await send("POST", blocks(ann), { version, body: { user_id: ann } })).to.have.property("status", 204);
      }
    });

    it("name what is missing", async () => {
      const options = { version: "1.0" } as const;
      expect(refusalOf(await send("POST", blocks("ann"), { ...options, body: {} }))).to.deep.equal([
        422,
        "missing_property",
        { property: "user_id" },
      ]);
      expect(refusalOf(await send("POST", blocks("ann"), { ...options, body: { user_id: 7 } }))).to.deep.equal([
        422,
        "invalid_property",
        { property: "user_id" },
      ]);
    });

    it("are identities from 2.0, without paging", async () => {
      for (const version of NEW) {
        const ann = aUser();
        world.directory.aUser(app, "bob", "Bob");
        await patch(userPath(ann), [add({ id: uri("bob") }), add({ value: uri("eve") })], { version });
        const reply = await send("GET", blocks(ann), { version });
        expect(reply.headers.has("layer-count")).to.equal(false);
        expect(reply.json).to.deep.equal([
          {
            id: uri("bob"),
            url: `${PUBLIC_URL}/apps/${app}/users/bob/identity`,
            user_id: "bob",
            display_name: "Bob",
            avatar_url: null,
          },
          {
            id: uri("eve"),
            url: `${PUBLIC_URL}/apps/${app}/users/eve/identity`,
            user_id: "eve",
            display_name: null,
            avatar_url: null,
          },
        ]);
      }
    });

    it("are patched in every version, at the user and at her blocks, with an empty 202", async () => {
      for (const version of OLD) {
        const ann = aUser();
        for (const path of [userPath(ann), blocks(ann)]) {
          const reply = await patch(path, [{ ...add({}), operation: "set", value: ["b", "c"] }, add({ value: "d" })], {
            version,
          });
          expect([reply.status, reply.text]).to.deep.equal([202, ""]);
          expect(blockedBy(ann)).to.deep.equal(["b", "c", "d"]);
        }
        await patch(blocks(ann), [{ operation: "remove", property: "blocks", value: "c" }], { version });
        expect(blockedBy(ann)).to.deep.equal(["b", "d"]);
      }
      for (const version of NEW) {
        const ann = aUser();
        await patch(userPath(ann), [add({ id: uri("b") })], { version });
        const reply = await patch(
          blocks(ann),
          [{ operation: "set", property: "blocks", value: [] }, add({ id: "c" })],
          {
            version,
          },
        );
        expect([reply.status, blockedBy(ann)]).to.deep.equal([202, ["c"]]);
        const refused = await patch(userPath(ann), [{ operation: "set", property: "blocks", value: [uri("b")] }], {
          version,
        });
        expect(refusalOf(refused)).to.deep.equal([422, "invalid_property", { property: "blocks" }]);
      }
    });

    it("have no limit of operations, and one of entries", async () => {
      const ann = aUser();
      const many = Array.from({ length: 10_500 }, (_, index) => add({ value: `m${index % 100}` }));
      expect(await patch(userPath(ann), many, { version: "1.0" })).to.have.property("status", 202);
      expect(blockedBy(ann)).to.have.lengthOf(100);
      const value = Array.from({ length: 10_001 }, (_, index) => `m${index}`);
      const refused = await patch(userPath(ann), [{ operation: "set", property: "blocks", value }], { version: "1.0" });
      expect(refusalOf(refused)).to.deep.equal([422, "invalid_property", { property: "blocks" }]);
    });

    it("make a user known who was never seen in 1.x, and are 404 from 2.0", async () => {
      const requests: readonly ((user: string, version: (typeof OLD)[number]) => Promise<Reply>)[] = [
        (user, version) => send("GET", blocks(user), { version }),
        (user, version) => send("POST", blocks(user), { version, body: { user_id: "bob" } }),
        (user, version) => send("DELETE", blocks(user, "bob"), { version }),
        (user, version) => patch(userPath(user), [add({ value: "bob" })], { version }),
      ];
      for (const version of OLD) {
        for (const request of requests) {
          const stranger = randomUUID();
          expect((await request(stranger, version)).status).to.be.oneOf([200, 202, 204]);
          expect(world.directory.hasUser(app, stranger)).to.equal(true);
        }
      }
      for (const version of NEW) {
        const patched = await patch(userPath("nobody"), [add({ id: uri("bob") })], { version });
        expect(refusalOf(patched)).to.deep.equal([404, "not_found", undefined]);
        expect(await send("GET", blocks("nobody"), { version })).to.have.property("status", 404);
        expect(await patch(blocks("nobody"), [], { version })).to.have.property("status", 404);
      }
    });

    it("are not made or lifted one by one from 2.0: 405", async () => {
      for (const version of NEW) {
        const post = await send("POST", blocks("ann"), { version, body: { user_id: "bob" } });
        expect([post.status, post.headers.get("allow")]).to.deep.equal([405, "GET, PATCH"]);
        const gone = await send("DELETE", blocks("ann", "bob"), { version });
        expect([gone.status, gone.headers.get("allow")]).to.deep.equal([405, "GET"]);
      }
      const old = await send("PUT", blocks("ann"), { version: "1.0" });
      expect([old.status, old.headers.get("allow")]).to.deep.equal([405, "GET, POST, PATCH"]);
    });
  });
});
