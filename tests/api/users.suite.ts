import { eventually } from "@strata/testing";
import { expect } from "chai";
import { BARE, expectError, expectStatus, idsOf, list, member, type Version, VERSIONS } from "./support/api-client.ts";
import { identityId, textPart, type World } from "./support/world.ts";

/** Section 10 but for blocks. */
export function users(world: () => World): void {
  const call = (method: string, user: string, path: string, options: object = {}) =>
    world().api(method, `/users/${user}${path}`, options);

  describe("identities (section 10.1)", () => {
    const full = {
      display_name: "Ann",
      avatar_url: "https://example.com/a.png",
      first_name: "A",
      last_name: "N",
      phone_number: "+1",
      email_address: "a@example.com",
      public_key: "key",
      identity_type: "bot",
      metadata: { level: "9" },
    };
    const view = async (user: string, version: Version = "3.0") =>
      expectStatus(await call("GET", user, "/identity", { version }), 200).json;

    for (const version of VERSIONS) {
      it(`is created by POST with 201 and no body, and shown in version ${version}`, async () => {
        const user = world().newUserId();
        const reply = expectStatus(
          await call("POST", user, "/identity", { version, body: { ...full, user_id: user } }),
          201,
        );
        expect(reply.text).to.equal("");
        const { identity_type: type, ...fields } = full;
        expect(await view(user, version)).to.deep.equal({
          ...fields,
          user_id: user,
          ...(version.startsWith("1.")
            ? {}
            : { id: identityId(user), url: `${world().base}/users/${user}/identity`, identity_type: type }),
        });
        expectError(await call("POST", user, "/identity", { version, body: full }), "conflict");
      });
    }

    it("shows what is not set as null", async () => {
      const user = world().newUserId();
      await call("POST", user, "/identity", { body: { display_name: "x" } });
      expect(await view(user)).to.include({ avatar_url: null, first_name: null, last_name: null, phone_number: null });
      expect(await view(user)).to.include({ email_address: null, public_key: null, identity_type: "user" });
    });

    it("is replaced by PUT, which clears what it leaves out", async () => {
      const [user = ""] = await world().users(1);
      await call("PUT", user, "/identity", { body: full });
      expect(expectStatus(await call("PUT", user, "/identity", { body: { display_name: "New" } }), 204).text).to.equal(
        "",
      );
      expect(await view(user)).to.include({ display_name: "New", avatar_url: null, identity_type: "user" });
      expectError(
        await call("PUT", user, "/identity", { body: { first_name: "x" } }),
        "missing_property",
        "display_name",
      );
    });

    it("is changed by Layer-Patch, all of it or nothing", async () => {
      const [user = ""] = await world().users(1);
      const patch = (body: unknown) => call("PATCH", user, "/identity", { body });
      expectStatus(
        await patch([
          { operation: "set", property: "display_name", value: "Other" },
          { operation: "set", property: "first_name", value: "F" },
          { operation: "set", property: "metadata.a", value: "1" },
          { operation: "set", property: "metadata.b", value: "2" },
        ]),
        204,
      );
      expectStatus(await patch([{ operation: "delete", property: "metadata.a" }]), 204);
      expect(await view(user)).to.deep.include({ display_name: "Other", first_name: "F", metadata: { b: "2" } });
      expectStatus(await patch([{ operation: "set", property: "metadata", value: { c: "3" } }]), 204);
      expect(member(await view(user), "metadata")).to.deep.equal({ c: "3" });
      const good = { operation: "set", property: "last_name", value: "L" };
      for (const [property, value] of [
        ["id", "x"],
        ["url", "x"],
        ["user_id", "x"],
        ["nonsense", "x"],
        ["display_name", null],
        ["display_name", "x".repeat(129)],
        ["metadata.c", 7],
        ["identity_type", "cyborg"],
      ] as const) {
        expectError(await patch([good, { operation: "set", property, value }]), "invalid_property", property);
      }
      expect(member(await view(user), "last_name")).to.equal(null);
    });

    it("keeps the limits of every field", async () => {
      const limits = {
        display_name: 128,
        avatar_url: 1_024,
        first_name: 128,
        last_name: 128,
        phone_number: 32,
        email_address: 255,
      };
      for (const [field, max] of Object.entries(limits)) {
        const body = (length: number) => ({ display_name: "x", [field]: "y".repeat(length) });
        expectError(
          await call("POST", world().newUserId(), "/identity", { body: body(max + 1) }),
          "invalid_property",
          field,
        );
        expectStatus(await call("POST", world().newUserId(), "/identity", { body: body(max) }), 201);
      }
      const metadata = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, "v"]));
      const body = (keys: number) => ({ display_name: "x", metadata: metadata(keys) });
      expectError(
        await call("POST", world().newUserId(), "/identity", { body: body(17) }),
        "invalid_property",
        "metadata",
      );
      const user = world().newUserId();
      expectStatus(await call("POST", user, "/identity", { body: body(16) }), 201);
      const more = [{ operation: "set", property: "metadata.more", value: "x" }];
      expectError(await call("PATCH", user, "/identity", { body: more }), "invalid_property", "metadata");
      expectError(
        await call("POST", world().newUserId(), "/identity", { body: {} }),
        "missing_property",
        "display_name",
      );
      expect((await call("POST", "x".repeat(129), "/identity", { body: { display_name: "x" } })).status).to.equal(422);
    });

    it("is 404 for who has none, for each verb but POST", async () => {
      const user = world().newUserId();
      expectError(await call("GET", user, "/identity"), "not_found");
      expectError(await call("PUT", user, "/identity", { body: { display_name: "x" } }), "not_found");
      expectError(await call("PATCH", user, "/identity", { body: [] }), "not_found");
      expectError(await call("DELETE", user, "/identity"), "not_found");
    });

    it("is deleted without taking conversations and messages along, and may be created again", async () => {
      const [user = ""] = await world().users(1);
      const id = await world().conversation([user]);
      const message = await world().message(id, user);
      expectStatus(await call("DELETE", user, "/identity"), 204);
      expectError(await call("GET", user, "/identity"), "not_found");
      const { json } = expectStatus(await world().api("GET", `/conversations/${id}/messages/${message}`), 200);
      // A profile may be remembered for some seconds by whoever composes the answer.
      expect(member(member(json, "sender"), "id")).to.equal(identityId(user));
      expect(idsOf((await call("GET", user, "/conversations")).json)).to.have.length(1);
      expectStatus(await call("POST", user, "/identity", { body: { display_name: "Back" } }), 201);
    });
  });

  describe("following (section 10.2)", () => {
    const following = async (user: string): Promise<readonly unknown[]> =>
      list(expectStatus(await call("GET", user, "/following"), 200).json);

    it("follows, says so, and unfollows; who is followed becomes known", async () => {
      const [ann = ""] = await world().users(1);
      const stranger = world().newUserId();
      expectError(await call("GET", ann, `/following/${stranger}`), "not_found");
      expectStatus(await call("PUT", ann, `/following/${stranger}`), 204);
      expectStatus(await call("GET", ann, `/following/${stranger}`), 204);
      expect(await following(ann)).to.deep.equal([identityId(stranger)]);
      expectStatus(await call("GET", stranger, "/conversations"), 200);
      expectStatus(await call("DELETE", ann, `/following/${stranger}`), 204);
      expectError(await call("GET", ann, `/following/${stranger}`), "not_found");
      expect(await following(ann)).to.deep.equal([]);
    });

    it("follows many in one request, and lists them in pages", async () => {
      const [ann = "", ...others] = await world().users(4);
      expectStatus(await call("POST", ann, "/following", { body: others.map(identityId) }), 202);
      await eventually(async () => (await following(ann)).length, 3);
      const sorted = await following(ann);
      const page = await call("GET", ann, `/following?page_size=2&from_id=${encodeURIComponent(String(sorted[0]))}`);
      expect(page.json).to.deep.equal(sorted.slice(1));
      expect(page.headers.get("layer-count")).to.equal("3");
      const identities = expectStatus(await call("GET", ann, "/identities"), 200);
      expect(idsOf(identities.json)).to.deep.equal(sorted);
      expect(list(identities.json)[0]).to.include.keys("metadata", "phone_number", "identity_type");
    });

    it("follows whoever shares a conversation, until she unfollows, and again when they share another", async () => {
      const [ann = "", bob = ""] = await world().users(2);
      const id = await world().conversation([ann, bob]);
      await eventually(() => following(ann), [identityId(bob)]);
      await eventually(() => following(bob), [identityId(ann)]);
      await world().api("DELETE", `/conversations/${id}`);
      expect(await following(ann)).to.deep.equal([identityId(bob)]);
      expectStatus(await call("DELETE", ann, `/following/${bob}`), 204);
      expect(await following(ann)).to.deep.equal([]);
      expect(await following(bob)).to.deep.equal([identityId(ann)]);
      await world().conversation([ann, bob]);
      await eventually(() => following(ann), [identityId(bob)]);
    });

    it("is 404 for a user whom nobody knows, and no endpoint in 1.x", async () => {
      const [ann = ""] = await world().users(1);
      const nobody = world().newUserId();
      expectError(await call("PUT", nobody, `/following/${ann}`), "not_found");
      expectError(await call("GET", nobody, "/following"), "not_found");
      for (const version of BARE) {
        expectError(await call("GET", ann, "/following", { version }), "invalid_endpoint");
        expectError(await call("PUT", ann, "/following/x", { version }), "invalid_endpoint");
        expectError(await call("GET", ann, "/identities", { version }), "invalid_endpoint");
      }
    });
  });

  describe("suspension, sessions, badge, the user herself (sections 10.4 to 10.6, 15)", () => {
    const suspend = (user: string, value: unknown) =>
      call("PATCH", user, "", { body: [{ operation: "set", property: "suspended", value }] });
    const isSuspended = async (user: string) => member((await call("GET", user, "")).json, "suspended");

    it("suspends and lifts that within a second, and a backend may still act in her name", async () => {
      const [ann = "", bob = ""] = await world().users(2);
      expect(await isSuspended(ann)).to.equal(false);
      expectStatus(await suspend(ann, true), 202);
      await eventually(() => isSuspended(ann), true, { deadlineMs: 1_000 });
      const id = await world().conversation([ann, bob]);
      expectStatus(await call("POST", ann, `/conversations/${id}/messages`, { body: { parts: [textPart("x")] } }), 201);
      expectStatus(await suspend(ann, false), 202);
      await eventually(() => isSuspended(ann), false, { deadlineMs: 1_000 });
      expectError(await suspend(ann, "yes"), "invalid_property", "suspended");
      expectError(await suspend(world().newUserId(), true), "not_found");
    });

    it("shows a user with her identity, and 404 for who is not known", async () => {
      const [ann = ""] = await world().users(1);
      const { json } = expectStatus(await call("GET", ann, ""), 200);
      expect(json).to.have.all.keys("id", "identity", "suspended");
      expect(member(json, "id")).to.equal(ann);
      expect(member(member(json, "identity"), "display_name")).to.equal(`Name ${ann}`);
      expectError(await call("GET", world().newUserId(), ""), "not_found");
    });

    it("sets the time that sessions live, from 30 seconds to a year", async () => {
      const patch = (value: unknown) =>
        world().api("PATCH", "", { body: [{ operation: "set", property: "session_ttl_in_seconds", value }] });
      for (const value of [30, 31_536_000]) {
        expectStatus(await patch(value), 202);
        await eventually(async () => member((await world().api("GET", "")).json, "session_ttl_in_seconds"), value);
      }
      for (const value of [29, 31_536_001, 1.5, "60", null]) {
        expectError(await patch(value), "invalid_property", "session_ttl_in_seconds");
      }
      expect(member((await world().api("GET", "")).json, "id")).to.include(world().appId);
    });

    it("ends all sessions of a user", async () => {
      const [ann = ""] = await world().users(1);
      expectStatus(await call("DELETE", ann, "/sessions"), 204);
      expectError(await call("DELETE", world().newUserId(), "/sessions"), "not_found");
      expectError(await call("GET", ann, "/sessions"), "method_not_allowed");
    });

    it("keeps the app's own count beside what is unread", async () => {
      const [ann = "", bob = ""] = await world().users(2);
      const badge = async () => expectStatus(await call("GET", ann, "/badge"), 200).json;
      expect(await badge()).to.deep.equal({
        external_unread_count: 0,
        unread_conversation_count: 0,
        unread_message_count: 0,
      });
      const [one, two] = [await world().conversation([ann, bob]), await world().conversation([ann, bob])];
      for (const id of [one, one, two]) await world().message(id, bob);
      await world().message(two, ann);
      const put = await call("PUT", ann, "/badge", { body: { external_unread_count: 4 } });
      const expected = { external_unread_count: 4, unread_conversation_count: 2, unread_message_count: 3 };
      expect(expectStatus(put, 200).json).to.deep.equal(expected);
      expect(await badge()).to.deep.equal(expected);
      expectError(await call("PUT", ann, "/badge", { body: {} }), "missing_property", "external_unread_count");
      for (const count of [-1, 1.5, "4"]) {
        const reply = await call("PUT", ann, "/badge", { body: { external_unread_count: count } });
        expectError(reply, "invalid_property", "external_unread_count");
      }
      expectError(await call("GET", world().newUserId(), "/badge"), "not_found");
    });

    it("forgets a user who asks for it, and keeps what others were told by her", async () => {
      const [ann = "", bob = ""] = await world().users(2);
      const id = await world().conversation([ann, bob]);
      const message = await world().message(id, ann, "kept");
      await call("PUT", bob, `/following/${ann}`);
      expectStatus(await call("DELETE", ann, ""), 202);
      await eventually(async () => (await call("GET", ann, "")).status, 404, { deadlineMs: 5_000 });
      await eventually(
        async () => member((await world().api("GET", `/conversations/${id}`, { version: "1.0" })).json, "participants"),
        [bob],
      );
      expectError(await call("GET", ann, "/identity"), "not_found");
      expectError(await call("GET", ann, "/conversations"), "not_found");
      expectError(await call("GET", bob, `/following/${ann}`), "not_found");
      const { json } = expectStatus(await call("GET", bob, `/conversations/${id}/messages/${message}`), 200);
      expect(member(list(member(json, "parts"))[0], "body")).to.equal("kept");
      expect(member(member(json, "sender"), "id")).to.equal(identityId(ann));
      expectError(await call("DELETE", ann, ""), "not_found");
    });
  });
}
