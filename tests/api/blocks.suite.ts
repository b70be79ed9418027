import { eventually } from "@strata/testing";
import { expect } from "chai";
import { BARE, expectError, expectStatus, idsOf, member, URIS, type Version, VERSIONS } from "./support/api-client.ts";
import { basic, identityId, type World } from "./support/world.ts";

/** Section 10.3. */
export function blocks(world: () => World): void {
  const call = (method: string, user: string, path: string, options: object = {}) =>
    world().api(method, `/users/${user}${path}`, options);

  describe("blocks (section 10.3)", () => {
    const blocksOf = async (user: string, version: Version = "1.0") =>
      expectStatus(await call("GET", user, "/blocks", { version }), 200).json;

    it("are made and lifted one by one in 1.x, of users never seen too", async () => {
      for (const version of BARE) {
        const [owner, other] = [world().newUserId(), world().newUserId()];
        expect(await blocksOf(owner, version)).to.deep.equal([]);
        const block = (body: unknown) => call("POST", owner, "/blocks", { version, body });
        expectStatus(await block({ user_id: other }), 204);
        expectStatus(await block({ user_id: other }), 204);
        expectStatus(await block({ user_id: owner }), 204);
        expectError(await block({}), "missing_property", "user_id");
        expect(await blocksOf(owner, version)).to.deep.equal([{ user_id: other }, { user_id: owner }]);
        expectStatus(await call("DELETE", owner, `/blocks/${other}`, { version }), 204);
        expectStatus(await call("DELETE", owner, `/blocks/${other}`, { version }), 204);
        expect(await blocksOf(owner, version)).to.deep.equal([{ user_id: owner }]);
      }
    });

    it("are listed as identities in 2.0 and later, where POST and DELETE are gone", async () => {
      const [ann = "", bob = ""] = await world().users(2);
      await call("POST", ann, "/blocks", { version: "1.0", body: { user_id: bob } });
      for (const version of URIS) {
        expect(await blocksOf(ann, version)).to.deep.equal([basic(world().base, bob)]);
        const reply = await call("POST", ann, "/blocks", { version, body: { user_id: bob } });
        expectError(reply, "method_not_allowed");
        expectError(await call("GET", world().newUserId(), "/blocks", { version }), "not_found");
      }
    });

    for (const version of VERSIONS) {
      for (const path of ["", "/blocks"]) {
        it(`are patched in bulk at /users/:u${path} in version ${version}`, async () => {
          const [ann = "", bob = "", cid = "", dan = ""] = await world().users(4);
          const patch = (body: unknown) => call("PATCH", ann, path, { version, body });
          const isBare = version.startsWith("1.");
          const operand = (user: string) => (isBare ? { value: user } : { id: identityId(user) });
          expectStatus(
            await patch([
              { operation: "add", property: "blocks", ...operand(bob) },
              { operation: "add", property: "blocks", ...operand(cid) },
              { operation: "remove", property: "blocks", ...operand(bob) },
            ]),
            202,
          );
          await eventually(() => blocksOf(ann), [{ user_id: cid }]);
          if (isBare) {
            expectStatus(await patch([{ operation: "set", property: "blocks", value: [bob, dan] }]), 202);
            await eventually(() => blocksOf(ann), [{ user_id: bob }, { user_id: dan }]);
          } else {
            const filled = [{ operation: "set", property: "blocks", value: [identityId(bob)] }];
            expectError(await patch(filled), "invalid_property", "blocks");
            expectStatus(
              await patch([
                { operation: "set", property: "blocks", value: [] },
                { operation: "add", property: "blocks", ...operand(dan) },
              ]),
              202,
            );
            await eventually(() => blocksOf(ann), [{ user_id: dan }]);
          }
          expectError(
            await patch([{ operation: "set", property: "nonsense", value: [] }]),
            "invalid_property",
            "nonsense",
          );
        });
      }
    }

    it("keep a blocked sender's messages from the blocker: stored, and hidden from her views", async () => {
      const [ann = "", bob = "", cid = ""] = await world().users(3);
      const id = await world().conversation([ann, bob, cid]);
      await call("POST", bob, "/blocks", { version: "1.0", body: { user_id: ann } });
      const message = await world().message(id, ann, "blocked");
      const reply = await world().message(id, cid, "seen");
      const seenBy = async (user: string) =>
        idsOf((await call("GET", user, `/conversations/${id}/messages`)).json).map((uri) => uri.split("/").at(-1));
      expect(await seenBy(bob)).to.deep.equal([reply]);
      expect(await seenBy(cid)).to.deep.equal([reply, message]);
      expectError(await call("GET", bob, `/messages/${message}`), "not_found");
      const { json } = await call("GET", bob, `/conversations/${id}`);
      expect(member(json, "unread_message_count")).to.equal(1);
      expect(member(json, "total_message_count")).to.equal(1);
      expectStatus(await world().api("GET", `/conversations/${id}/messages/${message}`), 200);
      expect(member((await call("GET", bob, "/badge")).json, "unread_message_count")).to.equal(1);
    });
  });
}
