import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, member, uuidOf } from "./support/api-client.ts";
import { identityId, openWorld, textPart, type World } from "./support/world.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

/** Extensions: what decides over pushes, and what says so. */
export function pushPolicies(world: () => World): void {
  /** An app of its own: a policy holds for all of one. */
  const anApp = () => openWorld(world().platform);
  const patch = ({ api }: World, path: string, body: unknown) => api("PATCH", path, { body, headers: JSON_TYPE });
  const preferences = (user: string) => `/users/${user}/push_preferences`;
  const explain = async ({ api }: World, user: string, query = "") =>
    expectStatus(await api("GET", `/users/${user}/push_explanation${query}`), 200).json;
  const announce = async ({ api }: World, user: string, sender: string, extra = {}) => {
    const body = { recipients: [identityId(user)], sender_id: identityId(sender), parts: [textPart("x")], ...extra };
    return uuidOf(expectStatus(await api("POST", "/announcements", { body }), 202).json);
  };

  describe("an app's push policy", () => {
    it("is set, changed and read, and no other app's", async () => {
      const [one, other] = [await anApp(), await anApp()];
      const quiet = { from: "22:00", to: "08:00" };
      const offers = { user_choice: "must_opt_in", frequency_cap: { max_pushes: 1, per_hours: 24 } };
      const put = await one.api("PUT", "/push_policy", { body: { quiet_hours: quiet, categories: { offers } } });
      expect(expectStatus(put, 200).json).to.deep.include({ quiet_hours: quiet, categories: { offers } });
      expect(expectStatus(await one.api("GET", "/push_policy"), 200).json).to.deep.equal(put.json);
      const changed = await patch(one, "/push_policy", { quiet_hours: null, categories: { "a.b$": {} } });
      const expected = { ...Object(put.json), quiet_hours: null, categories: { offers, "a.b$": {} } };
      expect(expectStatus(changed, 200).json).to.deep.equal(expected);
      expect(expectStatus(await one.api("GET", "/push_policy"), 200).json).to.deep.equal(expected);
      const untouched = expectStatus(await other.api("GET", "/push_policy"), 200).json;
      expect(untouched).to.deep.include({ quiet_hours: null, frequency_cap: null, categories: {} });
    });

    it("is refused by the property that is wrong", async () => {
      const { api } = world();
      const put = (body: unknown) => api("PUT", "/push_policy", { body });
      expectError(await put([]), "invalid_request");
      expectError(await put({ fallback_time_zone: "Europe/Nowhere" }), "invalid_property", "fallback_time_zone");
      expectError(await put({ quiet_hours: { from: "22:00" } }), "invalid_property", "quiet_hours.to");
      const typo = { category_defaults: { dely_seconds: 1 } };
      expectError(await put(typo), "invalid_property", "category_defaults.dely_seconds");
      expectError(await patch(world(), "/push_policy", typo), "invalid_property", "category_defaults.dely_seconds");
    });
  });

  describe("a user's push preferences", () => {
    it("are set piece by piece, and come to something under the policy", async () => {
      const app = await anApp();
      const [ann = ""] = await app.users(1);
      const categories = { offers: { user_choice: "must_opt_in" }, security: { user_choice: "none" } };
      expectStatus(await app.api("PUT", "/push_policy", { body: { categories } }), 200);
      const path = preferences(ann);
      expectError(
        await patch(app, path, { categories: { security: false } }),
        "invalid_property",
        "categories.security",
      );
      expectError(await patch(app, path, { time_zone: "+02:00" }), "invalid_property", "time_zone");
      expectError(await patch(app, path, { muted_until: "later" }), "invalid_property", "muted_until");
      expectStatus(
        await patch(app, path, { categories: { offers: true, "a.b": false }, time_zone: "Asia/Tokyo" }),
        200,
      );
      const until = "2030-01-01T00:00:00.000Z";
      const { json } = expectStatus(await patch(app, path, { categories: { "a.b": null }, muted_until: until }), 200);
      expect(json).to.deep.include({ categories: { offers: true }, time_zone: "Asia/Tokyo", muted_until: until });
      const effective = member(member(json, "effective"), "categories");
      expect(effective).to.include({ offers: true, security: true, announcements: true });
      expect(expectStatus(await app.api("GET", path), 200).json).to.deep.equal(json);
    });

    it("are nobody's whom nobody knows, and go with her when she is forgotten", async () => {
      const app = await anApp();
      const nobody = preferences(app.newUserId());
      expectError(await app.api("GET", nobody), "not_found");
      expectError(await patch(app, nobody, { categories: { offers: false } }), "not_found");
      const [ann = ""] = await app.users(1);
      expectStatus(await patch(app, preferences(ann), { categories: { offers: false } }), 200);
      expectStatus(await app.api("DELETE", `/users/${ann}`), 202);
      await eventually(async () => (await app.api("GET", preferences(ann))).status, 404);
      // She comes back as somebody new.
      expectStatus(await app.api("POST", `/users/${ann}/identity`, { body: { display_name: "Ann" } }), 201);
      await eventually(async () => member((await app.api("GET", preferences(ann))).json, "categories"), {});
    });
  });

  describe("an explanation of a push", () => {
    it("says which policy decides, for whom, and until when", async () => {
      const app = await anApp();
      const [ann = ""] = await app.users(1);
      expect(await explain(app, ann)).to.deep.include({ decision: "send", policy: null, until: null, devices: 0 });
      const device = { platform: "ios", kind: "fcm_token", token: randomUUID(), time_zone: "Asia/Tokyo" };
      expectStatus(await app.api("PUT", `/users/${ann}/devices/phone`, { body: device }), 200);
      const hour = (ahead: number) => new Date(Date.now() + (9 + ahead) * 3_600_000).toISOString().slice(11, 14);
      const quiet = { from: `${hour(-1)}00`, to: `${hour(2)}00` };
      expectStatus(await app.api("PUT", "/push_policy", { body: { quiet_hours: quiet } }), 200);
      const decides = (policy: string | null, query = "") =>
        eventually(async () => member(await explain(app, ann, query), "policy"), policy);
      await decides("quiet_hours");
      const waiting = await explain(app, ann);
      expect(waiting).to.deep.include({
        decision: "wait",
        category: "announcements",
        time_zone: "Asia/Tokyo",
        devices: 1,
      });
      expect(Date.parse(String(member(waiting, "until")))).to.be.above(Date.now());
      // What is urgent is not held up.
      await decides(null, "?urgent=true");
      expectStatus(await patch(app, preferences(ann), { categories: { offers: false } }), 200);
      await decides("opted_out", "?category=offers&kind=notification");
      expectStatus(await patch(app, preferences(ann), { muted_until: "2090-01-01T00:00:00Z" }), 200);
      await decides("muted", "?kind=notification");
      await decides(null, "?kind=notification&urgent=true");
      const suspension = [{ operation: "set", property: "suspended", value: true }];
      expectStatus(await app.api("PATCH", `/users/${ann}`, { body: suspension }), 202);
      await decides("suspended", "?category=offers");
    });

    it("is of an announcement or a message with all it says of itself", async () => {
      const app = await anApp();
      const [ann = "", bob = ""] = await app.users(2);
      const conversation = await app.conversation([ann, bob]);
      const message = await app.message(conversation, bob);
      const announcement = await announce(app, ann, bob, { category: "offers" });
      expect(await explain(app, ann, `?announcement_id=${announcement}`)).to.include({ category: "offers" });
      expect(await explain(app, ann, `?message_id=${message}`)).to.include({ decision: "send", category: "messages" });
      expectStatus(await app.api("POST", `/users/${ann}/blocks`, { version: "1.0", body: { user_id: bob } }), 204);
      const query = `?announcement_id=${announcement}`;
      await eventually(async () => member(await explain(app, ann, query), "policy"), "blocked");
    });

    it("is not there of what there is not, and of nothing that is another app's", async () => {
      const [one, other] = [await anApp(), await anApp()];
      const [ann = ""] = await one.users(1);
      const [bob = ""] = await other.users(1);
      const announcement = await announce(other, bob, bob);
      const conversation = await other.conversation([bob]);
      const message = await other.message(conversation, bob);
      const path = (user: string, query: string) => `/users/${user}/push_explanation${query}`;
      for (const query of [
        `?announcement_id=${announcement}`,
        `?message_id=${message}`,
        `?announcement_id=${randomUUID()}`,
        `?message_id=${randomUUID()}`,
      ]) {
        expectError(await one.api("GET", path(ann, query)), "not_found");
      }
      expectError(await one.api("GET", path(one.newUserId(), "")), "not_found");
      expectError(await one.api("GET", path(ann, "?urgent=perhaps")), "invalid_property", "urgent");
    });
  });
}
