import { randomUUID } from "node:crypto";
import { DEFAULT_PUSH_POLICY } from "@strata/contracts";
import { expect } from "chai";
import { pushPolicyView } from "../../src/domain/push-policy.ts";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const refusalOf = (reply: Reply) => [reply.status, errorOf(reply).id, Object(errorOf(reply).data)["property"]];

const explanation = {
  decision: "wait",
  policy: "quiet_hours",
  until: Date.UTC(2026, 0, 2, 7),
  category: "offers",
  timeZone: "Europe/Vienna",
  devices: 2,
  checks: [
    { policy: "suspended", decision: "send", detail: "She is not" },
    { policy: "quiet_hours", decision: "wait", detail: "Until 08:00" },
  ],
} as const;

describe("what decides over pushes", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway push policy", env: PATIENT });
  });
  after(() => world[Symbol.asyncDispose]());
  beforeEach(() => {
    app = world.directory.anApp();
    world.directory.aUser(app, "ann", "Ann");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });

  const policyPath = () => `/apps/${app}/push_policy`;
  const userPath = (rest: string, user = "ann") => `/apps/${app}/users/${user}/${rest}`;

  describe("an app's policy", () => {
    it("is that of before any until it is set, as a whole", async () => {
      const before = await send("GET", policyPath());
      expect(before.json).to.deep.equal(pushPolicyView(DEFAULT_PUSH_POLICY));
      const wanted = {
        quiet_hours: { from: "22:00", to: "08:00" },
        fallback_time_zone: "Europe/Berlin",
        categories: { offers: { user_choice: "must_opt_in", frequency_cap: { max_pushes: 1, per_hours: 24 } } },
      };
      const set = await send("PUT", policyPath(), { body: wanted });
      expect([set.status, set.json]).to.deep.equal([200, { ...Object(before.json), ...wanted }]);
      expect((await send("GET", policyPath())).json).to.deep.equal(set.json);
      expect(world.push.policies.policies.get(app)?.categories).to.deep.equal({
        offers: { choice: "off", cap: { pushes: 1, hours: 24 } },
      });
      // What a PUT leaves out is not set.
      expect((await send("PUT", policyPath(), { body: {} })).json).to.deep.equal(before.json);
    });

    it("changes by PATCH in what it names alone", async () => {
      await send("PUT", policyPath(), {
        body: { quiet_hours: { from: "22:00", to: "08:00" }, categories: { news: {} } },
      });
      const body = { categories: { offers: { delay_seconds: 30 } }, category_defaults: { skip_if_online: true } };
      const { json } = await send("PATCH", policyPath(), { body });
      expect(json).to.deep.include({
        quiet_hours: { from: "22:00", to: "08:00" },
        categories: { news: {}, offers: { delay_seconds: 30 } },
      });
      expect(json).to.have.nested.property("category_defaults.skip_if_online", true);
    });

    it("is refused by name in what is wrong, and stays as it was", async () => {
      for (const method of ["PUT", "PATCH"]) {
        const wrong = { categories: { offers: { in_quiet_hours: "sometimes" } } };
        expect(refusalOf(await send(method, policyPath(), { body: wrong }))).to.deep.equal([
          422,
          "invalid_property",
          "categories.offers.in_quiet_hours",
        ]);
        expect(await send(method, policyPath(), { raw: "[]" })).to.have.property("status", 400);
      }
      expect(world.push.policies.policies.has(app)).to.equal(false);
    });

    it("is not for who may only read", async () => {
      const reader = world.directory.aToken({ app, scopes: ["app:read"] });
      expect(await send("GET", policyPath(), { token: reader })).to.have.property("status", 200);
      for (const method of ["PUT", "PATCH"]) {
        expect(await send(method, policyPath(), { token: reader, body: {} })).to.have.property("status", 403);
      }
    });
  });

  describe("a user's preferences", () => {
    it("are nothing until she says something, and show what that comes to", async () => {
      await send("PUT", policyPath(), { body: { categories: { offers: { user_choice: "must_opt_in" }, news: {} } } });
      const none = await send("GET", userPath("push_preferences"));
      const unnamed = { announcements: true, messages: true, notifications: true };
      expect(none.json).to.deep.equal({
        categories: {},
        quiet_hours: null,
        time_zone: null,
        muted_until: null,
        effective: { categories: { ...unnamed, news: true, offers: false }, quiet_hours: null },
      });
      const body = { categories: { news: false, offers: true }, time_zone: "Asia/Tokyo" };
      const changed = await send("PATCH", userPath("push_preferences"), { body });
      expect(changed.json).to.deep.include({ ...body, muted_until: null });
      expect(changed.json).to.have.nested.property("effective.categories.news", false);
      const later = { categories: { news: null }, muted_until: "2026-12-01T09:00:00.000Z" };
      const again = await send("PATCH", userPath("push_preferences"), { body: later });
      expect(again.json).to.deep.include({
        categories: { offers: true },
        time_zone: "Asia/Tokyo",
        muted_until: later.muted_until,
      });
      expect((await send("GET", userPath("push_preferences"))).json).to.deep.equal(again.json);
    });

    it("cannot be to do without what nobody may miss", async () => {
      await send("PUT", policyPath(), { body: { categories: { security: { user_choice: "none" } } } });
      const opting = (said: boolean) =>
        send("PATCH", userPath("push_preferences"), { body: { categories: { security: said } } });
      expect(refusalOf(await opting(false))).to.deep.equal([422, "invalid_property", "categories.security"]);
      expect(world.push.policies.preferences.has(`${app}/ann`)).to.equal(false);
      expect(await opting(true)).to.have.property("status", 200);
    });

    it("are nobody's whom nobody knows", async () => {
      for (const method of ["GET", "PATCH"]) {
        const reply = await send(method, userPath("push_preferences", "nobody"), method === "GET" ? {} : { body: {} });
        expect(refusalOf(reply)).to.deep.equal([404, "not_found", undefined]);
      }
      expect(world.push.policies.preferences.has(`${app}/nobody`)).to.equal(false);
    });
  });

  const ask = (query: string, user = "ann") => send("GET", userPath(`push_explanation${query}`, user));
  const known = (key: string) =>
    world.push.policies.explanations.set(key, structuredClone({ ...explanation, checks: [...explanation.checks] }));
  const asked = () => {
    const { userId, ...question } = world.push.policies.questions.at(-1) ?? { userId: null };
    expect(userId).to.equal("ann");
    return question;
  };

  describe("an explanation", () => {
    it("is of an announcement, by UUID or URI, or of a message, and says what push-delivery says", async () => {
      const [announcement, message] = [randomUUID(), randomUUID()];
      known(announcement);
      known(message);
      for (const id of [announcement, `layer:///announcements/${announcement}`]) {
        const reply = await ask(`?announcement_id=${encodeURIComponent(id)}`);
        expect([reply.status, reply.json]).to.deep.equal([
          200,
          {
            user_id: "ann",
            decision: "wait",
            policy: "quiet_hours",
            until: "2026-01-02T07:00:00.000Z",
            category: "offers",
            time_zone: "Europe/Vienna",
            devices: 2,
            checks: explanation.checks,
          },
        ]);
        const subject = { kind: "announcement", id: announcement };
        expect(asked()).to.deep.equal({ subject, category: null, isUrgent: false });
      }
      expect(await ask(`?message_id=${message}`)).to.have.property("status", 200);
      expect(asked()).to.deep.equal({ subject: { kind: "message", id: message }, category: null, isUrgent: false });
    });

    it("is of any push of a category, before there is one", async () => {
      known("offers");
      expect(await ask("?category=offers&urgent=true")).to.have.property("status", 200);
      expect(asked()).to.deep.equal({
        subject: { kind: "announcement", id: null },
        category: "offers",
        isUrgent: true,
      });
      await ask("?category=offers&kind=notification&urgent=false");
      expect(asked()).to.deep.equal({
        subject: { kind: "notification", id: null },
        category: "offers",
        isUrgent: false,
      });
      known("");
      await ask("?kind=message");
      expect(asked()).to.deep.equal({ subject: { kind: "message", id: null }, category: null, isUrgent: false });
    });

    it("is not there of an announcement, a message or a user that there are not", async () => {
      const id = randomUUID();
      for (const query of [`?announcement_id=${id}`, `?message_id=${id}`, "?announcement_id=x", "?message_id=x"]) {
        expect(refusalOf(await ask(query)), query).to.deep.equal([404, "not_found", undefined]);
      }
      known(id);
      expect(refusalOf(await ask(`?announcement_id=${id}`, "nobody"))).to.deep.equal([404, "not_found", undefined]);
    });

    it("refuses what does not go together, by name", async () => {
      const id = randomUUID();
      known(id);
      for (const [query, property] of [
        [`?announcement_id=${id}&message_id=${id}`, "message_id"],
        [`?announcement_id=${id}&category=offers`, "category"],
        [`?message_id=${id}&kind=message`, "kind"],
        [`?announcement_id=${id}&urgent=true`, "urgent"],
        ["?kind=mail", "kind"],
        ["?urgent=yes", "urgent"],
        [`?category=${"c".repeat(65)}`, "category"],
        ["?category=a&category=b", "category"],
      ] as const) {
        expect(refusalOf(await ask(query)), query).to.deep.equal([422, "invalid_property", property]);
      }
    });
  });
});
