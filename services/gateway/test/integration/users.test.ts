import { createECDH, randomUUID } from "node:crypto";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

describe("users", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway users" });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const identityPath = (user: string) => `/apps/${app}/users/${encodeURIComponent(user)}/identity`;
  const devicePath = (user: string, device: string) => `/apps/${app}/users/${user}/devices/${device}`;

  describe("identity", () => {
    it("creates one with an empty 201, and shows it in each version's shape", async () => {
      const body = { display_name: "Ann", metadata: { tier: "gold" }, phone_number: null };
      const made = await send("POST", identityPath("ann/1"), { body });
      expect([made.status, made.text]).to.deep.equal([201, ""]);
      expect(made.headers.get("content-length")).to.equal("0");
      expect(made.headers.get("content-type")).to.equal(null);
      const shown = await send("GET", identityPath("ann/1"));
      expect(shown.json).to.deep.include({
        id: "layer:///identities/ann%2F1",
        url: `${PUBLIC_URL}/apps/${app}/users/ann%2F1/identity`,
        display_name: "Ann",
        metadata: { tier: "gold" },
        phone_number: null,
        identity_type: "user",
      });
      expect(shown.headers.get("content-type")).to.equal("application/json; charset=UTF-8");
      const old = await send("GET", identityPath("ann/1"), { version: "1.0" });
      expect(old.json).not.to.have.any.keys("id", "url", "identity_type");
    });

    it("answers 409 when she has one, and 404 when she has none", async () => {
      await send("POST", identityPath("bob"), { body: { display_name: "Bob" } });
      const again = await send("POST", identityPath("bob"), { body: { display_name: "Eve" } });
      expect([again.status, errorOf(again).id]).to.deep.equal([409, "conflict"]);
      expect((await send("GET", identityPath("bob"))).json).to.have.property("display_name", "Bob");
      expect(await send("GET", identityPath("nobody"))).to.have.property("status", 404);
    });

    it("answers the repeat of an Idempotency-Key like the first time, and 409 to another body", async () => {
      const headers = { "Idempotency-Key": randomUUID() };
      const create = (name: string) => send("POST", identityPath("cleo"), { headers, body: { display_name: name } });
      expect([(await create("Cleo")).status, (await create("Cleo")).status]).to.deep.equal([201, 201]);
      expect(await create("Eve")).to.have.property("status", 409);
    });

    it("names what is missing or too long", async () => {
      const missing = await send("POST", identityPath("dora"), { body: {} });
      expect(errorOf(missing)).to.deep.include({ id: "missing_property", data: { property: "display_name" } });
      const long = await send("POST", identityPath("dora"), { body: { display_name: "D".repeat(129) } });
      expect(errorOf(long)).to.deep.include({ id: "invalid_property", data: { property: "display_name" } });
      const user = await send("POST", identityPath("u".repeat(129)), { body: { display_name: "Dora" } });
      expect(errorOf(user)).to.deep.include({ id: "invalid_property", data: { property: "user_id" } });
      expect(world.directory.hasUser(app, "dora")).to.equal(false);
    });
  });

  describe("devices", () => {
    const body = { platform: "android", kind: "fcm_token", token: "abc:def", locale: "de_AT", app_id: "com.example" };

    it("registers one and answers it, without the token", async () => {
      world.directory.aUser(app, "erik");
      const reply = await send("PUT", devicePath("erik", "pixel%207"), { body });
      expect(reply.status).to.equal(200);
      expect(reply.json).to.deep.include({
        device_id: "pixel 7",
        url: `${PUBLIC_URL}/apps/${app}/users/erik/devices/pixel%207`,
        user_id: "erik",
        environment: "production",
        locale: "de-AT",
      });
      expect(reply.text).not.to.include("abc:def");
      expect(world.push.devices.get(`${app}/erik/pixel 7`)).to.include({ token: "abc:def" });
      const list = await send("GET", `/apps/${app}/users/erik/devices`);
      expect(list.json).to.deep.equal([reply.json]);
    });

    it("answers 404 for a user whom nobody knows, and stores nothing", async () => {
      const reply = await send("PUT", devicePath("stranger", "phone"), { body });
      expect(reply.status).to.equal(404);
      expect(world.push.devices.has(`${app}/stranger/phone`)).to.equal(false);
      expect(await send("GET", `/apps/${app}/users/stranger/devices`)).to.have.property("status", 404);
    });

    it("knows a user as soon as she is created, though it was just asked about her in vain", async () => {
      expect(await send("PUT", devicePath("fred", "phone"), { body })).to.have.property("status", 404);
      await send("POST", `/apps/${app}/users/fred/identity`, { body: { display_name: "Fred" } });
      expect(await send("PUT", devicePath("fred", "phone"), { body })).to.have.property("status", 200);
    });

    it("shows one, and removes it behind every registration of its token, as often as it is asked", async () => {
      world.directory.aUser(app, "hugo");
      const path = devicePath("hugo", "pixel%207");
      expect(await send("GET", path)).to.have.property("status", 404);
      expect(await send("DELETE", path)).to.have.property("status", 404);
      const { json } = await send("PUT", path, { body });
      const shown = await send("GET", path);
      expect([shown.status, shown.json]).to.deep.equal([200, json]);
      const { registeredAt = 0 } = world.push.devices.get(`${app}/hugo/pixel 7`) ?? {};
      const removal = await send("DELETE", path);
      expect([removal.status, removal.text]).to.deep.equal([204, ""]);
      const [{ at, ...removed } = { at: 0 }, ...more] = world.push.removed.filter(({ userId }) => userId === "hugo");
      expect([removed, more]).to.deep.equal([{ userId: "hugo", deviceId: "pixel 7", token: body.token }, []]);
      expect(at).to.be.above(registeredAt);
      expect(await send("GET", path)).to.have.property("status", 404);
      expect(await send("DELETE", path)).to.have.property("status", 204);
      expect(await send("DELETE", devicePath("stranger", "phone"))).to.have.property("status", 404);
    });

    it("takes a browser's subscription at a known push service, and no other URL of a client's", async () => {
      world.directory.aUser(app, "iris");
      const keys = { p256dh: createECDH("prime256v1").generateKeys("base64url"), auth: "BTBZMqHH6r4Tts7J_aSIgg" };
      const subscription = { endpoint: "https://fcm.googleapis.com/fcm/send/abc:def", keys };
      const browser = { platform: "web", kind: "webpush", token: subscription };
      const reply = await send("PUT", devicePath("iris", "firefox"), { body: browser });
      expect(reply.status).to.equal(200);
      expect(reply.text).not.to.match(/fcm\.googleapis|p256dh|BTBZ/);
      expect(world.push.devices.get(`${app}/iris/firefox`)).to.deep.include({
        token: subscription.endpoint,
        webPushKeys: keys,
      });
      for (const endpoint of ["https://169.254.169.254/latest", "https://localhost/", "http://fcm.googleapis.com/x"]) {
        const refused = await send("PUT", devicePath("iris", "other"), {
          body: { ...browser, token: { ...subscription, endpoint } },
        });
        expect([refused.status, errorOf(refused).data]).to.deep.equal([422, { property: "token.endpoint" }]);
      }
      expect(world.push.devices.has(`${app}/iris/other`)).to.equal(false);
    });

    it("registers and removes one in the Client API's words", async () => {
      world.directory.aUser(app, "jack");
      const path = `/apps/${app}/users/jack/push_tokens`;
      const iphone = { token: "AB12", type: "apns", device_id: "phone 1", apns_bundle_id: "com.example" };
      const registered = await send("POST", path, { body: iphone });
      expect([registered.status, registered.text]).to.deep.equal([202, ""]);
      const shown = await send("GET", devicePath("jack", "phone%201"));
      expect(shown.json).to.deep.include({ platform: "ios", kind: "apns", app_id: "com.example" });
      const removed = await send("DELETE", `${path}/phone%201`);
      expect([removed.status, removed.text]).to.deep.equal([202, ""]);
      expect(await send("GET", devicePath("jack", "phone%201"))).to.have.property("status", 404);
      expect(await send("DELETE", `${path}/another`)).to.have.property("status", 404);
      const wrong = await send("POST", path, { body: { ...iphone, type: "webpush" } });
      expect(errorOf(wrong)).to.deep.include({ id: "invalid_property", data: { property: "type" } });
      expect(await send("POST", `/apps/${app}/users/stranger/push_tokens`, { body: iphone })).to.have.property(
        "status",
        404,
      );
    });

    it("names what is missing or not valid", async () => {
      world.directory.aUser(app, "gina");
      const missing = await send("PUT", devicePath("gina", "phone"), { body: { platform: "ios" } });
      expect(errorOf(missing)).to.deep.include({ id: "missing_property", data: { property: "kind" } });
      const wrong = await send("PUT", devicePath("gina", "phone"), {
        body: { ...body, platform: "ios", kind: "webpush" },
      });
      expect(errorOf(wrong)).to.deep.include({ id: "invalid_property", data: { property: "kind" } });
    });
  });
});
