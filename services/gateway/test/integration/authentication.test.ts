import { randomUUID } from "node:crypto";
import { createToken, tokenHash } from "@strata/contracts";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

describe("who may call", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let token: string;

  before(async () => {
    world = await openWorld({ name: "gateway auth" });
    app = world.directory.anApp();
    token = world.directory.aToken({ app });
    world.directory.aUser(app, "ann");
    send = httpClient(world.baseUrl, { token });
  });
  after(() => world[Symbol.asyncDispose]());

  const idOf = async (...args: Parameters<HttpClient>) => errorOf(await send(...args)).id;
  const identity = (appId = app) => `/apps/${appId}/users/ann/identity`;

  it("lets a token in, however its scheme is spelled", async () => {
    for (const scheme of ["Bearer", "BEARER", "bearer"]) {
      const headers = { Authorization: `${scheme} ${token}` };
      expect(await send("GET", identity(), { token: null, headers })).to.have.property("status", 200);
    }
  });

  it("answers 401 without a token, and to one that grants nothing", async () => {
    for (const wrong of [null, "strata_not-one", createToken()]) {
      const reply = await send("GET", identity(), { token: wrong });
      expect(reply.status).to.equal(401);
      expect(reply.headers.get("www-authenticate")).to.equal("Bearer");
      expect(errorOf(reply)).to.include({
        id: "authentication_required",
        code: 4,
        url: `${PUBLIC_URL}/docs/errors#authentication_required`,
      });
    }
    const basic = await send("GET", identity(), { token: null, headers: { Authorization: `Basic ${token}` } });
    expect(basic.status).to.equal(401);
  });

  it("asks nobody about a text that cannot be a token, and once about one that can", async () => {
    const mistyped = `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
    const invented = createToken();
    for (const text of [mistyped, mistyped, invented, invented]) await send("GET", identity(), { token: text });
    expect(world.directory.asked.get(tokenHash(mistyped))).to.equal(undefined);
    expect(world.directory.asked.get(tokenHash(invented))).to.equal(1);
    expect(world.directory.asked.get(tokenHash(token))).to.equal(1);
  });

  it("looks at a token's expiry at each request, also when its grant is cached", async () => {
    const brief = world.directory.aToken({ app, expiresAt: Date.now() + 1_000 });
    expect(await send("GET", identity(), { token: brief })).to.have.property("status", 200);
    await eventually(async () => (await send("GET", identity(), { token: brief })).status, 401, { everyMs: 100 });
  });

  it("forgets a revoked token within a second", async () => {
    const doomed = world.directory.aToken({ app });
    expect(await send("GET", identity(), { token: doomed })).to.have.property("status", 200);
    await world.directory.revoke(doomed);
    await eventually(async () => (await send("GET", identity(), { token: doomed })).status, 401, { deadlineMs: 1_000 });
  });

  it("keeps no grant through a time in which it could have missed a revocation", async () => {
    const kept = world.directory.aToken({ app });
    const timesAsked = () => world.directory.asked.get(tokenHash(kept)) ?? 0;
    await send("GET", identity(), { token: kept });
    expect(timesAsked()).to.equal(1);
    world.proxy.cut();
    await eventually(async () => {
      await send("GET", identity(), { token: kept });
      return timesAsked() > 1;
    }, true);
  });

  it("refuses another app's token with 403 invalid_app_id, and what is no app", async () => {
    for (const appId of [world.directory.anApp(), randomUUID(), "shop"]) {
      const reply = await send("GET", identity(appId));
      expect(reply.status).to.equal(403);
      expect(errorOf(reply).id).to.equal("invalid_app_id");
    }
    const account = await send("GET", identity(), { token: world.directory.aToken() });
    expect(errorOf(account).id).to.equal("invalid_app_id");
  });

  it("refuses what a token's scopes leave out with 403 access_denied", async () => {
    const reader = world.directory.aToken({ app, scopes: ["app:read"] });
    expect(await send("GET", identity(), { token: reader })).to.have.property("status", 200);
    const write = await send("POST", identity(), { token: reader, body: { display_name: "Ann" } });
    expect([write.status, errorOf(write).id]).to.deep.equal([403, "access_denied"]);
    const admin = await send("GET", "/accounts/apps");
    expect([admin.status, errorOf(admin).id]).to.deep.equal([403, "access_denied"]);
  });

  it("checks in the order of the contract: route, token, version, JSON, required, values, existence", async () => {
    const path = `/apps/${app}/users/nobody/devices/phone`;
    const accept = { Accept: "application/vnd.layer+json; version=9.9" };
    expect(await idOf("PUT", `/apps/${app}/nothing`, { token: null, headers: accept })).to.equal("invalid_endpoint");
    expect(await idOf("PUT", path, { token: null, headers: accept, raw: "{" })).to.equal("authentication_required");
    expect(await idOf("PUT", path, { headers: accept, raw: "{" })).to.equal("invalid_header");
    expect(await idOf("PUT", path, { raw: "{" })).to.equal("invalid_request");
    expect(await idOf("PUT", path, { body: { platform: "ios" } })).to.equal("missing_property");
    const bad = { platform: "ios", kind: "apns", token: "not hexadecimal" };
    expect(await idOf("PUT", path, { body: bad })).to.equal("invalid_property");
    expect(await idOf("PUT", path, { body: { ...bad, token: "abcd" } })).to.equal("not_found");
  });

  it("answers the newest version where none is named, and 406 where it does not know it", async () => {
    for (const headers of [{ Accept: "*/*" }, { Accept: "application/json" }]) {
      expect((await send("GET", identity(), { headers })).json).to.have.property("id", "layer:///identities/ann");
    }
    expect((await send("GET", identity(), { version: "1.1" })).json).not.to.have.property("id");
    const reply = await send("GET", identity(), { headers: { Accept: "text/html" } });
    expect(reply.status).to.equal(406);
    expect(errorOf(reply)).to.deep.include({ id: "invalid_header", data: { header: "Accept" } });
  });
});

describe("invented tokens", () => {
  it("cost the directory no more questions than their address may ask, while good ones go on", async () => {
    const env = { STRANGER_RATE_LIMIT_PER_SECOND: "0.001", STRANGER_RATE_LIMIT_BURST: "5", PROXY_HOPS: "1" };
    await using world = await openWorld({ name: "gateway invented tokens", env });
    const app = world.directory.anApp();
    world.directory.aUser(app, "ann");
    const send = httpClient(world.baseUrl, { version: "3.0" });
    const [known, other] = [world.directory.aToken({ app }), world.directory.aToken({ app })];
    const look = async (token: string, address: string) => {
      const headers = { "X-Forwarded-For": address };
      return (await send("GET", `/apps/${app}/users/ann/identity`, { token, headers })).status;
    };
    expect(await look(known, "192.0.2.1")).to.equal(200);
    const invented = Array.from({ length: 20 }, () => createToken());
    const statuses = await Promise.all(invented.map((token) => look(token, "192.0.2.1")));
    expect(statuses.filter((status) => status === 401)).to.have.lengthOf(5);
    expect(statuses.filter((status) => status === 429)).to.have.lengthOf(15);
    expect(invented.filter((token) => world.directory.asked.has(tokenHash(token)))).to.have.lengthOf(5);
    expect(await look(known, "192.0.2.1")).to.equal(200);
    expect(await look(other, "192.0.2.2")).to.equal(200);
  });
});
