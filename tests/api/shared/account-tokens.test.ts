import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import {
  type AccountClient,
  accountClient,
  anotherAccount,
  madeToken,
  type MadeToken,
  newApp,
} from "../support/account-client.ts";
import { expectError, expectStatus, list, member } from "../support/api-client.ts";
import { apiPlatform } from "./platform.ts";

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

describe("tokens", function tokens() {
  this.timeout(60_000);
  let send: AccountClient;
  let app: string;
  before(async () => {
    send = accountClient(await apiPlatform());
    app = await newApp(send);
  });

  const ofApp = (extra = "") => `/accounts/apps/${app}/tokens${extra}`;
  const newToken = async (body: object, path = ofApp(), token?: string): Promise<MadeToken> =>
    madeToken(await send("POST", path, { body: { name: "test", ...body }, ...(token === undefined ? {} : { token }) }));
  const shown = async ({ id }: MadeToken, path = ofApp()) =>
    list(expectStatus(await send("GET", path), 200).json).find((row) => member(row, "id") === id);
  const status = async ({ text }: MadeToken, path = `/apps/${app}`) =>
    (await send("GET", path, { token: text })).status;

  it("does what its scopes name, and nothing else", async () => {
    const { text: token } = await newToken({ scopes: ["users:read"] });
    expectStatus(await send("GET", `/apps/${app}/users/nobody/blocks`, { token }), 404);
    const body = { display_name: "Ann" };
    expectError(await send("POST", `/apps/${app}/users/ann/identity`, { token, body }), "access_denied");
    expectError(await send("GET", `/apps/${app}/conversations/${randomUUID()}`, { token }), "access_denied");
    expectError(await send("GET", `/apps/${app}`, { token }), "access_denied");
  });

  it("with app:read reads in all areas, as it did before there were any", async () => {
    const { text: token } = await newToken({ scopes: ["app:read"] });
    for (const path of ["", "/users/nobody/blocks", `/conversations/${randomUUID()}`, "/insights", "/segments"]) {
      expect((await send("GET", `/apps/${app}${path}`, { token })).status, path).to.be.oneOf([200, 404]);
    }
  });

  describe("rotation", () => {
    it("shows a new text once, and ends the old one when the overlap is over", async () => {
      const old = await newToken({ scopes: ["app:read"], expires_at: inDays(30) });
      expect(await status(old)).to.equal(200);
      const reply = await send("POST", ofApp(`/${old.id}/rotate`), { body: { overlap_seconds: 2 } });
      const next = madeToken(reply);
      expect(reply.json).to.deep.include({ name: "test", scopes: ["app:read"], replaced_by: null });
      expect(await shown(old)).to.include({ replaced_by: next.id, revoked_at: null });
      expect([await status(old), await status(next)]).to.deep.equal([200, 200]);
      await eventually(() => status(old), 401);
      expect(await status(next)).to.equal(200);
      expect((await send("GET", ofApp())).text).not.to.include(next.text);
      expect(member(await shown(next), "expires_at"))
        .to.equal(member(reply.json, "expires_at"))
        .and.not.equal(null);
    });

    it("ends it at once without an overlap, also where a gateway knew it", async () => {
      const old = await newToken({ scopes: ["app:read"] });
      expect(await status(old)).to.equal(200);
      madeToken(await send("POST", ofApp(`/${old.id}/rotate`), { body: { overlap_seconds: 0 } }));
      await eventually(() => status(old), 401, { deadlineMs: 1_000 });
    });

    it("lets no token live longer than it would have", async () => {
      const soon = inDays(0.01);
      const old = await newToken({ expires_at: soon });
      const next = madeToken(await send("POST", ofApp(`/${old.id}/rotate`), { body: { expires_at: inDays(9) } }));
      expect(await shown(old)).to.include({ expires_at: soon });
      expect(Date.parse(String(member(await shown(next), "expires_at")))).to.be.above(Date.parse(inDays(8)));
    });

    it("makes one of two that are asked for at once, and none of a token that has ended", async () => {
      const old = await newToken({});
      const rotate = () => send("POST", ofApp(`/${old.id}/rotate`));
      const replies = await Promise.all([rotate(), rotate(), rotate()]);
      expect(replies.map((reply) => reply.status)).to.have.members([201, 422, 422]);
      expectError(await rotate(), "invalid_operation");
      const revoked = await newToken({});
      expectStatus(await send("DELETE", ofApp(`/${revoked.id}`)), 204);
      expectError(await send("POST", ofApp(`/${revoked.id}/rotate`)), "invalid_operation");
    });

    it("answers a repeat with the token that it made, without its text", async () => {
      const old = await newToken({});
      const headers = { "If-None-Match": randomUUID() };
      const next = madeToken(await send("POST", ofApp(`/${old.id}/rotate`), { headers }));
      const repeat = await send("POST", ofApp(`/${old.id}/rotate`), { headers });
      expectError(repeat, "id_in_use");
      expect(member(repeat.json, "data")).to.include({ id: next.id }).and.not.have.property("token");
    });

    it("does not know another account's tokens, nor those of another app under this one", async () => {
      const old = await newToken({});
      const { token } = await anotherAccount(await apiPlatform());
      expectError(await send("POST", ofApp(`/${old.id}/rotate`), { token }), "not_found");
      const other = await newApp(send);
      expectError(await send("POST", `/accounts/apps/${other}/tokens/${old.id}/rotate`), "not_found");
      expectError(await send("POST", `/accounts/tokens/${old.id}/rotate`), "not_found");
    });
  });

  it("are revoked and rotated, however many others there were", async () => {
    const platform = await apiPlatform();
    const [old, other] = [await newToken({ scopes: ["app:read"] }), await newToken({ scopes: ["app:read"] })];
    const rows = platform.db("directory").collection<{ _id: string; tokenId: string }>("tokens");
    const row = await rows.findOne({ tokenId: old.id });
    const ended = Array.from({ length: 4_200 }, (_, n) => {
      const tokenId = randomUUID();
      const hash = `${tokenId}${randomUUID()}`.replaceAll("-", "");
      return { ...row, _id: tokenId, tokenId, hash, createdAt: n % 2 === 0 ? n : Date.now(), revokedAt: n + 1 };
    });
    await rows.insertMany(ended);
    expect(await shown(old)).to.include({ id: old.id, revoked_at: null });
    expectStatus(await send("DELETE", ofApp(`/${old.id}`)), 204);
    await eventually(() => status(old), 401, { deadlineMs: 1_000 });
    madeToken(await send("POST", ofApp(`/${other.id}/rotate`)));
    await rows.deleteMany({ _id: { $in: ended.map(({ _id }) => _id) } });
  });

  it("say when they were last used, some seconds later", async () => {
    const token = await newToken({ scopes: ["app:read"] });
    expect(await shown(token)).to.include({ last_used_at: null });
    const before = Date.now();
    expect(await status(token)).to.equal(200);
    const lastUsedAt = async () => Date.parse(String(member(await shown(token), "last_used_at")));
    await eventually(async () => (await lastUsedAt()) >= before, true, { deadlineMs: 30_000 });
  });

  describe("of the account", () => {
    const path = "/accounts/tokens";

    it("administer as far as their scopes go", async () => {
      const reader = await newToken({ scopes: ["account:read"] }, path);
      const writer = await newToken({ scopes: ["account:write"] }, path);
      expect(await shown(reader, path)).to.include({ app_id: null, name: "test" });
      const make = (token: string) => send("POST", ofApp(), { token, body: { name: "x", scopes: ["app:read"] } });
      expectStatus(await send("GET", "/accounts/apps", { token: reader.text }), 200);
      expectError(await make(reader.text), "access_denied");
      madeToken(await make(writer.text));
      expectStatus(await send("GET", "/accounts/apps", { token: writer.text }), 200);
      expectError(await send("GET", path, { token: writer.text }), "access_denied");
      expectError(await send("GET", `/apps/${app}`, { token: writer.text }), "invalid_app_id");
      expectStatus(await send("DELETE", `${path}/${reader.id}`), 204);
      await eventually(() => status(reader, "/accounts/apps"), 401, { deadlineMs: 1_000 });
    });

    it("give nobody longer than they have themselves", async () => {
      const brief = await newToken({ scopes: ["account:admin"], expires_at: inDays(1) }, path);
      for (const body of [{ name: "x" }, { name: "x", expires_at: inDays(2) }]) {
        expectError(await send("POST", ofApp(), { token: brief.text, body }), "access_denied", "expires_at");
      }
      const old = await newToken({ expires_at: inDays(2) });
      expectError(await send("POST", ofApp(`/${old.id}/rotate`), { token: brief.text }), "access_denied");
      expect(await shown(old)).to.include({ replaced_by: null });
      await newToken({ expires_at: inDays(0.5) }, ofApp(), brief.text);
    });

    it("name their scopes, which are those of accounts", async () => {
      expectError(await send("POST", path, { body: { name: "x" } }), "missing_property", "scopes");
      for (const scopes of [[], ["app:read"], ["everything"]]) {
        expectError(await send("POST", path, { body: { name: "x", scopes } }), "invalid_property");
      }
      expectError(await send("POST", ofApp(), { body: { name: "x", scopes: ["account:read"] } }), "invalid_property");
    });

    it("are nothing to another account", async () => {
      const own = await newToken({ scopes: ["account:read"] }, path);
      const { token } = await anotherAccount(await apiPlatform());
      expect((await send("GET", path, { token })).text).not.to.include(own.id);
      expectError(await send("DELETE", `${path}/${own.id}`, { token }), "not_found");
      expect(await status(own, "/accounts/apps")).to.equal(200);
    });
  });
});
