import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, list, member, type Reply, uuidOf } from "../support/api-client.ts";
import { addBackend, type Backend, signIn, type UserClient, userClient } from "../support/sign-in.ts";
import { openSocket, type SocketClient } from "../support/socket-client.ts";
import { identityId, openWorld, type Platform, textPart, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const HOUR_MS = 3_600_000;
const later = (ms: number): string => new Date(Date.now() + ms).toISOString();
const said = (text = "hello") => ({ body: { parts: [textPart(text)] } });
const adding = (userId: string) => ({
  body: [{ operation: "add", property: "participants", id: identityId(userId) }],
});
const renaming = { body: [{ operation: "set", property: "metadata.topic", value: "boats" }] };

const inside = (id: string, below = ""): string => `/conversations/${id}${below}`;
/** A user's two doors: her backend's in her name, and her own session's. */
const DOORS = ["in her name", "by her session"] as const;

const reasonOf = (reply: Reply): unknown => member(member(reply.json, "data"), "reason");

describe("roles, mutes, freezes and bans, against the whole of Strata", function roles() {
  this.timeout(60_000);
  let platform: Platform;
  let world: World;
  let backend: Backend;
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
    backend = await addBackend(world);
  });

  const at = async (userId: string, door: (typeof DOORS)[number] = "by her session"): Promise<UserClient> =>
    door === "in her name"
      ? (method, path, options) => world.api(method, `/users/${userId}${path}`, options)
      : userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, userId));
  const create = (people: readonly string[], given: Readonly<Record<string, string>>) =>
    world.conversation(people, {
      roles: Object.fromEntries(Object.entries(given).map(([userId, role]) => [identityId(userId), role])),
    });

  it("decide what users may do, by both of their doors", async () => {
    const [owner = "", moderator = "", plain = "", reader = "", stranger = ""] = await world.users(5);
    for (const door of DOORS) {
      const people = [owner, moderator, plain, reader];
      const id = await create(people, { [owner]: "owner", [moderator]: "moderator", [reader]: "read-only" });
      const asOwner = await at(owner, door);
      const asModerator = await at(moderator, door);
      const asPlain = await at(plain, door);
      const asReader = await at(reader, door);

      expectStatus(await asReader("GET", inside(id, "/messages")), 200);
      expect(reasonOf(await asReader("POST", inside(id, "/messages"), said()))).to.equal("read_only");
      expect(reasonOf(await asReader("PATCH", inside(id), renaming))).to.equal("read_only");
      expectStatus(await asPlain("POST", inside(id, "/messages"), said()), 201);
      const renamed = await asPlain("PATCH", inside(id), renaming);
      expectError(renamed, "access_denied");
      expect(member(renamed.json, "data")).to.deep.equal({ reason: "role", required_role: "moderator" });
      expectStatus(await asModerator("PATCH", inside(id), renaming), 204);
      expect(
        reasonOf(await asModerator("PUT", inside(id, `/members/${plain}`), { body: { role: "moderator" } })),
      ).to.equal("role");
      expectStatus(await asOwner("PUT", inside(id, `/members/${plain}`), { body: { role: "moderator" } }), 200);
      expectStatus(await asPlain("PATCH", inside(id), adding(stranger)), 204);
      expect(reasonOf(await asPlain("PUT", inside(id, `/bans/${owner}`)))).to.equal("role");
      const shown = list(expectStatus(await asReader("GET", inside(id, "/members?role=moderator")), 200).json);
      expect(shown.map((one) => member(member(one, "participant"), "user_id"))).to.have.members([moderator, plain]);
    }
  });

  it("leave a conversation that was never given any to everybody, as Layer has it", async () => {
    const [ann = "", bob = "", cid = ""] = await world.users(3);
    const asAnn = await at(ann);
    const asBob = await at(bob);
    const body = { participants: [identityId(bob)] };
    const made = expectStatus(await asAnn("POST", "/conversations", { body }), 201);
    const id = uuidOf(made.json);
    // Who made it is no more than the others.
    expectStatus(await asBob("PATCH", inside(id), renaming), 204);
    expectStatus(await asBob("PATCH", inside(id), adding(cid)), 204);
    expectStatus(
      await asBob("PATCH", inside(id), {
        body: [{ operation: "remove", property: "participants", id: identityId(ann) }],
      }),
      204,
    );
  });

  it("freeze and mute by the clock, and show it", async () => {
    const [owner = "", plain = ""] = await world.users(2);
    const id = await create([owner, plain], { [owner]: "owner" });
    const asPlain = userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, plain));
    expectStatus(await world.api("PUT", inside(id, "/freeze"), { body: { reason: "we look into this" } }), 200);
    expect(reasonOf(await asPlain("POST", inside(id, "/messages"), said()))).to.equal("frozen");
    const seen = member(expectStatus(await asPlain("GET", inside(id)), 200).json, "freeze");
    expect(seen).to.include({ reason: "we look into this", frozen_by: null });
    expectStatus(await world.api("DELETE", inside(id, "/freeze")), 204);
    const mute = async (seconds: number) =>
      expectStatus(
        await world.api("PUT", inside(id, `/members/${plain}/mute`), { body: { duration_seconds: seconds } }),
        200,
      );
    const muted = await mute(3_600);
    const until = member(member(muted.json, "mute"), "muted_until");
    const refused = await asPlain("POST", inside(id, "/messages"), said());
    expect(member(refused.json, "data")).to.deep.equal({ reason: "muted", muted_until: until });
    await mute(1);
    await eventually(async () => (await asPlain("POST", inside(id, "/messages"), said())).status, 201);
    const own = expectStatus(await world.api("GET", inside(id, `/members/${plain}`)), 200);
    expect(member(own.json, "mute")).to.equal(null);
  });

  it("ban: she and the others see her go on their sockets, and no way leads back in until she is unbanned", async () => {
    const [owner = "", plain = "", other = ""] = await world.users(3);
    const id = await create([owner, plain, other], { [owner]: "owner" });
    await world.message(id, owner, "before");
    const sessions = await Promise.all([plain, other].map((userId) => signIn(platform.baseUrl, backend, userId)));
    const [asPlain, asOther] = sessions.map((session) => userClient(platform.baseUrl, session));
    if (!asPlain || !asOther) throw new Error("somebody is missing");
    await using hers = await openSocket(platform.websocketUrl, sessions[0] ?? "");
    await using others = await openSocket(platform.websocketUrl, sessions[1] ?? "");
    const asOwner = await at(owner, "in her name");
    const body = { expires_at: later(HOUR_MS), reason: "spam" };
    expectStatus(await asOwner("PUT", inside(id, `/bans/${plain}`), { body }), 200);
    const removal = (socket: SocketClient) =>
      socket.until(
        ({ body: told }) =>
          JSON.stringify(told).includes('"remove"') && JSON.stringify(told).includes(identityId(plain)),
      );
    await Promise.all([removal(hers), removal(others)]);

    const banned = await world.api("PATCH", inside(id), adding(plain));
    expectError(banned, "user_banned", "participants");
    expect(member(member(banned.json, "data"), "ids")).to.deep.equal([identityId(plain)]);
    expect(member(banned.json, "message")).to.include(identityId(plain));
    expectError(await world.api("PATCH", `/users/${owner}${inside(id)}`, adding(plain)), "user_banned");
    expectError(await asPlain("POST", inside(id, "/messages"), said()), "access_denied");
    expectError(await asPlain("PATCH", inside(id), adding(plain)), "access_denied");
    expect(list(expectStatus(await asPlain("GET", inside(id, "/messages")), 200).json)).to.have.lengthOf(1);
    const again = { participants: [owner, plain, other].map(identityId), distinct: true };
    const distinct = expectStatus(await world.api("POST", "/conversations", { body: again }), 201);
    expect(uuidOf(distinct.json)).not.to.equal(id);
    const taken = { participants: again.participants };
    expectError(await world.api("POST", "/conversations", { body: taken, id }), "id_in_use");

    expectStatus(await world.api("GET", inside(id, `/bans/${plain}`)), 200);
    expectStatus(await asOwner("DELETE", inside(id, `/bans/${plain}`)), 204);
    expectError(await world.api("GET", inside(id, `/bans/${plain}`)), "not_found");
    expectStatus(await asOther("GET", inside(id)), 200);
    expectStatus(await world.api("PATCH", inside(id), adding(plain)), 204);
    expectStatus(await asPlain("POST", inside(id, "/messages"), said()), 201);
  });

  it("forget a deleted user: who takes her id is nobody who was banned", async () => {
    const [owner = "", plain = ""] = await world.users(2);
    const id = await create([owner, plain], { [owner]: "owner" });
    expectStatus(await world.api("PUT", inside(id, `/bans/${plain}`)), 200);
    expectStatus(await world.api("DELETE", `/users/${plain}`), 202);
    await eventually(async () => (await world.api("GET", inside(id, `/bans/${plain}`))).status, 404);
    expectStatus(await world.api("PATCH", inside(id), adding(plain)), 204);
  });
});
