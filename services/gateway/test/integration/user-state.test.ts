import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply, type SendOptions } from "../http-client.ts";
import { openWorld, type World } from "../world.ts";

const PATCH = "application/vnd.layer-patch+json";
const VERSIONS = ["1.0", "1.1", "2.0", "3.0"] as const;
const set = (property: string, value: unknown) => ({ operation: "set", property, value });
const refusalOf = (reply: Reply) => [reply.status, errorOf(reply).id, errorOf(reply).data];

describe("the state of a user", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway user state", env: { REQUEST_DEADLINE_MS: "10000" } });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const aUser = (): string => {
    const user = `u/${randomUUID()}`;
    world.directory.aUser(app, user, "Ann");
    return user;
  };
  const path = (user: string, rest = "") => `/apps/${app}/users/${encodeURIComponent(user)}${rest}`;
  const patch = (target: string, body: unknown, options: SendOptions = {}) =>
    send("PATCH", target, { body, headers: { "Content-Type": PATCH }, ...options });

  const appPath = () => `/apps/${app}`;

  describe("suspension", () => {
    it("is set and lifted with an empty 202, and shown with her identity, in every version", async () => {
      for (const version of VERSIONS) {
        const ann = aUser();
        for (const suspended of [true, false]) {
          const reply = await patch(path(ann), [set("suspended", suspended)], { version });
          expect([reply.status, reply.text]).to.deep.equal([202, ""]);
          const { json } = await send("GET", path(ann), { version });
          expect(json).to.deep.include({ id: ann, suspended });
          expect(json).to.have.nested.property("identity.display_name", "Ann");
        }
      }
    });

    it("comes with blocks in one patch", async () => {
      const ann = aUser();
      const body = [{ operation: "add", property: "blocks", id: "layer:///identities/bob" }, set("suspended", true)];
      expect(await patch(path(ann), body)).to.have.property("status", 202);
      const row = world.directory.userRow(app, ann);
      expect([row?.isSuspended, [...(row?.blocked ?? [])]]).to.deep.equal([true, ["bob"]]);
    });

    it("leaves what a backend does in her name as it was", async () => {
      const ann = aUser();
      await patch(path(ann), [set("suspended", true)]);
      expect(await send("GET", path(ann, "/announcements"))).to.have.property("status", 200);
    });

    it("refuses what is no patch of a user", async () => {
      const ann = aUser();
      expect(refusalOf(await patch(path(ann), [set("suspended", "yes")]))).to.deep.equal([
        422,
        "invalid_property",
        { property: "suspended" },
      ]);
      expect(refusalOf(await patch(path(ann), [set("identity", {})]))).to.deep.equal([
        422,
        "invalid_property",
        { property: "identity" },
      ]);
      expect(refusalOf(await patch(path(ann), { suspended: true }))).to.deep.equal([400, "invalid_request", undefined]);
      expect(await patch(path(ann), [])).to.have.property("status", 202);
    });

    it("is not there for a user whom nobody knows", async () => {
      for (const version of VERSIONS) {
        expect(await patch(path("nobody"), [set("suspended", true)], { version })).to.have.property("status", 404);
        expect(await send("GET", path("nobody"), { version })).to.have.property("status", 404);
      }
      expect(world.directory.hasUser(app, "nobody")).to.equal(false);
    });
  });

  describe("sessions", () => {
    it("end all at once with an empty 204", async () => {
      for (const version of VERSIONS) {
        const ann = aUser();
        const reply = await send("DELETE", path(ann, "/sessions"), { version });
        expect([reply.status, reply.text]).to.deep.equal([204, ""]);
        expect(world.directory.userRow(app, ann)?.sessionsEndedAt).to.be.a("number");
      }
      expect(await send("DELETE", path("nobody", "/sessions"))).to.have.property("status", 404);
    });

    it("are not listed: 405", async () => {
      const reply = await send("GET", path(aUser(), "/sessions"));
      expect([reply.status, reply.headers.get("allow")]).to.deep.equal([405, "DELETE"]);
    });
  });

  describe("badge", () => {
    it("shows what is unread, and what the app counts, 0 at first", async () => {
      for (const version of VERSIONS) {
        const ann = aUser();
        world.receipts.unread.set(`${app}/${ann}`, { announcements: 3, messages: 9, conversations: 2 });
        const counts = { unread_conversation_count: 2, unread_message_count: 9 };
        const before = await send("GET", path(ann, "/badge"), { version });
        expect([before.status, before.json]).to.deep.equal([200, { external_unread_count: 0, ...counts }]);
        const put = await send("PUT", path(ann, "/badge"), { version, body: { external_unread_count: 4 } });
        expect([put.status, put.json]).to.deep.equal([200, { external_unread_count: 4, ...counts }]);
        expect((await send("GET", path(ann, "/badge"), { version })).json).to.deep.equal(put.json);
      }
    });

    it("refuses what is no count, and a user whom nobody knows", async () => {
      const put = (user: string, body: unknown) => send("PUT", path(user, "/badge"), { body });
      const ann = aUser();
      const data = { property: "external_unread_count" };
      expect(refusalOf(await put(ann, {}))).to.deep.equal([422, "missing_property", data]);
      for (const count of [-1, 1.5, "4"]) {
        expect(refusalOf(await put(ann, { external_unread_count: count }))).to.deep.equal([
          422,
          "invalid_property",
          data,
        ]);
      }
      expect(await put("nobody", { external_unread_count: 1 })).to.have.property("status", 404);
      expect(await send("GET", path("nobody", "/badge"))).to.have.property("status", 404);
      const wrong = await patch(path(ann, "/badge"), []);
      expect([wrong.status, wrong.headers.get("allow")]).to.deep.equal([405, "GET, PUT"]);
    });
  });

  describe("unread", () => {
    it("is one number, which the badge shares, with what the app counts and a version", async () => {
      const ann = aUser();
      world.receipts.unread.set(`${app}/${ann}`, { announcements: 3, messages: 9, conversations: 2 });
      await send("PUT", path(ann, "/badge"), { body: { external_unread_count: 4 } });
      const counts = { announcements: 3, messages: 9, external: 4, total: 16, version: 7 };
      const unread = await send("GET", path(ann, "/unread"));
      expect([unread.status, unread.json]).to.deep.equal([200, counts]);
      const reconciled = await send("POST", path(ann, "/unread/reconcile"));
      expect([reconciled.status, reconciled.json]).to.deep.equal([
        200,
        { before: { announcements: 9 }, after: counts },
      ]);
    });

    it("is 404 for a user whom nobody knows", async () => {
      expect(refusalOf(await send("GET", path("nobody", "/unread")))[1]).to.equal("not_found");
      expect(refusalOf(await send("POST", path("nobody", "/unread/reconcile")))[1]).to.equal("not_found");
    });
  });

  describe("deletion", () => {
    it("is accepted with an empty 202; from then on nobody knows her, here or at other gateways", async () => {
      const ann = aUser();
      expect(await send("GET", path(ann, "/devices"))).to.have.property("status", 200);
      const reply = await send("DELETE", path(ann));
      expect([reply.status, reply.text]).to.deep.equal([202, ""]);
      for (const rest of ["", "/devices", "/identity", "/badge", "/blocks", "/following", "/announcements"]) {
        expect(await send("GET", path(ann, rest)), rest).to.have.property("status", 404);
      }
      expect(await send("DELETE", path(ann))).to.have.property("status", 404);
      expect(await send("POST", path(ann, "/identity"), { body: { display_name: "Ann" } })).to.include({ status: 201 });
    });

    it("is heard where another gateway did it", async () => {
      const ann = aUser();
      expect(await send("GET", path(ann, "/devices"))).to.have.property("status", 200);
      await world.directory.forget(app, ann);
      await eventually(async () => (await send("GET", path(ann, "/devices"))).status, 404);
    });
  });

  describe("the app", () => {
    it("shows the session TTL, and takes another one with an empty 202", async () => {
      for (const [index, version] of VERSIONS.entries()) {
        const seconds = 3_600 + index;
        const reply = await patch(appPath(), [set("session_ttl_in_seconds", seconds)], { version });
        expect([reply.status, reply.text]).to.deep.equal([202, ""]);
        const { status, json } = await send("GET", appPath(), { version });
        expect([status, json]).to.deep.equal([
          200,
          { id: `layer:///apps/production/${app}`, session_ttl_in_seconds: seconds },
        ]);
      }
      expect(await patch(appPath(), [])).to.have.property("status", 202);
    });

    it("refuses a TTL below 30 s or above a year, and everything else", async () => {
      for (const value of [29, 31_536_001, "60", null]) {
        const reply = await patch(appPath(), [set("session_ttl_in_seconds", value)]);
        expect(refusalOf(reply)).to.deep.equal([422, "invalid_property", { property: "session_ttl_in_seconds" }]);
      }
      expect(refusalOf(await patch(appPath(), [set("name", "x")]))).to.deep.equal([
        422,
        "invalid_property",
        { property: "name" },
      ]);
      expect(refusalOf(await patch(appPath(), {}))).to.deep.equal([400, "invalid_request", undefined]);
    });
  });
});

