import { randomUUID } from "node:crypto";
import { createSessionToken, readSessionToken } from "@strata/contracts";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { recordingLogger } from "../recording-logger.ts";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { freshNonce, identityToken, nonceIn } from "../sign-in.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const EMPTY_JSON = { "Content-Type": "application/json" } as const;
const tokenIn = ({ json }: Reply): string => z.object({ session_token: z.string() }).parse(json).session_token;
const refusalOf = (reply: Reply) => [reply.status, errorOf(reply).id, errorOf(reply).data];
const reasonOf = (reply: Reply): unknown => {
  expect(refusalOf(reply).slice(0, 2), reply.text).to.deep.equal([422, "invalid_property"]);
  return Reflect.get(Object(errorOf(reply).data), "reason");
};

const from = (address: string) => ({ "X-Forwarded-For": `10.0.0.1, ${address}` });

describe("logging in", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  const { log, lines } = recordingLogger();
  before(async () => {
    world = await openWorld({ name: "gateway sessions", env: PATIENT, log });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const login = (identity: string, options: object = {}) =>
    send("POST", "/sessions", {
      body: { identity_token: identity, app_id: `layer:///apps/staging/${app}` },
      ...options,
    });
  const selfOf = (session: string, user = "ann") => send("GET", `/identities/${user}`, { session });
  const enter = async (user: string, claims: object = {}): Promise<string> => {
    const key = world.directory.logins.aKey(app);
    const identity = identityToken(key, { prn: user, nce: await freshNonce(send), ...claims });
    const reply = await login(identity);
    expect(reply.status, reply.text).to.equal(201);
    return tokenIn(reply);
  };

  it("takes a nonce, an identity token and a session, as the web clients do it", async () => {
    const stale = { Authorization: `Layer session-token="${createSessionToken(app)}"` };
    const nonces = await send("POST", "/nonces", { headers: { ...EMPTY_JSON, ...stale } });
    expect([nonces.status, nonces.headers.get("content-type")]).to.deep.equal([201, "application/json; charset=UTF-8"]);
    const key = world.directory.logins.aKey(app);
    const identity = identityToken(key, { prn: "ann", nce: nonceIn(nonces.json), display_name: "Ann" });
    const reply = await login(identity, { headers: stale });
    expect(reply.status, reply.text).to.equal(201);
    const session = tokenIn(reply);
    expect(readSessionToken(session)).to.have.property("appId", app);
    expect(reply.headers.get("link")).to.include(`<${PUBLIC_URL}/conversations>; rel=conversations`);
    expect(world.directory.logins.claims.get("ann")).to.deep.equal({ displayName: "Ann" });
    expect(await selfOf(session)).to.have.property("status", 200);
    const single = { Authorization: `Layer session-token='${session}'` };
    expect(await send("GET", "/identities/ann", { headers: single })).to.have.property("status", 200);
  });

  it("takes the app's bare id too, and says which property is missing or wrong", async () => {
    const key = world.directory.logins.aKey(app);
    const identity = identityToken(key, { nce: await freshNonce(send) });
    const [bare, none, bad, noToken] = [
      await send("POST", "/sessions", { body: { identity_token: identity, app_id: app } }),
      await send("POST", "/sessions", { body: { identity_token: identity } }),
      await login(identity, { body: { identity_token: identity, app_id: "shop" } }),
      await login(identity, { body: { identity_token: 7, app_id: app } }),
    ];
    expect(bare.status, bare.text).to.equal(201);
    expect(refusalOf(none)).to.deep.equal([422, "missing_property", { property: "app_id" }]);
    expect(refusalOf(bad)).to.deep.equal([422, "invalid_property", { property: "app_id" }]);
    expect(refusalOf(noToken)).to.deep.equal([422, "invalid_property", { property: "identity_token" }]);
  });

  it("lets exactly one of 20 at once in by one nonce", async () => {
    const key = world.directory.logins.aKey(app);
    const nce = await freshNonce(send);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => login(identityToken(key, { prn: `twin-${n}`, nce }))),
    );
    expect(replies.filter(({ status }) => status === 201)).to.have.lengthOf(1);
    for (const reply of replies.filter(({ status }) => status !== 201)) expect(reasonOf(reply)).to.equal("nonce_used");
  });

  it("refuses a key of another app, and one that is disabled or deleted", async () => {
    const foreign = world.directory.logins.aKey(world.directory.anApp());
    expect(reasonOf(await login(identityToken(foreign, { nce: await freshNonce(send) })))).to.equal("key_not_found");
    for (const state of ["disabled", "deleted"] as const) {
      const key = world.directory.logins.aKey(app, state);
      expect(reasonOf(await login(identityToken(key, { nce: await freshNonce(send) })))).to.equal(`key_${state}`);
    }
    const key = world.directory.logins.aKey(app);
    const invented = Buffer.alloc(42, 7).toString("base64url");
    const asked = world.directory.logins.keysAsked();
    expect(reasonOf(await login(identityToken(key, { nce: invented })))).to.equal("nonce_not_found");
    expect(world.directory.logins.keysAsked()).to.equal(asked);
  });

  it("tells a suspended user so, with 403", async () => {
    world.directory.aUser(app, "sue");
    const row = world.directory.userRow(app, "sue");
    if (row) row.isSuspended = true;
    const key = world.directory.logins.aKey(app);
    const reply = await login(identityToken(key, { prn: "sue", nce: await freshNonce(send) }));
    expect(refusalOf(reply)).to.deep.equal([403, "user_suspended", undefined]);
  });

  it("is asked for with 401 and a nonce that is good to log in with, wherever there is no session", async () => {
    const nobody = [
      {},
      { Authorization: 'Layer session-token=""' },
      { Authorization: 'Layer session-token="nonsense"' },
      { Authorization: `Layer session-token="${createSessionToken(app)}"` },
      { Authorization: `Layer session-token="${createSessionToken(randomUUID())}"` },
      { Authorization: `Bearer ${world.directory.aToken({ app })}` },
    ];
    for (const headers of nobody) {
      const reply = await send("GET", "/conversations", { headers, token: null });
      expect(refusalOf(reply).slice(0, 2), JSON.stringify(headers)).to.deep.equal([401, "authentication_required"]);
      expect(errorOf(reply).code).to.equal(4);
      const key = world.directory.logins.aKey(app);
      const again = await login(identityToken(key, { nce: nonceIn(errorOf(reply).data) }));
      expect(again.status, again.text).to.equal(201);
    }
  });

  it("is over when the session has expired, though it is remembered", async () => {
    const session = world.directory.logins.aSession(app, "ann", Date.now() + 1_500);
    expect(await selfOf(session)).to.have.property("status", 200);
    await eventually(async () => (await selfOf(session)).status, 401);
    const asked = world.directory.logins.asked.get(readSessionToken(session)?.hash ?? "");
    expect(asked).to.equal(1);
  });

  it("is over for all of a user's sessions when the backend ends them, suspends or deletes her", async () => {
    const api = httpClient(world.baseUrl, { version: "3.0", token: world.directory.aToken({ app }) });
    const suspended = [{ operation: "set", property: "suspended", value: true }];
    const endings: readonly (readonly [string, (user: string) => Promise<Reply>])[] = [
      ["ended", (user) => api("DELETE", `/apps/${app}/users/${user}/sessions`)],
      ["deleted", (user) => api("DELETE", `/apps/${app}/users/${user}`)],
      [
        "suspended",
        (user) =>
          api("PATCH", `/apps/${app}/users/${user}`, {
            headers: { "Content-Type": "application/vnd.layer-patch+json" },
            body: suspended,
          }),
      ],
    ];
    const other = await enter("other");
    for (const [user, end] of endings) {
      const sessions = [await enter(user), await enter(user)];
      for (const session of sessions) expect(await selfOf(session, "other"), user).to.have.property("status", 200);
      for (const session of sessions)
        world.directory.logins.sessions.delete(`${app}/${readSessionToken(session)?.hash}`);
      await end(user);
      for (const session of sessions) await eventually(async () => (await selfOf(session, "other")).status, 401);
    }
    expect(await selfOf(other, "other")).to.have.property("status", 200);
    const asked = world.directory.logins.asked.get(readSessionToken(other)?.hash ?? "");
    expect(asked, "nobody else's is asked about again").to.equal(1);
  });

  it("ends with DELETE, once and for all, and says the same of what is no session", async () => {
    const [session, other] = [await enter("ann"), await enter("ann")];
    expect(await selfOf(session)).to.have.property("status", 200);
    expect(await send("DELETE", `/sessions/${session}`, { headers: EMPTY_JSON })).to.have.property("status", 204);
    expect(await selfOf(session)).to.have.property("status", 401);
    expect(await selfOf(other)).to.have.property("status", 200);
    for (const text of [session, createSessionToken(app), "nonsense"]) {
      expect(await send("DELETE", `/sessions/${text}`)).to.have.property("status", 204);
    }
  });

  it("can be asked about at the root, where a dead token is 401 and no token is 200", async () => {
    const query = "/?action=validateConnectionForWebsocket&client=3.4.18";
    const live = await send("GET", query, { session: await enter("ann") });
    expect([live.status, live.text]).to.deep.equal([200, ""]);
    for (const rel of ["nonces", "sessions", "conversations", "content"]) {
      expect(live.headers.get("link")).to.include(`<${PUBLIC_URL}/${rel}>; rel=${rel}`);
    }
    expect(await send("GET", "/")).to.have.property("status", 200);
    const dead = await send("GET", query, { session: createSessionToken(app) });
    expect(dead.status).to.equal(401);
    expect(errorOf(dead).data).to.have.property("nonce").that.is.a("string");
  });

  it("leaves no token in any log", async () => {
    const session = await enter("ann");
    await selfOf(session);
    await send("DELETE", `/sessions/${session}`);
    await send("DELETE", `/sessions/${session}x`);
    await eventually(() => lines().filter((line) => line.includes("/sessions/:token")).length >= 2, true);
    for (const line of lines()) expect(line).not.to.include(session);
    expect(lines().join("\n")).not.to.match(/eyJ[\w-]{20}/);
  });

  it("needs 2.0 or 3.0", async () => {
    for (const accept of ["application/vnd.layer+json; version=1.1", "application/vnd.layer+json", "text/html"]) {
      const options = { version: null, headers: { Accept: accept } };
      const replies = [
        await send("POST", "/nonces", options),
        await send("GET", "/conversations", { ...options, session: await enter("ann") }),
      ];
      for (const reply of replies) {
        expect(refusalOf(reply), accept).to.deep.equal([406, "invalid_header", { header: "Accept" }]);
      }
    }
  });
});

