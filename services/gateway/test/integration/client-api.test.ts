import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { createSessionToken } from "@strata/contracts";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, routes } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const clientRoutes = routes.filter(({ access }) => access === "session");
const ORIGIN = "https://shop.example";
/** Every id that the victim has, as a path of anybody else's could name it. */
const uuid = "3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11";

const expectSoon = async (probe: () => Promise<unknown>, expected: object): Promise<void> => {
  await eventually(async () => {
    expect(await probe()).to.deep.include(expected);
    return true;
  }, true);
};

describe("the Client API", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let ann: HttpClient;
  before(async () => {
    world = await openWorld({ name: "gateway client-api", env: PATIENT });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { version: "3.0" });
    world.directory.aUser(app, "ann", "Ann", { emailAddress: "ann@example.com", metadata: { tier: "gold" } });
    world.directory.aUser(app, "bob", "Bob", { emailAddress: "bob@example.com", metadata: { tier: "iron" } });
    ann = httpClient(world.baseUrl, { version: "3.0", session: world.directory.logins.aSession(app, "ann") });
  });
  after(() => world[Symbol.asyncDispose]());

  /** As it is written: URL parsers would tidy it up. */
  const raw = (method: string, path: string, headers: Readonly<Record<string, string>> = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: object; text: string }>();
    const { hostname, port } = new URL(world.baseUrl);
    const sent = request({ hostname, port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.once("error", reject).end();
    return promise;
  };

  const crossing = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    raw("OPTIONS", path, { Origin: ORIGIN, "Access-Control-Request-Method": "GET", ...headers });
  const annsHeader = () => ({ Authorization: `Layer session-token="${world.directory.logins.aSession(app, "ann")}"` });

  describe("routes", () => {
    it("are those that the published clients call", () => {
      const offered = clientRoutes.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
      expect(offered).to.include.members([
        "GET /identities/:other",
        "GET /identities",
        "PUT /following/users/:followed",
        "DELETE /following/users/:followed",
        "GET /conversations",
        "GET /conversations/:conversation",
        "PATCH /conversations/:conversation",
        "DELETE /conversations/:conversation",
        "POST /conversations/:conversation/mark_all_read",
        "GET /conversations/:conversation/messages",
        "GET /messages/:message",
        "POST /messages/:message/receipts",
        "DELETE /messages/:message",
        "GET /announcements",
        "GET /announcements/:announcement",
        "POST /announcements/:announcement/receipts",
        "DELETE /announcements/:announcement",
        "POST /content",
        "POST /push_tokens",
        "DELETE /push_tokens/:device",
      ]);
    });

    it("want a session, each one: without it, and with a backend's token, they are 401 with a nonce", async () => {
      const token = world.directory.aToken({ app });
      for (const route of clientRoutes) {
        const path = route.path.replaceAll(/:\w+/g, uuid);
        for (const options of [{}, { token }, { session: createSessionToken(app) }]) {
          const reply = await send(route.method.toUpperCase(), path, options);
          expect([reply.status, errorOf(reply).id], `${route.method} ${path}`).to.deep.equal([
            401,
            "authentication_required",
          ]);
          expect(errorOf(reply).data).to.have.property("nonce").that.is.a("string");
        }
      }
    }).timeout(60_000);

    it("do not answer a session where a backend's token is due", async () => {
      const session = world.directory.logins.aSession(app, "ann");
      for (const path of [`/apps/${app}/users/ann`, `/apps/${app}/users/bob/identity`, "/accounts/apps"]) {
        const reply = await send("GET", path, { session });
        expect([reply.status, errorOf(reply).data]).to.deep.equal([401, undefined]);
      }
    });
  });

  describe("push tokens", () => {
    it("make the phone of a session its user's, and nobody else's, until she logs out of it", async () => {
      const body = { token: "AB12", type: "apns", device_id: "phone", apns_bundle_id: "com.example" };
      const registered = await ann("POST", "/push_tokens", { body });
      expect([registered.status, registered.text]).to.deep.equal([202, ""]);
      expect(world.push.devices.get(`${app}/ann/phone`)).to.include({ userId: "ann", token: "ab12", kind: "apns" });
      expect(await ann("DELETE", "/push_tokens/phone")).to.have.property("status", 202);
      expect(world.push.devices.has(`${app}/ann/phone`)).to.equal(false);
      const wrong = await ann("POST", "/push_tokens", { body: { ...body, token: 1 } });
      expect(errorOf(wrong)).to.deep.include({ id: "invalid_property", data: { property: "token" } });
    });
  });

  describe("push tokens of one user", () => {
    it("are at most 100: each push to her goes to all of them", async () => {
      const bob = httpClient(world.baseUrl, { version: "3.0", session: world.directory.logins.aSession(app, "bob") });
      const register = (n: number) =>
        bob("POST", "/push_tokens", { body: { token: `t${n}`, type: "gcm", device_id: `phone ${n}` } });
      for (let n = 0; n < 100; n += 1) expect(await register(n)).to.have.property("status", 202);
      const refused = await register(100);
      expect([refused.status, errorOf(refused).id]).to.deep.equal([422, "invalid_operation"]);
      expect(await register(99), "what is there is registered anew").to.have.property("status", 202);
      expect(await bob("DELETE", "/push_tokens/phone%200")).to.have.property("status", 202);
      expect(await register(100)).to.have.property("status", 202);
    });
  });

  describe("identities", () => {
    it("are shown whole to their own user, with the key that tells clients so", async () => {
      const { status, json } = await ann("GET", "/identities/ann");
      expect(status).to.equal(200);
      expect(json).to.deep.equal({
        id: "layer:///identities/ann",
        url: `${PUBLIC_URL}/identities/ann`,
        user_id: "ann",
        display_name: "Ann",
        avatar_url: null,
        first_name: null,
        last_name: null,
        phone_number: null,
        email_address: "ann@example.com",
        public_key: null,
        metadata: { tier: "gold" },
        identity_type: "user",
        type: "user",
      });
    });

    it("are shown of others as the app's settings say, in lists too", async () => {
      await ann("PUT", "/following/users/bob");
      for (const shows of [false, true]) {
        await world.directory.setSettings(app, { showsEmailAddresses: shows, showsMetadata: shows });
        const seen = { email_address: shows ? "bob@example.com" : null, metadata: shows ? { tier: "iron" } : {} };
        await expectSoon(async () => (await ann("GET", "/identities/bob")).json, seen);
        const { json } = await ann("GET", "/identities?page_size=10");
        expect(json).to.have.nested.property("[0]").that.deep.includes(seen);
      }
    });

    it("have the byte for byte same ids as clients make, and are found by what these send", async () => {
      for (const user of ["a b", "é", "it's", "a/b", "(x)", "a*b", "!~", "50%"]) {
        world.directory.aUser(app, user, "Somebody");
        const encoded = encodeURIComponent(user).replaceAll(
          /[!~'()]/g,
          (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
        );
        const reply = await ann("GET", `/identities/${encoded}`);
        expect(reply.json, user).to.deep.include({
          id: `layer:///identities/${encoded}`,
          url: `${PUBLIC_URL}/identities/${encoded}`,
          user_id: user,
        });
      }
    });

    it("are followed only where there is somebody: a user makes nobody known", async () => {
      const stranger = `stranger-${randomUUID()}`;
      expect(await ann("PUT", `/following/users/${stranger}`)).to.have.property("status", 404);
      const body = [`layer:///identities/${stranger}`];
      expect(await ann("POST", "/following/users", { body })).to.have.property("status", 404);
      expect(world.directory.hasUser(app, stranger)).to.equal(false);
      expect(await ann("GET", "/following/users/bob")).to.have.property("status", 204);
      expect(await ann("DELETE", "/following/users/bob")).to.have.property("status", 204);
      expect(await ann("GET", "/following/users/bob")).to.have.property("status", 404);
    });
  });

  describe("pages of other origins", () => {
    it("may ask whether they may, without a session, and remember it", async () => {
      const wanted =
        "authorization,client-id,content-type,layer-xdk-version,upload-content-length,upload-content-type,upload-origin";
      for (const path of ["/nonces", "/conversations?page_size=1", "/identities/ann", "/", "/ping", "/content"]) {
        const { status, headers } = await crossing(path, { "Access-Control-Request-Headers": wanted });
        expect(status, path).to.equal(204);
        expect(headers, path).to.include({
          "access-control-allow-origin": ORIGIN,
          "access-control-allow-credentials": "true",
          "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        });
        const allowed = String(Reflect.get(headers, "access-control-allow-headers")).split(", ");
        expect(allowed).to.include.members([...wanted.split(","), "accept"]);
        expect(Number(Reflect.get(headers, "access-control-max-age"))).to.be.greaterThan(0);
      }
    });

    it("may read answers and errors alike", async () => {
      for (const [path, status] of [
        ["/nowhere", 404],
        ["/channels", 404],
        ["/conversations", 401],
        ["/ping", 200],
        ["/nonces", 405],
      ] as const) {
        const reply = await send("GET", path, { headers: { Origin: ORIGIN } });
        expect(reply.status).to.equal(status);
        expect(reply.headers.get("access-control-allow-origin"), path).to.equal(ORIGIN);
        expect(reply.headers.get("access-control-allow-credentials")).to.equal("true");
        expect(reply.headers.get("access-control-expose-headers")).to.match(/Layer-Count, Link/);
        expect(reply.headers.get("vary")).to.equal("Origin");
      }
    });

    it("may read nothing of what is for backends", async () => {
      for (const path of [`/apps/${app}`, `/apps/${app}/users/ann`, "/accounts/apps", "/docs", "/openapi.json"]) {
        expect((await crossing(path)).headers, path).not.to.have.property("access-control-allow-origin");
        const reply = await send("GET", path, { headers: { Origin: ORIGIN } });
        expect(reply.headers.get("access-control-allow-origin"), path).to.equal(null);
      }
    });
  });

  describe("paths that the XDK puts together over plain HTTP", () => {
    it("are what follows the last base", async () => {
      for (const path of [
        "/http://localhost:7420/identities/ann",
        `/identities/annhttp://localhost:7420/identities/ann`,
        `${"/https://a.example".repeat(2)}/identities/ann?x=http://b.example/y`,
      ]) {
        const reply = await raw("GET", path, annsHeader());
        expect([reply.status, JSON.parse(reply.text).user_id], path).to.deep.equal([200, "ann"]);
      }
    });

    it("lead to the Client API alone, whatever guards the paths of backends before us", async () => {
      const account = { Authorization: `Bearer ${world.directory.aToken()}` };
      const backend = { Authorization: `Bearer ${world.directory.aToken({ app })}` };
      for (const [path, headers] of [
        ["/x/http://h/accounts/apps", account],
        [`/http://h/apps/${app}/users/ann`, backend],
        [`/http://h//apps/${app}/users/ann`, backend],
        ["/http://h/docs", {}],
        ["/http://h/openapi.json", {}],
      ] as const) {
        expect(await raw("GET", path, headers), path).to.have.property("status", 404);
      }
    });
  });

  it("answers a ping without a body, also to HEAD", async () => {
    const get = await send("GET", "/ping?client=3.4.18");
    expect([get.status, get.text]).to.deep.equal([200, ""]);
    expect(await raw("HEAD", "/ping?client=3.4.18")).to.include({ status: 200, text: "" });
  });

  it("takes a body of JSON that is none, as the web clients send it", async () => {
    const headers = { "Content-Type": "application/json" };
    expect(await send("POST", "/nonces", { headers })).to.have.property("status", 201);
    expect(await ann("GET", "/conversations", { headers })).to.have.property("status", 200);
  });
});
