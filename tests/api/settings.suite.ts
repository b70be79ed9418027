import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, member, URIS, VERSIONS } from "./support/api-client.ts";
import { identityId, userRef, type World } from "./support/world.ts";

/** What is set for an app, and how versions name users. */
export function settings(world: () => World): void {
  const call = (method: string, user: string, path: string, options: object = {}) =>
    world().api(method, `/users/${user}${path}`, options);

  describe("what is set for an app", () => {
    it("limits participants and metadata of that app's conversations", async () => {
      const { platform, appId } = world();
      const change = (body: unknown) => platform.account.request("PATCH", `/accounts/apps/${appId}/settings`, { body });
      await change({ max_participants: 2, max_conversation_metadata_bytes: 20 });
      const create = (participants: readonly string[], metadata = {}) =>
        world().api("POST", "/conversations", { body: { participants: participants.map(identityId), metadata } });
      await eventually(async () => (await create(["a", "b", "c"])).status, 422);
      expectStatus(await create(["a", "b"]), 201);
      expectError(await create(["a"], { k: "x".repeat(20) }), "invalid_property", "metadata");
      await change({ max_participants: 250, max_conversation_metadata_bytes: 2_048 });
      await eventually(async () => (await create(["a", "b", "c"])).status, 201);
    });

    it("decides what users see of each other: nothing personal by default", async () => {
      const { platform, appId } = world();
      const [ann = "", bob = ""] = await world().users(2);
      const personal = { phone_number: "+49", email_address: "b@example.com", metadata: { vip: "yes" } };
      await call("PUT", bob, "/identity", { body: { display_name: "Bob", ...personal } });
      await call("PUT", ann, `/following/${bob}`);
      const seen = async () => expectStatus(await call("GET", ann, `/identities/${bob}`), 200).json;
      const hidden = { phone_number: null, email_address: null };
      expect(await seen()).to.include({ display_name: "Bob", ...hidden });
      expect(await call("GET", bob, "/identity").then(({ json }) => json)).to.deep.include(personal);
      await platform.account.request("PATCH", `/accounts/apps/${appId}/settings`, {
        body: { shows_phone_numbers: true, shows_metadata: true },
      });
      await eventually(async () => member(await seen(), "phone_number"), "+49");
      expect(await seen()).to.deep.include({ email_address: null, metadata: { vip: "yes" } });
      await platform.account.request("PATCH", `/accounts/apps/${appId}/settings`, {
        body: { shows_phone_numbers: false, shows_metadata: false },
      });
    });
  });

  describe("the version's way to name users", () => {
    it("holds in every body that names one", async () => {
      const [ann = "", bob = ""] = await world().users(2);
      for (const version of VERSIONS) {
        const body = { participants: [userRef(version, ann), userRef(version, bob)] };
        expectStatus(await world().api("POST", "/conversations", { version, body }), 201);
      }
      const wrong = { participants: ["layer:///conversations/x"] };
      for (const version of URIS) {
        expectError(await world().api("POST", "/conversations", { version, body: wrong }), "invalid_property");
      }
    });
  });
}