describe("logging in, limited by address", () => {
  let world: World;
  before(async () => {
    const env = {
      ...PATIENT,
      STRANGER_RATE_LIMIT_PER_SECOND: "0.001",
      STRANGER_RATE_LIMIT_BURST: "5",
      PROXY_HOPS: "1",
    };
    world = await openWorld({ name: "gateway strangers", env });
  });
  after(() => world[Symbol.asyncDispose]());

  it("refuses nonces, sessions and invented tokens of one address, and of no other", async () => {
    const send = httpClient(world.baseUrl, { version: "3.0" });
    const app = world.directory.anApp();
    const session = world.directory.logins.aSession(app, "ann");
    const headers = from("192.0.2.1");
    expect(await send("GET", "/identities/ann", { headers, session })).to.have.property("status", 200);
    for (const [method, path] of [
      ["POST", "/nonces"],
      ["POST", "/sessions"],
      ["DELETE", "/sessions/x"],
    ] as const) {
      expect(await send(method, path, { headers }))
        .to.have.property("status")
        .that.is.not.equal(429);
    }
    for (const path of ["/conversations", "/"]) {
      expect(await send("GET", path, { headers, session: createSessionToken(app) })).to.have.property("status", 401);
    }
    const refused = await send("POST", "/nonces", { headers });
    expect([refused.status, refused.headers.get("retry-after")]).to.deep.equal([429, "1000"]);
    const dead = await send("GET", "/conversations", { headers, session: createSessionToken(app) });
    expect(dead).to.have.property("status", 429);
    // Who has a session is not counted, nor is who comes from elsewhere, whatever the header says before that.
    expect(await send("GET", "/identities/ann", { headers, session })).to.have.property("status", 200);
    expect(await send("POST", "/nonces", { headers: from("192.0.2.2") })).to.have.property("status", 201);
    const forged = { "X-Forwarded-For": "192.0.2.7, 192.0.2.1" };
    expect(await send("POST", "/nonces", { headers: forged })).to.have.property("status", 429);
  });
});