describe("settings of an app", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway settings", env: { REQUEST_DEADLINE_MS: "10000" } });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken() });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (appId = app) => `/accounts/apps/${appId}/settings`;
  const defaults = {
    session_ttl_in_seconds: 2_592_000,
    max_participants: 250,
    max_conversation_metadata_bytes: 2_048,
    max_announcement_recipients: 100_000,
    max_audience_users: 10_000_000,
    max_parts_per_message: 1_000,
    announcement_retention: { default_days: null, categories: {} },
    shows_phone_numbers: false,
    shows_email_addresses: false,
    shows_metadata: false,
    badge_counting: "messages",
    badge_with_announcements: true,
    allowed_origins: [],
  };

  it("are the defaults at first, and change only where they are named", async () => {
    const before = await send("GET", path());
    expect([before.status, before.json]).to.deep.equal([200, defaults]);
    const named = {
      max_participants: 25,
      shows_metadata: true,
      badge_counting: "off",
      badge_with_announcements: false,
      allowed_origins: ["https://chat.example.com"],
    };
    const body = { ...named, max_parts_per_message: null, unknown: 1 };
    const changed = await send("PATCH", path(), { body });
    expect([changed.status, changed.json]).to.deep.equal([200, { ...defaults, ...named }]);
    expect((await send("GET", path())).json).to.deep.equal(changed.json);
    expect((await send("PATCH", path(), { body: {} })).json).to.deep.equal(changed.json);
  });

  it("keep announcements by their category", async () => {
    const own = world.directory.anApp();
    const announcement_retention = { default_days: 365, categories: { offers: 30 } };
    const { json } = await send("PATCH", path(own), { body: { announcement_retention } });
    expect(json).to.deep.equal({ ...defaults, announcement_retention });
    expect((await send("GET", path(own))).json).to.deep.equal(json);
    for (const [wrong, property] of [
      [{ default_days: 0, categories: {} }, "announcement_retention.default_days"],
      [{ default_days: null, categories: { offers: 4_000 } }, "announcement_retention.categories.offers"],
      [{ default_days: 1 }, "announcement_retention.categories"],
    ] as const) {
      const reply = await send("PATCH", path(own), { body: { announcement_retention: wrong } });
      expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
    }
  });

  it("name a value that cannot be", async () => {
    const bad: readonly [string, unknown][] = [
      ["session_ttl_in_seconds", 29],
      ["max_participants", 1_001],
      ["max_conversation_metadata_bytes", 1],
      ["max_announcement_recipients", 0],
      ["max_parts_per_message", 1.5],
      ["shows_phone_numbers", "yes"],
      ["announcement_retention", 30],
      ["badge_counting", "everything"],
      ["badge_with_announcements", "yes"],
      ["allowed_origins", "https://chat.example.com"],
    ];
    for (const [property, value] of bad) {
      const reply = await send("PATCH", path(), { body: { [property]: value } });
      expect(refusalOf(reply)).to.deep.equal([422, "invalid_property", { property }]);
    }
    expect(refusalOf(await send("PATCH", path(), { body: [] }))).to.deep.equal([400, "invalid_request", undefined]);
  });

  it("are there for the app's own account only", async () => {
    const foreign = world.directory.anApp({ account: "another" });
    for (const appId of [foreign, randomUUID(), "none"]) {
      expect(await send("GET", path(appId))).to.have.property("status", 404);
      expect(await send("PATCH", path(appId), { body: {} })).to.have.property("status", 404);
    }
    const token = world.directory.aToken({ app });
    expect(await send("GET", path(), { token })).to.have.property("status", 403);
  });
});
