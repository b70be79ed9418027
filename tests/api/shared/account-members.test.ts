import { randomUUID } from "node:crypto";
import type { Platform } from "@strata/tests-platform";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { type AccountClient, accountClient, anotherAccount, madeToken } from "../support/account-client.ts";
import { expectError, expectStatus, list, member } from "../support/api-client.ts";
import { apiPlatform } from "./platform.ts";

const PATH = "/accounts/members";
const email = () => `${randomUUID()}@example.com`;

describe("members of the account", function accountMembers() {
  this.timeout(60_000);
  let platform: Platform;
  /** With the account's own token. */
  let send: AccountClient;
  before(async () => {
    platform = await apiPlatform();
    send = accountClient(platform, (await anotherAccount(platform)).token);
  });

  const invite = async (role: string, token?: string) => {
    const options = { body: { email: email(), name: "Ann", role }, ...(token === undefined ? {} : { token }) };
    const { json } = expectStatus(await send("POST", PATH, options), 201);
    return { id: String(member(json, "id")), code: String(member(json, "invitation_code")), json };
  };
  const accept = (code: string) => send("POST", "/accounts/invitations/accept", { token: "none", body: { code } });
  const join = async (role: string) => {
    const { id, code } = await invite(role);
    const { json } = expectStatus(await accept(code), 201);
    const token = member(json, "token");
    return { id, token: String(member(token, "token")), tokenId: String(member(token, "id")), json };
  };
  const status = async (token: string, path = "/accounts/apps", method = "GET") =>
    (await send(method, path, { token })).status;

  it("come in with a code that is shown once, and act with a token of their own", async () => {
    const { id, code, json } = await invite("developer");
    expect(json).to.include({ state: "invited", role: "developer", joined_at: null });
    const { json: joined } = expectStatus(await accept(code), 201);
    expect(member(joined, "member")).to.include({ id, state: "active", invitation_expires_at: null });
    expect(member(joined, "token")).to.deep.include({ member_id: id, app_id: null, scopes: ["account:write"] });
    const token = String(member(member(joined, "token"), "token"));
    expectError(await accept(code), "invalid_property", "code");
    expectError(await accept("nonsense"), "invalid_property", "code");
    expect(expectStatus(await send("GET", `${PATH}/me`, { token }), 200).json).to.include({ id, role: "developer" });
    const listed = expectStatus(await send("GET", PATH, { token }), 200);
    expect(list(listed.json).map((row) => member(row, "id"))).to.include(id);
    expect(listed.text).not.to.include(code);
    expectError(await send("GET", `${PATH}/me`), "not_found");
    expectStatus(await send("POST", "/accounts/apps", { token, body: { name: "Shop" } }), 201);
    expectError(await send("GET", "/accounts/tokens", { token }), "access_denied");
  });

  it("are invited again with another code, and one who has joined by an owner alone", async () => {
    const { id, code } = await invite("viewer");
    const { token: developer } = await join("developer");
    const again = expectStatus(await send("POST", `${PATH}/${id}/invitation`, { token: developer }), 201).json;
    expectError(await accept(code), "invalid_property", "code");
    expectStatus(await accept(String(member(again, "invitation_code"))), 201);
    expectError(await send("POST", `${PATH}/${id}/invitation`, { token: developer }), "access_denied");
    const once = expectStatus(await send("POST", `${PATH}/${id}/invitation`), 201).json;
    expectStatus(await accept(String(member(once, "invitation_code"))), 201);
  });

  it("have one e-mail address each, and one id however often they are invited", async () => {
    const body = { email: email(), role: "viewer" };
    const headers = { "If-None-Match": randomUUID() };
    const first = expectStatus(await send("POST", PATH, { body, headers }), 201).json;
    const repeat = await send("POST", PATH, { body, headers });
    expectError(repeat, "id_in_use");
    expect(member(repeat.json, "data"))
      .to.include({ id: member(first, "id") })
      .and.not.have.property("invitation_code");
    const shouted = await send("POST", PATH, { body: { ...body, email: body.email.toUpperCase() } });
    expectError(shouted, "conflict");
    expect(member(shouted.json, "data")).to.include({ id: member(first, "id") });
  });

  it("lose what their role allows within a second of losing it, and everything with their membership", async () => {
    const { id, token } = await join("developer");
    const makeApp = async () => (await send("POST", "/accounts/apps", { token, body: { name: "Shop" } })).status;
    expect(await makeApp()).to.equal(201);
    expectStatus(await send("PATCH", `${PATH}/${id}`, { body: { role: "viewer" } }), 200);
    await eventually(makeApp, 403, { deadlineMs: 1_000 });
    expect(await status(token)).to.equal(200);
    expectStatus(await send("DELETE", `${PATH}/${id}`), 204);
    await eventually(() => status(token), 401, { deadlineMs: 1_000 });
    expectError(await send("DELETE", `${PATH}/${id}`), "not_found");
    expectError(await send("GET", `${PATH}/${id}`), "not_found");
  });

  it("give nobody more than they have, and leave alone who has more", async () => {
    const { id: owner } = await invite("owner");
    const { token } = await join("developer");
    expectError(await send("POST", PATH, { token, body: { email: email(), role: "owner" } }), "access_denied", "role");
    expectError(await send("PATCH", `${PATH}/${owner}`, { token, body: { name: "x" } }), "access_denied");
    expectError(await send("PATCH", `${PATH}/me`, { token, body: { role: "owner" } }), "access_denied");
    expectError(await send("DELETE", `${PATH}/${owner}`, { token }), "access_denied");
    await invite("developer", token);
  });

  it("keep one who administers the account", async () => {
    const { id, token } = await join("owner");
    const admins = list(expectStatus(await send("GET", "/accounts/tokens"), 200).json);
    for (const admin of admins.filter((row) => member(row, "member_id") === null)) {
      expectStatus(await send("DELETE", `/accounts/tokens/${String(member(admin, "id"))}`, { token }), 204);
    }
    expectError(await send("DELETE", `${PATH}/${id}`, { token }), "invalid_operation");
    expectError(await send("PATCH", `${PATH}/me`, { token, body: { role: "viewer" } }), "invalid_operation");
    // Nobody could let her in again.
    expectError(await send("DELETE", "/accounts/tokens/self", { token }), "invalid_operation", "token_id");
    // What follows needs the account's token again.
    const made = await send("POST", "/accounts/tokens", { token, body: { name: "x", scopes: ["account:admin"] } });
    send = accountClient(platform, madeToken(made).text);
    expectStatus(await send("PATCH", `${PATH}/${id}`, { body: { role: "viewer" } }), 200);
    const path = `/accounts/tokens/${String(member(made.json, "id"))}`;
    expectError(await send("DELETE", path), "invalid_operation", "token_id");
    expectStatus(await send("GET", "/accounts/tokens"), 200);
  });

  it("go on with another token, and log out, whatever their role", async () => {
    const { token, id } = await join("viewer");
    const rotated = await send("POST", "/accounts/tokens/self/rotate", { token, body: { overlap_seconds: 0 } });
    const next = madeToken(rotated);
    expect(rotated.json).to.include({ member_id: id });
    await eventually(() => status(token), 401, { deadlineMs: 1_000 });
    expect(await status(next.text)).to.equal(200);
    expectStatus(await send("DELETE", "/accounts/tokens/self", { token: next.text }), 204);
    await eventually(() => status(next.text), 401, { deadlineMs: 1_000 });
    expectError(await send("DELETE", "/accounts/tokens/self"), "access_denied");
    const other = await join("viewer");
    expectError(await send("POST", `/accounts/tokens/${other.tokenId}/rotate`), "access_denied");
  });

  it("are named in the audit log: who was invited, joined, changed and removed, and what each did", async () => {
    const { id, token, tokenId } = await join("owner");
    const app = expectStatus(await send("POST", "/accounts/apps", { token, body: { name: "Shop" } }), 201).json;
    const guest = await invite("viewer", token);
    expectStatus(await send("PATCH", `${PATH}/${guest.id}`, { token, body: { role: "developer", name: "Bo" } }), 200);
    expectStatus(await send("PATCH", `${PATH}/${guest.id}`, { token, body: { role: "developer" } }), 200);
    expectStatus(await send("DELETE", `${PATH}/${guest.id}`, { token }), 204);
    const own = list(expectStatus(await send("GET", `/accounts/audit?actor=${id}`), 200).json);
    expect(own.map((entry) => member(entry, "action"))).to.deep.equal([
      "member.removed",
      "member.changed",
      "member.invited",
      "app.created",
      "member.joined",
    ]);
    const [removed, changed, , created, joined] = own;
    const who = { kind: "member", id, token_id: tokenId };
    for (const entry of own) expect(member(entry, "actor")).to.include(who);
    expect(created).to.deep.include({ app_id: member(app, "app_id") });
    expect(joined).to.deep.nested.include({ "subject.id": id, "after.state": "active", "after.token_id": tokenId });
    expect(changed).to.deep.nested.include({
      subject: { kind: "member", id: guest.id },
      "before.role": "viewer",
      "before.name": "Ann",
      "after.role": "developer",
      "after.name": "Bo",
    });
    // Her code with it: it was for a viewer.
    expect(changed).to.have.nested.property("after.invitation_expires_at", member(changed, "at"));
    expect(removed).to.have.nested.property("before.role", "developer");
    expect(JSON.stringify(own)).not.to.include(guest.code);
  });

  it("are nothing to another account", async () => {
    const { id } = await join("viewer");
    const { token } = await anotherAccount(platform);
    expect((await send("GET", PATH, { token })).json).to.deep.equal([]);
    for (const [method, path, body] of [
      ["GET", `${PATH}/${id}`],
      ["PATCH", `${PATH}/${id}`, { role: "owner" }],
      ["DELETE", `${PATH}/${id}`],
      ["POST", `${PATH}/${id}/invitation`],
    ] as const) {
      expectError(await send(method, path, { token, ...(body === undefined ? {} : { body }) }), "not_found");
    }
  });

  it("name what is not valid", async () => {
    const post = (body: object) => send("POST", PATH, { body });
    expectError(await post({ role: "viewer" }), "missing_property", "email");
    expectError(await post({ email: email() }), "missing_property", "role");
    expectError(await post({ email: "ann", role: "viewer" }), "invalid_property", "email");
    expectError(await post({ email: email(), role: "king" }), "invalid_property", "role");
    expectError(await post({ email: email(), role: "viewer", name: "" }), "invalid_property", "name");
    expectError(await send("POST", "/accounts/invitations/accept", { body: {} }), "missing_property", "code");
  });
});
