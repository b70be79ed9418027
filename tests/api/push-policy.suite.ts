import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, member } from "./support/api-client.ts";
import { openWorld, type World } from "./support/world.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

/** Extensions: what decides over pushes, and what says so. */
export function pushPolicies(world: () => World): void {
  /** An app of its own: a policy holds for all of one. */
  const anApp = () => openWorld(world().platform);
  const patch = ({ api }: World, path: string, body: unknown) => api("PATCH", path, { body, headers: JSON_TYPE });
  const preferences = (user: string) => `/users/${user}/push_preferences`;

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
}
