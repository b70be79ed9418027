import { identityUri } from "@strata/layer-protocol";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const idOf = ({ json }: Reply): string => String(Object(json)["id"]).replace("layer:///conversations/", "");
const HOUR = 3_600_000;
const later = (ms: number): string => new Date(Date.now() + ms).toISOString();
/** A UUID of nothing. */
const NOBODYS = "7a2c1f64-3c92-41e4-baad-164230d1df67";

describe("members of conversations, and who is banned", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  const people = ["ann", "bob", "cid"];

  before(async () => {
    world = await openWorld({ name: "gateway members", env: PATIENT });
    app = world.directory.anApp();
    for (const userId of [...people, "dan"]) world.directory.aUser(app, userId, `Name ${userId}`);
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (id: string, below = "") => `/apps/${app}/conversations/${id}${below}`;
  const asUser = (userId: string, id: string, below = "") => `/apps/${app}/users/${userId}/conversations/${id}${below}`;
  const create = async (body: Readonly<Record<string, unknown>> = {}): Promise<string> =>
    idOf(await send("POST", `/apps/${app}/conversations`, { body: { participants: people, ...body } }));
  const basic = (userId: string) => ({
    id: identityUri(userId),
    url: `${PUBLIC_URL}/apps/${app}/users/${userId}/identity`,
    user_id: userId,
    display_name: `Name ${userId}`,
    avatar_url: null,
  });
  const lastAct = () => world.conversation.acts.at(-1)?.act;
  const roles = { [identityUri("ann")]: "owner", bob: "moderator" };

  it("have the roles with which it is created, which its backend is shown, and no others", async () => {
    const reply = await send("POST", `/apps/${app}/conversations`, { body: { participants: people, roles } });
    expect(reply.status).to.equal(201);
    const shown = { [identityUri("ann")]: "owner", [identityUri("bob")]: "moderator" };
    expect(reply.json).to.deep.include({ roles: shown });
    expect((await send("GET", path(idOf(reply)))).json).to.deep.include({ roles: shown });
    expect((await send("GET", path(idOf(reply)), { version: "1.0" })).json).to.deep.include({
      roles: { ann: "owner", bob: "moderator" },
    });
    expect((await send("GET", asUser("ann", idOf(reply)))).json).not.to.have.property("roles");
    const plain = await send("GET", path(await create()));
    expect(plain.json).not.to.have.any.keys("roles", "freeze");
    // A user gives none: what she says of it is an unknown field.
    const hers = await send("POST", `/apps/${app}/users/ann/conversations`, { body: { participants: people, roles } });
    expect(world.conversation.conversations.get(`${app}/${idOf(hers)}`)).not.to.have.property("roles");
  });

  it("cannot be given roles that there are not, or whom the conversation does not have", async () => {
    const bodies: readonly [unknown, string][] = [
      [["ann"], "roles"],
      [{ dan: "owner" }, "roles.dan"],
      [{ ann: "king" }, "roles.ann"],
      [{ "layer:///messages/x": "owner" }, "roles.layer:///messages/x"],
    ];
    for (const [wrong, property] of bodies) {
      const reply = await send("POST", `/apps/${app}/conversations`, { body: { participants: people, roles: wrong } });
      expect([reply.status, errorOf(reply).id], property).to.deep.equal([422, "invalid_property"]);
      expect(errorOf(reply)).to.have.nested.property("data.property", property);
    }
  });

  it("answer the repeat of an Idempotency-Key like the first time, and 422 to other roles", async () => {
    const options = { headers: { "Idempotency-Key": "with roles" } };
    const body = { participants: people, roles };
    const url = `/apps/${app}/conversations`;
    const first = await send("POST", url, { body, ...options });
    expect((await send("POST", url, { body, ...options })).json).to.deep.equal(first.json);
    const other = await send("POST", url, { body: { ...body, roles: { ann: "member" } }, ...options });
    expect([other.status, errorOf(other).id]).to.deep.equal([422, "invalid_operation"]);
  });

  it("are listed by user id with role and mute, in every version's words, page by page and by filter", async () => {
    const id = await create({ roles });
    const until = later(HOUR);
    const muted = await send("PUT", path(id, "/members/cid/mute"), { body: { muted_until: until, reason: "spam" } });
    expect(muted.status).to.equal(200);
    const mute = { muted_by: null, muted_until: until, reason: "spam" };
    expect(muted.json).to.deep.include({ participant: basic("cid"), role: "member" });
    expect(muted.json).to.have.property("mute").that.deep.includes(mute);
    const all = await send("GET", path(id, "/members"));
    expect([all.status, all.headers.get("layer-count")]).to.deep.equal([200, "3"]);
    expect(all.json).to.be.an("array").with.lengthOf(3);
    expect(Object(all.json)[0]).to.deep.equal({
      url: `${PUBLIC_URL}${path(id, "/members/ann")}`,
      participant: basic("ann"),
      role: "owner",
      mute: null,
    });
    expect((await send("GET", path(id, "/members/cid"))).json).to.deep.equal(muted.json);
    const rolesIn = async (query: string, version: "1.0" | "3.0" = "1.0") => {
      const { json } = await send("GET", path(id, `/members${query}`), { version });
      return Array.isArray(json) ? json.map((one) => [Object(one)["participant"], Object(one)["role"]]) : json;
    };
    expect(await rolesIn("?page_size=1&from_id=ann")).to.deep.equal([["bob", "moderator"]]);
    expect(await rolesIn(`?from_id=${encodeURIComponent(identityUri("bob"))}`)).to.deep.equal([["cid", "member"]]);
    expect(await rolesIn("?role=owner")).to.deep.equal([["ann", "owner"]]);
    expect(await rolesIn("?muted=true")).to.deep.equal([["cid", "member"]]);
    expect(await rolesIn("?muted=false&role=member")).to.deep.equal([]);
    const hers = await send("GET", asUser("bob", id, "/members/ann"));
    expect(hers.json).to.have.property("url", `${PUBLIC_URL}${asUser("bob", id, "/members/ann")}`);
    for (const query of ["?role=king", "?muted=yes", "?page_size=0"]) {
      expect((await send("GET", path(id, `/members${query}`))).status, query).to.equal(422);
    }
    for (const below of ["/members?from_id=dan", "/members/dan"]) {
      expect((await send("GET", path(id, below))).status, below).to.equal(404);
    }
  });

  it("are given roles, muted and unmuted, each in the name of whoever does it", async () => {
    const id = await create({ roles });
    const promoted = await send("PUT", asUser("ann", id, "/members/cid"), { body: { role: "read-only" } });
    expect(promoted.json).to.include({ role: "read-only" });
    expect(world.conversation.acts.at(-1)).to.deep.equal({
      conversationId: id,
      actor: "ann",
      act: { kind: "set-role", userId: "cid", role: "read-only" },
    });
    const before = Date.now();
    await send("PUT", path(id, "/members/cid/mute"), { body: { duration_seconds: 60 } });
    expect(Object(lastAct())["until"]).to.be.within(before + 60_000, Date.now() + 60_000);
    expect((await send("PUT", path(id, "/members/cid/mute"))).json).to.have.nested.property("mute.muted_until", null);
    expect(lastAct()).to.deep.equal({ kind: "mute", userId: "cid", until: null, reason: null });
    expect((await send("DELETE", path(id, "/members/cid/mute"))).status).to.equal(204);
    expect((await send("GET", path(id, "/members/cid"))).json).to.include({ mute: null });
  });

  it("do not write while it is frozen, which is shown with the conversation", async () => {
    const id = await create({ roles });
    const frozen = await send("PUT", asUser("ann", id, "/freeze"), { body: { reason: "we look into this" } });
    expect(frozen.status).to.equal(200);
    expect(frozen.json).to.include({ frozen_by: identityUri("ann"), reason: "we look into this" });
    for (const url of [path(id), asUser("bob", id)]) {
      expect((await send("GET", url)).json, url).to.deep.include({ freeze: frozen.json });
    }
    expect((await send("GET", path(id), { version: "1.1" })).json).to.have.nested.property("freeze.frozen_by", "ann");
    expect((await send("DELETE", path(id, "/freeze"))).status).to.equal(204);
    expect((await send("GET", path(id))).json).not.to.have.property("freeze");
    expect((await send("PUT", path(id, "/freeze"))).json).to.include({ frozen_by: null, reason: null });
  });

  it("are banned and unbanned, and bans are listed as members are", async () => {
    const id = await create({ roles });
    const ban = await send("PUT", path(id, "/bans/cid"), { body: { reason: "spam" } });
    expect(ban.status).to.equal(200);
    expect(ban.json).to.deep.include({
      url: `${PUBLIC_URL}${path(id, "/bans/cid")}`,
      user: basic("cid"),
      banned_by: null,
      expires_at: null,
      reason: "spam",
    });
    const until = later(HOUR);
    await send("PUT", asUser("ann", id, "/bans/dan"), { body: { expires_at: until } });
    expect(lastAct()).to.deep.equal({ kind: "ban", userId: "dan", expiresAt: Date.parse(until), reason: null });
    const all = await send("GET", path(id, "/bans"), { version: "1.0" });
    expect([all.status, all.headers.get("layer-count")]).to.deep.equal([200, "2"]);
    expect(Object(all.json)[1]).to.deep.include({ user: "dan", banned_by: "ann", expires_at: until });
    expect((await send("GET", path(id, "/bans?from_id=cid"))).json).to.have.lengthOf(1);
    expect((await send("GET", path(id, "/bans/cid"))).json).to.deep.equal(ban.json);
    expect((await send("DELETE", path(id, "/bans/cid"))).status).to.equal(204);
    for (const below of ["/bans/cid", "/bans?from_id=cid"]) {
      expect((await send("GET", path(id, below))).status, below).to.equal(404);
    }
    // Who has left sees nothing of what it has come to.
    await send("PUT", path(id, "/freeze"));
    expect((await send("GET", asUser("cid", id))).json).not.to.have.property("freeze");
  });

  it("say why what was refused is, and which role it needs", async () => {
    const id = await create({ roles });
    for (const [method, below, body] of [
      ["PUT", "/members/cid", { role: "owner" }],
      ["PUT", "/members/cid/mute", undefined],
      ["DELETE", "/members/cid/mute", undefined],
      ["PUT", "/freeze", undefined],
      ["DELETE", "/freeze", undefined],
      ["PUT", "/bans/cid", undefined],
      ["DELETE", "/bans/cid", undefined],
    ] as const) {
      const reply = await send(method, asUser("bob", id, below), body === undefined ? {} : { body });
      expect([reply.status, errorOf(reply).id], below).to.deep.equal([403, "access_denied"]);
      expect(errorOf(reply)).to.deep.include({
        message: "this needs the role owner",
        data: { reason: "role", required_role: "owner" },
      });
    }
  });

  it("name what cannot be, before anybody is asked", async () => {
    const id = await create({ roles });
    const before = world.conversation.acts.length;
    const bodies: readonly [string, unknown, string, string][] = [
      ["/members/cid", {}, "missing_property", "role"],
      ["/members/cid", { role: "king" }, "invalid_property", "role"],
      ["/members/cid/mute", { duration_seconds: 0 }, "invalid_property", "duration_seconds"],
      ["/members/cid/mute", { duration_seconds: "60" }, "invalid_property", "duration_seconds"],
      ["/members/cid/mute", { muted_until: later(-HOUR) }, "invalid_property", "muted_until"],
      ["/members/cid/mute", { muted_until: later(HOUR), duration_seconds: 1 }, "invalid_property", "duration_seconds"],
      ["/members/cid/mute", { reason: "" }, "invalid_property", "reason"],
      ["/bans/cid", { expires_at: "tomorrow" }, "invalid_property", "expires_at"],
      ["/bans/cid", { expires_at: later(401 * 24 * HOUR) }, "invalid_property", "expires_at"],
      ["/bans/cid", { reason: "x".repeat(513) }, "invalid_property", "reason"],
      ["/freeze", { reason: 7 }, "invalid_property", "reason"],
    ];
    for (const [below, body, error, property] of bodies) {
      const reply = await send("PUT", path(id, below), { body });
      expect([reply.status, errorOf(reply).id], JSON.stringify(body)).to.deep.equal([422, error]);
      expect(errorOf(reply)).to.have.nested.property("data.property", property);
    }
    expect((await send("PUT", path(id, "/freeze"), { body: [] })).status).to.equal(400);
    expect((await send("PUT", path(id, `/bans/${"x".repeat(129)}`))).status).to.equal(422);
    expect(world.conversation.acts).to.have.lengthOf(before);
  });

  it("are not there of what is not, or another app's, and gone with what was deleted", async () => {
    const id = await create({ roles });
    const foreign = world.directory.anApp();
    const other = httpClient(world.baseUrl, { token: world.directory.aToken({ app: foreign }), version: "3.0" });
    const calls: readonly (readonly ["GET" | "PUT" | "DELETE", string, object?])[] = [
      ["GET", "/members"],
      ["GET", "/members/ann"],
      ["PUT", "/members/ann", { role: "owner" }],
      ["PUT", "/members/ann/mute"],
      ["DELETE", "/members/ann/mute"],
      ["PUT", "/freeze"],
      ["DELETE", "/freeze"],
      ["GET", "/bans"],
      ["GET", "/bans/ann"],
      ["PUT", "/bans/ann"],
      ["DELETE", "/bans/ann"],
    ];
    const statusesOf = (client: HttpClient, base: string) =>
      Promise.all(
        calls.map(async ([method, below, body]) => (await client(method, base + below, body ? { body } : {})).status),
      );
    const all = (status: number) => calls.map(() => status);
    expect(await statusesOf(send, path(NOBODYS))).to.deep.equal(all(404));
    expect(await statusesOf(send, path("no-uuid"))).to.deep.equal(all(404));
    expect(await statusesOf(send, asUser("stranger", id))).to.deep.equal(all(404));
    expect(await statusesOf(send, asUser("dan", id))).to.deep.equal(all(404));
    expect(await statusesOf(other, `/apps/${foreign}/conversations/${id}`)).to.deep.equal(all(404));
    expect(await statusesOf(other, path(id))).to.deep.equal(all(403));
    await send("DELETE", path(id));
    expect(await statusesOf(send, path(id))).to.deep.equal(all(410));
  });
});
