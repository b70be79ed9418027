import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, list, member, uuidOf } from "./support/api-client.ts";
import { identityId, openWorld, type World } from "./support/world.ts";

const MERGE = "application/json";

/** Extensions: where users are, and filters under a name. */
export function audiences(world: () => World): void {
  const location = (user: string) => `/users/${user}/location`;
  const here = { latitude: 48.2, longitude: 16.37 };

  describe("a user's location", () => {
    it("is set, read and forgotten; only the last one is kept", async () => {
      const [ann = ""] = await world().users(1);
      const { api } = world();
      expectError(await api("GET", location(ann)), "not_found");
      const first = { ...here, at: "2026-01-02T03:04:05.000Z" };
      expect(expectStatus(await api("PUT", location(ann), { body: first }), 200).json).to.deep.equal(first);
      const earlier = { latitude: 0, longitude: 0, at: "2025-01-02T03:04:05Z" };
      expect(expectStatus(await api("PUT", location(ann), { body: earlier }), 200).json).to.deep.equal(first);
      expect(expectStatus(await api("GET", location(ann)), 200).json).to.deep.equal(first);
      expect(expectStatus(await api("PUT", location(ann), { body: here }), 200).json).to.deep.include(here);
      expectStatus(await api("DELETE", location(ann)), 204);
      expectError(await api("GET", location(ann)), "not_found");
    });

    it("is nobody's whom nobody knows", async () => {
      const nobody = location(world().newUserId());
      expectError(await world().api("PUT", nobody, { body: here }), "not_found");
      expectError(await world().api("GET", nobody), "not_found");
      expectError(await world().api("DELETE", nobody), "not_found");
    });

    it("refuses what is no place on earth, by name", async () => {
      const [ann = ""] = await world().users(1);
      const put = (body: unknown) => world().api("PUT", location(ann), { body });
      expectError(await put([]), "invalid_request");
      expectError(await put({ latitude: 1 }), "missing_property", "longitude");
      expectError(await put({ ...here, latitude: 91 }), "invalid_property", "latitude");
      expectError(await put({ ...here, longitude: "16" }), "invalid_property", "longitude");
      expectError(await put({ ...here, at: "2999-01-01T00:00:00Z" }), "invalid_property", "at");
    });
  });

  describe("a segment", () => {
    const aName = () => `Segment ${randomUUID()}`;
    const tier = (value: string) => ({ field: "metadata.tier", eq: value });
    const create = (body: unknown, headers = {}) => world().api("POST", "/segments", { body, headers });

    it("is created, read, changed and deleted", async () => {
      const { api, base } = world();
      const name = aName();
      const filter = {
        and: [tier("gold"), { within: { circle: { ...here, radius_meters: 500 } }, max_age_seconds: 60 }],
      };
      const { json } = expectStatus(await create({ name, filter }), 201);
      const id = uuidOf(json);
      expect(json).to.deep.include({ id: `layer:///segments/${id}`, url: `${base}/segments/${id}`, name, filter });
      expect(expectStatus(await api("GET", `/segments/${id}`), 200).json).to.deep.equal(json);
      const other = { field: "created_at", gt: "now-7d" };
      const changed = await api("PATCH", `/segments/${id}`, {
        body: { filter: other },
        headers: { "Content-Type": MERGE },
      });
      expect(expectStatus(changed, 200).json).to.deep.include({ name, filter: other });
      expectStatus(await api("DELETE", `/segments/${id}`), 204);
      for (const method of ["GET", "DELETE"]) expectError(await api(method, `/segments/${id}`), "not_found");
      for (const rest of ["/count", "/users"]) expectError(await api("GET", `/segments/${id}${rest}`), "not_found");
      const late = await api("PATCH", `/segments/${id}`, { body: { name }, headers: { "Content-Type": MERGE } });
      expectError(late, "not_found");
      expectError(await api("GET", "/segments/nonsense"), "not_found");
    });

    it("is created once under an id, and its name is its own", async () => {
      const [name, id] = [aName(), randomUUID()];
      const wanted = { name, filter: tier("gold") };
      const { json } = expectStatus(await create(wanted, { "If-None-Match": `"${id}"` }), 201);
      expect(uuidOf(json)).to.equal(id);
      const again = await create({ ...wanted, name: aName() }, { "If-None-Match": `"${id}"` });
      expectError(again, "id_in_use");
      expect(member(again.json, "data")).to.deep.equal(json);
      expectError(await create(wanted), "conflict");
      const key = { "Idempotency-Key": randomUUID() };
      const keyed = { ...wanted, name: aName() };
      const first = expectStatus(await create(keyed, key), 201).json;
      expect(expectStatus(await create(keyed, key), 201).json).to.deep.equal(first);
      expectError(await create({ ...keyed, filter: tier("silver") }, key), "invalid_operation");
    });

    it("has those users whom its filter means, page by page, and counts them", async () => {
      const other = await openWorld(world().platform);
      const users = await other.users(7);
      const gold = users.slice(0, 5);
      for (const user of gold) {
        const body = { display_name: user, metadata: { tier: "gold", "a.$b": "1" } };
        expectStatus(await other.api("PUT", `/users/${user}/identity`, { body }), 204);
      }
      const filter = { and: [tier("gold"), { field: "metadata.a.$b", starts_with: "1" }] };
      const segment = `/segments/${uuidOf(expectStatus(await other.api("POST", "/segments", { body: { name: "Gold", filter } }), 201).json)}`;
      expect(expectStatus(await other.api("GET", `${segment}/count`), 200).json).to.deep.equal({ count: 5 });
      const found: string[] = [];
      for (let page: readonly unknown[] = [null]; page.length > 0;) {
        const from = found.length === 0 ? "" : `&from_id=${encodeURIComponent(found.at(-1) ?? "")}`;
        page = list(expectStatus(await other.api("GET", `${segment}/users?page_size=2${from}`), 200).json);
        found.push(...page.map(String));
      }
      expect(found).to.have.members(gold.map(identityId));
      const bare = await other.api("GET", `${segment}/users`, { version: "1.0" });
      expect(expectStatus(bare, 200).json).to.have.members(gold);
      await eventually(
        async () => expectStatus(await other.api("GET", "/segments"), 200).headers.get("layer-count"),
        "1",
      );
      // It is no other app's.
      for (const path of [segment, `${segment}/count`, `${segment}/users`]) {
        expectError(await world().api("GET", path), "not_found");
      }
      expectError(await world().api("GET", `/segments?from_id=${segment.slice("/segments/".length)}`), "not_found");
    });

    it("finds users by their devices and where they are", async () => {
      const other = await openWorld(world().platform);
      const [ann = "", bob = ""] = await other.users(2);
      await other.api("PUT", `/users/${ann}/location`, { body: here });
      const device = { platform: "ios", kind: "fcm_token", token: randomUUID(), app_version: "9.9", locale: "de_AT" };
      expectStatus(await other.api("PUT", `/users/${bob}/devices/phone`, { body: device }), 200);
      const countOf = async (filter: unknown) => {
        const { json } = expectStatus(await other.api("POST", "/segments", { body: { name: aName(), filter } }), 201);
        return async () => member((await other.api("GET", `/segments/${uuidOf(json)}/count`)).json, "count");
      };
      const near = await countOf({ within: { circle: { ...here, radius_meters: 100 } }, max_age_seconds: 3_600 });
      expect(await near()).to.equal(1);
      const old = await countOf({
        and: [
          { field: "app_version", lt: "10.2" },
          { field: "locale", eq: "de-AT" },
        ],
      });
      await eventually(old, 1);
    });

    it("refuses what is no filter, and says where", async () => {
      const refused = async (
        filter: unknown,
        path: string,
        id: "invalid_property" | "missing_property" = "invalid_property",
      ) => expectError(await create({ name: aName(), filter }), id, path);
      await refused({ and: [tier("gold"), { field: "user_id", $gt: "" }] }, "filter.and[1].$gt");
      await refused({ field: "user_id", eq: { $gt: "" } }, "filter.eq");
      await refused({ field: "shoe_size", eq: "1" }, "filter.field");
      await refused(
        { within: { circle: { ...here, latitude: -91, radius_meters: 1 } } },
        "filter.within.circle.latitude",
      );
      await refused({ within: { circle: here } }, "filter.within.circle.radius_meters", "missing_property");
      const corner = (latitude: number, longitude: number) => ({ latitude, longitude });
      await refused(
        { within: { polygon: [corner(0, 0), corner(1, 1), corner(1, 0), corner(0, 1)] } },
        "within.polygon",
      );
      await refused({ and: Array.from({ length: 51 }, () => tier("gold")) }, "filter");
      expectError(await create({ filter: tier("gold") }), "missing_property", "name");
      expectError(await create([]), "invalid_request");
    });
  });
}
