import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, uuidOf } from "../support/api-client.ts";
import { addBackend, type Backend, signIn, userClient } from "../support/sign-in.ts";
import { openSocket } from "../support/socket-client.ts";
import { identityId, openWorld, type Platform, textPart, userRef, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

/** How somebody comes into a conversation whom nobody puts there, against the whole of Strata. */
describe("invites", function invites() {
  this.timeout(60_000);
  let platform: Platform;
  let world: World;
  let backend: Backend;
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
    backend = await addBackend(world);
  });

  const clientOf = async (userId: string) =>
    userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, userId));
  const invite = async (conversation: string, body: Readonly<Record<string, unknown>>) =>
    expectStatus(await world.api("POST", `/conversations/${conversation}/invites`, { body }), 201).json;
  const participantsOf = async (conversation: string) => {
    const { json } = expectStatus(await world.api("GET", `/conversations/${conversation}`), 200);
    return list(member(json, "participants")).map((one) => String(member(one, "user_id")));
  };

  it("show a user what she may come into, and let her in when she accepts, live for those who are there", async () => {
    const [ann = "", bob = "", cem = ""] = await world.users(3);
    const conversation = await world.conversation([ann, bob]);
    const cems = await clientOf(cem);
    await using socket = await openSocket(platform.websocketUrl, await signIn(platform.baseUrl, backend, ann));
    const made = await invite(conversation, {
      user_id: identityId(cem),
      inviter_id: identityId(ann),
      metadata: { title: "Rowing" },
      ttl_seconds: 3_600,
    });
    const id = uuidOf(made);
    expect(made).to.deep.include({ state: "pending", code: null, max_uses: 1, uses: [], user_id: identityId(cem) });
    expectError(await cems("GET", `/conversations/${conversation}`), "not_found");
    expectError(
      await cems("POST", `/conversations/${conversation}/messages`, { body: { parts: [textPart("hi")] } }),
      "not_found",
    );

    const listed = expectStatus(await cems("GET", "/invites"), 200);
    expect(listed.headers.get("layer-count")).to.equal("1");
    const [own] = list(listed.json);
    expect(own).to.deep.include({ inviter_id: identityId(ann), metadata: { title: "Rowing" }, state: "pending" });
    expect(own).not.to.have.any.keys("code", "uses", "max_uses");
    expect(expectStatus(await cems("GET", `/invites/${id}`), 200).json).to.deep.equal(own);

    const accepted = expectStatus(await cems("POST", `/invites/${id}/accept`), 200).json;
    expect(uuidOf(accepted)).to.equal(conversation);
    expect(uuidOf(expectStatus(await cems("POST", `/invites/${id}/accept`), 200).json)).to.equal(conversation);
    expect(await participantsOf(conversation)).to.have.members([ann, bob, cem]);
    await eventually(() => socket.changes().filter(([what]) => what === "update Conversation").length, 1);
    const seen = expectStatus(await world.api("GET", `/conversations/${conversation}/invites/${id}`), 200).json;
    expect(member(seen, "state")).to.equal("accepted");
    expect(list(member(seen, "uses")).map((one) => member(one, "user_id"))).to.deep.equal([identityId(cem)]);
    expectError(await world.api("DELETE", `/conversations/${conversation}/invites/${id}`), "object_deleted");
  });

  it("by a code let in as many as it may, of 20 who come at once", async () => {
    const [ann = "", ...guests] = await world.users(21);
    const conversation = await world.conversation([ann]);
    const made = await invite(conversation, { max_uses: 7 });
    const code = String(member(made, "code"));
    expect(code).to.match(/^[\w-]{22}$/);
    const redeem = (userId: string, text: string) =>
      world.api("POST", `/users/${userId}/redeem_invite`, { body: { code: text } });
    const replies = await Promise.all(guests.map((userId) => redeem(userId, code)));
    expect(replies.filter(({ status }) => status === 200)).to.have.lengthOf(7);
    for (const reply of replies.filter(({ status }) => status !== 200)) {
      expectError(reply, "object_deleted");
      expect(member(reply.json, "message")).to.equal("The invite has been accepted, as often as it may be");
    }
    expect(await participantsOf(conversation)).to.have.lengthOf(8);
    const invited = await world.api("GET", `/conversations/${conversation}/invites/${uuidOf(made)}`);
    expect(list(member(expectStatus(invited, 200).json, "uses"))).to.have.lengthOf(7);
    expectError(await redeem(ann, randomUUID()), "not_found");
    expectError(await redeem(ann, ""), "invalid_property");
    expectError(await world.api("POST", `/users/${ann}/redeem_invite`, { body: {} }), "missing_property");
  });

  it("are made, listed and taken back by those in it, and by nobody else", async () => {
    const [ann = "", bob = "", cem = ""] = await world.users(3);
    const conversation = await world.conversation([ann]);
    const [anns, bobs, cems] = [await clientOf(ann), await clientOf(bob), await clientOf(cem)];
    const path = `/conversations/${conversation}/invites`;
    const made = expectStatus(await anns("POST", path, { body: { user_id: identityId(bob) } }), 201).json;
    expect(member(made, "inviter_id")).to.equal(identityId(ann));
    expectError(await anns("POST", path, { body: { user_id: identityId(bob) } }), "conflict");
    expectError(await anns("POST", path, { body: { user_id: identityId(ann) } }), "invalid_property");
    const forged = { user_id: identityId(cem), inviter_id: identityId(bob) };
    expectError(await anns("POST", path, { body: forged }), "invalid_property");
    for (const stranger of [bobs, cems]) {
      expectError(await stranger("POST", path, { body: { max_uses: 1 } }), "not_found");
      expectError(await stranger("GET", path), "not_found");
      expectError(await stranger("GET", `${path}/${uuidOf(made)}`), "not_found");
      expectError(await stranger("DELETE", `${path}/${uuidOf(made)}`), "not_found");
    }
    expectError(await cems("POST", `/invites/${uuidOf(made)}/accept`), "not_found");
    expectStatus(await bobs("POST", `/invites/${uuidOf(made)}/decline`), 204);
    expectStatus(await bobs("POST", `/invites/${uuidOf(made)}/decline`), 204);
    const over = await bobs("POST", `/invites/${uuidOf(made)}/accept`);
    expectError(over, "object_deleted");
    expect(member(over.json, "message")).to.equal("The invite was declined");

    const again = uuidOf(expectStatus(await anns("POST", path, { body: { user_id: identityId(bob) } }), 201).json);
    const listed = expectStatus(await anns("GET", path), 200);
    expect(idsOf(listed.json).map((id) => id.split("/").at(-1))).to.deep.equal([again, uuidOf(made)]);
    const behind = expectStatus(await anns("GET", `${path}?from_id=${again}&page_size=5`), 200);
    expect(idsOf(behind.json)).to.deep.equal([`layer:///invites/${uuidOf(made)}`]);
    expect(list(expectStatus(await anns("GET", `${path}?state=pending`), 200).json)).to.have.lengthOf(1);
    expectError(await anns("GET", `${path}?state=open`), "invalid_property");
    expectError(await anns("GET", `${path}?from_id=${randomUUID()}`), "not_found");
    expectStatus(await anns("DELETE", `${path}/${again}`), 204);
    expectStatus(await anns("DELETE", `${path}/${again}`), 204);
    expect(list(expectStatus(await bobs("GET", "/invites"), 200).json)).to.deep.equal([]);
    expectError(await bobs("POST", `/invites/${again}/accept`), "object_deleted");
  });

  it("make a conversation of those who come, in every version", async () => {
    for (const version of ["1.1", "2.0", "3.0"] as const) {
      const [ann = "", bob = ""] = await world.users(2);
      const body = { invites: [ann, bob].map((userId) => userRef(version, userId)) };
      const made = expectStatus(await world.api("POST", "/conversations", { version, body }), 201).json;
      const conversation = uuidOf(made);
      expect(await participantsOf(conversation)).to.deep.equal([]);
      const [hers] = list(expectStatus(await world.api("GET", `/users/${ann}/invites`, { version }), 200).json);
      expect(member(hers, "user_id")).to.equal(userRef(version, ann));
      expectStatus(await world.api("POST", `/users/${ann}/invites/${uuidOf(hers)}/accept`, { version }), 200);
      expect(await participantsOf(conversation)).to.deep.equal([ann]);
    }
  });

  it("refuse what is no invite, and say what is wrong with it", async () => {
    const [ann = "", bob = ""] = await world.users(2);
    const conversation = await world.conversation([ann]);
    const rows: readonly (readonly [Readonly<Record<string, unknown>>, string, string])[] = [
      [{}, "missing_property", "user_id"],
      [{ user_id: 7 }, "invalid_property", "user_id"],
      [{ user_id: identityId(bob), max_uses: 2 }, "invalid_property", "max_uses"],
      [{ max_uses: 0 }, "invalid_property", "max_uses"],
      [{ max_uses: 1_001 }, "invalid_property", "max_uses"],
      [{ max_uses: 1.5 }, "invalid_property", "max_uses"],
      [{ max_uses: 1, ttl_seconds: 0 }, "invalid_property", "ttl_seconds"],
      [{ max_uses: 1, expires_at: "2020-01-01T00:00:00Z" }, "invalid_property", "expires_at"],
      [{ max_uses: 1, ttl_seconds: 5, expires_at: "2099-01-01T00:00:00Z" }, "invalid_property", "ttl_seconds"],
      [{ max_uses: 1, metadata: { a: 1 } }, "invalid_property", "metadata.a"],
      [{ max_uses: 1, metadata: { a: "x".repeat(3_000) } }, "invalid_property", "metadata"],
      [{ max_uses: 1, id: "layer:///messages/1" }, "invalid_property", "id"],
    ];
    for (const [body, error, property] of rows) {
      expectError(await world.api("POST", `/conversations/${conversation}/invites`, { body }), error, property);
    }
    const distinct = { participants: [identityId(ann)], invites: [identityId(bob)], distinct: true };
    expectError(await world.api("POST", "/conversations", { body: distinct }), "invalid_property");
    const both = { participants: [identityId(ann)], invites: [identityId(ann)] };
    expectError(await world.api("POST", "/conversations", { body: both }), "invalid_property");
    expectError(await world.api("POST", "/conversations", { body: { invites: [] } }), "missing_property");
  });

  it("are made once under an id or a key, with the same code", async () => {
    const [ann = ""] = await world.users(1);
    const conversation = await world.conversation([ann]);
    const path = `/conversations/${conversation}/invites`;
    const body = { max_uses: 3, ttl_seconds: 60 };
    const headers = { "Idempotency-Key": randomUUID() };
    const first = expectStatus(await world.api("POST", path, { body, headers }), 201).json;
    expect(expectStatus(await world.api("POST", path, { body, headers }), 201).json).to.deep.equal(first);
    const id = randomUUID();
    const chosen = { "If-None-Match": id };
    expect(uuidOf(expectStatus(await world.api("POST", path, { body, headers: chosen }), 201).json)).to.equal(id);
    const repeated = await world.api("POST", path, { body, headers: chosen });
    expectError(repeated, "id_in_use");
    expect(uuidOf(member(repeated.json, "data"))).to.equal(id);
  });
});
