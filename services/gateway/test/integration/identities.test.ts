import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply, type SendOptions } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const PATCH = "application/vnd.layer-patch+json";
const VERSIONS = ["1.0", "1.1", "2.0", "3.0"] as const;
const set = (property: string, value: unknown) => ({ operation: "set", property, value });

/** The two things clients branch on, and what is at fault. */
const refusalOf = (reply: Reply) => [reply.status, errorOf(reply).id, errorOf(reply).data];

describe("identities", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway identities", env: { REQUEST_DEADLINE_MS: "10000" } });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (user: string) => `/apps/${app}/users/${encodeURIComponent(user)}/identity`;
  const patch = (user: string, body: unknown, options: SendOptions = {}) =>
    send("PATCH", path(user), { body, headers: { "Content-Type": PATCH }, ...options });
  const identityOf = (user: string) => world.directory.userRow(app, user)?.identity;
  const aUser = (fields = {}): string => {
    const user = `u/${randomUUID()}`;
    world.directory.aUser(app, user, "Ann", fields);
    return user;
  };

  const seenBy = (viewer: string, user: string) =>
    send("GET", `/apps/${app}/users/${encodeURIComponent(viewer)}/identities/${encodeURIComponent(user)}`);

  describe("PATCH", () => {
    it("changes fields and metadata, all or nothing, with an empty 204", async () => {
      for (const version of VERSIONS) {
        const user = aUser({ firstName: "A", metadata: { tier: "silver", "a.b": "c" } });
        const body = [
          set("display_name", "Ann B."),
          set("first_name", null),
          set("metadata.tier", "gold"),
          { operation: "delete", property: "metadata.a\\.b" },
        ];
        const reply = await patch(user, body, { version });
        expect([reply.status, reply.text], version).to.deep.equal([204, ""]);
        expect(identityOf(user)).to.deep.include({
          displayName: "Ann B.",
          firstName: null,
          metadata: { tier: "gold" },
        });
        const refused = await patch(user, [set("first_name", "X"), set("user_id", "eve")], { version });
        expect(refusalOf(refused)).to.deep.equal([422, "invalid_property", { property: "user_id" }]);
        expect(identityOf(user)).to.have.property("firstName", null);
      }
    });

    it("replaces the metadata as a whole", async () => {
      const user = aUser({ metadata: { tier: "silver" } });
      await patch(user, [set("metadata", { level: "3" })]);
      expect(identityOf(user)).to.have.deep.property("metadata", { level: "3" });
      await patch(user, [set("metadata", null)]);
      expect(identityOf(user)).to.have.deep.property("metadata", {});
    });

    it("may do nothing", async () => {
      expect(await patch(aUser(), [])).to.have.property("status", 204);
    });

    it("is there for clients that know no PATCH", async () => {
      const user = aUser();
      const headers = { "Content-Type": PATCH, "X-HTTP-Method-Override": "PATCH" };
      const reply = await send("POST", path(user), { headers, body: [set("last_name", "B")] });
      expect(reply.status).to.equal(204);
      expect(identityOf(user)).to.have.property("lastName", "B");
    });

    it("names what it cannot change", async () => {
      const user = aUser();
      for (const property of ["id", "url", "user_id", "unknown"]) {
        expect(refusalOf(await patch(user, [set(property, "x")]))).to.deep.equal([
          422,
          "invalid_property",
          { property },
        ]);
      }
      for (const [property, value] of [
        ["display_name", null],
        ["phone_number", "1".repeat(33)],
        ["metadata.k", 7],
      ] as const) {
        expect(refusalOf(await patch(user, [set(property, value)]))).to.deep.equal([
          422,
          "invalid_property",
          { property },
        ]);
      }
      const many = Array.from({ length: 17 }, (_, index) => set(`metadata.k${index}`, "v"));
      expect(refusalOf(await patch(user, many))).to.deep.equal([422, "invalid_property", { property: "metadata" }]);
      expect(refusalOf(await patch(user, Array(1_001).fill(set("last_name", "B"))))).to.deep.equal([
        422,
        "invalid_operation",
        undefined,
      ]);
      expect(refusalOf(await patch(user, {}))).to.deep.equal([400, "invalid_request", undefined]);
    });

    it("answers 404 for a user who has none", async () => {
      expect(refusalOf(await patch("nobody", [set("last_name", "B")]))).to.deep.equal([404, "not_found", undefined]);
    });
  });

  describe("PUT", () => {
    it("replaces one and clears what is left out", async () => {
      const user = aUser({ firstName: "A", metadata: { tier: "silver" } });
      const reply = await send("PUT", path(user), { body: { display_name: "Eve", last_name: "C" } });
      expect([reply.status, reply.text]).to.deep.equal([204, ""]);
      expect(identityOf(user)).to.deep.include({ displayName: "Eve", lastName: "C", firstName: null, metadata: {} });
    });

    it("needs a display name, and an identity to replace", async () => {
      const missing = await send("PUT", path(aUser()), { body: { last_name: "C" } });
      expect(refusalOf(missing)).to.deep.equal([422, "missing_property", { property: "display_name" }]);
      const bad = await send("PUT", path(aUser()), { body: { display_name: "C", avatar_url: 7 } });
      expect(refusalOf(bad)).to.deep.equal([422, "invalid_property", { property: "avatar_url" }]);
      const nobody = await send("PUT", path("nobody"), { body: { display_name: "Eve" } });
      expect(refusalOf(nobody)).to.deep.equal([404, "not_found", undefined]);
    });
  });

  describe("DELETE", () => {
    it("takes it away and leaves the user; the second time there is none", async () => {
      const user = aUser();
      const reply = await send("DELETE", path(user));
      expect([reply.status, reply.text]).to.deep.equal([204, ""]);
      expect(world.directory.userRow(app, user)).to.have.property("identity", null);
      expect(refusalOf(await send("GET", path(user)))).to.deep.equal([404, "not_found", undefined]);
      expect(refusalOf(await send("DELETE", path(user)))).to.deep.equal([404, "not_found", undefined]);
    });
  });

  describe("as seen by users", () => {
    const secrets = { phoneNumber: "+43 1", emailAddress: "b@x.example", metadata: { tier: "gold" } };

    it("hides phone number, e-mail address and metadata of others, unless the app shows them", async () => {
      const [ann, bob] = [aUser(), aUser(secrets)];
      const hidden = await seenBy(ann, bob);
      expect(hidden.status).to.equal(200);
      expect(hidden.json).to.include({
        user_id: bob,
        url: `${PUBLIC_URL}/apps/${app}/users/${encodeURIComponent(bob)}/identity`,
        display_name: "Ann",
        phone_number: null,
        email_address: null,
        metadata: null,
      });
      const account = httpClient(world.baseUrl, { token: world.directory.aToken() });
      const settings = `/accounts/apps/${app}/settings`;
      await account("PATCH", settings, { body: { shows_phone_numbers: true, shows_metadata: true } });
      const shown = await seenBy(ann, bob);
      expect(shown.json).to.deep.include({ phone_number: "+43 1", email_address: null, metadata: { tier: "gold" } });
      await account("PATCH", settings, { body: { shows_phone_numbers: false, shows_metadata: false } });
    });

    it("are whole for herself and for a backend", async () => {
      const bob = aUser(secrets);
      const whole = { phone_number: "+43 1", email_address: "b@x.example", metadata: { tier: "gold" } };
      expect((await seenBy(bob, bob)).json).to.deep.include(whole);
      expect((await send("GET", path(bob))).json).to.deep.include(whole);
    });

    it("have no fields of a user without one, and are not there for one whom nobody knows", async () => {
      const ann = aUser();
      await send("PUT", `/apps/${app}/users/${encodeURIComponent(ann)}/following/named`);
      expect((await seenBy(ann, "named")).json).to.include({ user_id: "named", display_name: null });
      expect(await seenBy(ann, "nobody")).to.have.property("status", 404);
      expect(await seenBy("nobody", ann)).to.have.property("status", 404);
    });

    it("are no endpoint in 1.x", async () => {
      for (const version of ["1.0", "1.1"] as const) {
        const reply = await send("GET", `/apps/${app}/users/ann/identities/bob`, { version });
        expect(refusalOf(reply)).to.deep.equal([404, "invalid_endpoint", undefined]);
      }
    });
  });
});
