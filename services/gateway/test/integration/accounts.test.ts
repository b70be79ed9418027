import { createECDH, generateKeyPairSync, randomUUID } from "node:crypto";
import { isWellFormedToken, PushCredential } from "@strata/contracts";
import { DomainError, unseal } from "@strata/runtime";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const Made = z.object({ app_id: z.string() });
const MadeToken = z.object({ id: z.string(), token: z.string() });

const tokenPath = (app: string, token = "") => `/accounts/apps/${app}/tokens${token === "" ? "" : `/${token}`}`;
const credentialPath = (app: string, id: string = randomUUID()) => `/accounts/apps/${app}/push_credentials/${id}`;

const collectionPath = (app: string) => `/accounts/apps/${app}/push_credentials`;

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

describe("accounts", () => {
  let world: World;
  let send: HttpClient;

  before(async () => {
    world = await openWorld({ name: "gateway accounts" });
    send = httpClient(world.baseUrl, { token: world.directory.aToken() });
  });
  after(() => world[Symbol.asyncDispose]());

  const anApp = async (): Promise<string> =>
    Made.parse((await send("POST", "/accounts/apps", { body: { name: "Shop" } })).json).app_id;
  const foreignApp = (): string => world.directory.anApp({ account: "another" });

  const sent = (app: string, id: string) => world.push.credentials.get(`${app}/${id}`);

  it("are made by nobody who signs up, where the operator does not let them", async () => {
    const reply = await send("POST", "/accounts", { token: "none", body: { name: "Shop", email: "ann@example.com" } });
    expect(errorOf(reply)).to.include({ id: "invalid_endpoint" });
    expect(reply.status).to.equal(404);
  });

  describe("apps", () => {
    it("makes an app and lists it, to its own account only", async () => {
      const reply = await send("POST", "/accounts/apps", { body: { name: "Shop" } });
      expect(reply.status).to.equal(201);
      const { app_id: appId } = Made.parse(reply.json);
      expect(reply.json).to.deep.include({
        id: `layer:///apps/production/${appId}`,
        url: `${PUBLIC_URL}/accounts/apps/${appId}`,
        name: "Shop",
      });
      expect((await send("GET", "/accounts/apps")).json).to.deep.include(reply.json);
      const other = world.directory.aToken({ account: "another" });
      expect((await send("GET", "/accounts/apps", { token: other })).json).to.deep.equal([]);
    });

    it("makes it under the UUID of If-None-Match once", async () => {
      const headers = { "If-None-Match": randomUUID() };
      const first = await send("POST", "/accounts/apps", { headers, body: { name: "Shop" } });
      const repeat = await send("POST", "/accounts/apps", { headers, body: { name: "Shop" } });
      expect([first.status, repeat.status]).to.deep.equal([201, 409]);
      expect(errorOf(repeat)).to.deep.include({ id: "id_in_use", data: first.json });
      const other = world.directory.aToken({ account: "another" });
      const foreign = await send("POST", "/accounts/apps", { headers, token: other, body: { name: "Shop" } });
      expect(errorOf(foreign)).to.deep.include({ id: "id_in_use", data: null });
    });

    it("answers the repeat of an Idempotency-Key like the first time, and 422 to another body", async () => {
      const headers = { "Idempotency-Key": randomUUID() };
      const create = (name: string) => send("POST", "/accounts/apps", { headers, body: { name } });
      const first = await create("Shop");
      expect(await create("Shop")).to.deep.include({ status: 201, json: first.json });
      expect(await create("Else")).to.have.property("status", 422);
    });

    it("needs a name", async () => {
      const missing = await send("POST", "/accounts/apps", { body: {} });
      expect(errorOf(missing)).to.deep.include({ id: "missing_property", data: { property: "name" } });
      const long = await send("POST", "/accounts/apps", { body: { name: "S".repeat(129) } });
      expect(errorOf(long)).to.deep.include({ id: "invalid_property", data: { property: "name" } });
    });
  });

  describe("tokens", () => {
    it("makes a token that works, and shows its text this once", async () => {
      const app = await anApp();
      const reply = await send("POST", tokenPath(app), {
        body: { name: "backend", expires_at: "2100-01-01T00:00:00+01:00" },
      });
      expect(reply.status).to.equal(201);
      expect(reply.json).to.deep.include({
        name: "backend",
        scopes: ["app:read", "app:write"],
        expires_at: "2099-12-31T23:00:00.000Z",
        revoked_at: null,
      });
      const { id, token } = MadeToken.parse(reply.json);
      expect(isWellFormedToken(token)).to.equal(true);
      expect(await send("GET", `/apps/${app}/users/nobody/identity`, { token })).to.have.property("status", 404);
      const list = await send("GET", tokenPath(app));
      expect(list.json).to.have.nested.property("[0].id", id);
      expect(list.text).not.to.include(token);
    });

    it("ends it at DELETE, within a second, and as often as it is asked", async () => {
      const app = await anApp();
      const made = await send("POST", tokenPath(app), { body: { name: "backend", scopes: ["app:read"] } });
      const { id, token } = MadeToken.parse(made.json);
      const status = async () => (await send("GET", `/apps/${app}/users/nobody/identity`, { token })).status;
      expect(await status()).to.equal(404);
      expect(await send("DELETE", tokenPath(app, id))).to.have.property("status", 204);
      await eventually(status, 401, { deadlineMs: 1_000 });
      expect(await send("DELETE", tokenPath(app, id))).to.have.property("status", 204);
      const [listed] = z.array(z.object({ revoked_at: z.string() })).parse((await send("GET", tokenPath(app))).json);
      expect(Date.parse(listed?.revoked_at ?? "")).to.be.closeTo(Date.now(), 5_000);
    });

    it("answers a repeat with the token and without its text, which is not kept", async () => {
      const app = await anApp();
      for (const headers of [{ "If-None-Match": randomUUID() }, { "Idempotency-Key": randomUUID() }]) {
        const made = await send("POST", tokenPath(app), { headers, body: { name: "backend" } });
        const { id } = MadeToken.parse(made.json);
        const repeat = await send("POST", tokenPath(app), { headers, body: { name: "backend" } });
        expect(repeat.status).to.equal(409);
        expect(errorOf(repeat).data).to.include({ id }).and.not.have.property("token");
      }
    });

    it("names what is not valid, and grants no administration", async () => {
      const app = await anApp();
      const refused: readonly [string, Readonly<Record<string, unknown>>][] = [
        ["scopes", { scopes: ["account:admin"] }],
        ["scopes", { scopes: [] }],
        ["expires_at", { expires_at: "tomorrow" }],
        ["name", { name: 7 }],
      ];
      for (const [property, changes] of refused) {
        const reply = await send("POST", tokenPath(app), { body: { name: "backend", ...changes } });
        expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
      }
    });

    it("answers 404 for another account's app, and for a token of another app", async () => {
      const [app, other] = [await anApp(), await anApp()];
      const { id } = MadeToken.parse((await send("POST", tokenPath(other), { body: { name: "backend" } })).json);
      for (const reply of [
        await send("POST", tokenPath(foreignApp()), { body: { name: "backend" } }),
        await send("GET", tokenPath(foreignApp())),
        await send("GET", tokenPath("shop")),
        await send("DELETE", tokenPath(app, id)),
        await send("DELETE", tokenPath(app, "first")),
      ]) {
        expect([reply.status, errorOf(reply).id]).to.deep.equal([404, "not_found"]);
      }
    });
  });

  describe("push credentials", () => {
    const pem = { type: "pkcs8", format: "pem" } as const;
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export(pem).toString();
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(pem).toString();
    const fcm = {
      kind: "fcm",
      service_account: { type: "service_account", project_id: "p", client_email: "a@p.example", private_key: rsa },
    };
    const apns = {
      kind: "apns",
      team_id: "TEAM",
      key_id: "KEY",
      private_key: ec,
      bundle_id: "com.example",
      environment: "development",
    };

    it("seals them before they leave, so that only push-delivery can read them", async () => {
      const app = await anApp();
      for (const body of [fcm, apns]) {
        const id = randomUUID();
        const reply = await send("PUT", credentialPath(app, id.toUpperCase()), { body });
        expect([reply.status, reply.text]).to.deep.equal([204, ""]);
        expect(sent(app, id)).to.include({ kind: body.kind });
        expect(JSON.stringify(sent(app, id))).not.to.include("PRIVATE KEY");
        const opened = PushCredential.parse(JSON.parse(unseal(world.credentialsKey, sent(app, id)?.sealed ?? "")));
        if (opened.kind === "fcm") expect(opened.serviceAccount).to.deep.equal(fcm.service_account);
        else expect(opened).to.deep.include({ teamId: "TEAM", privateKey: ec, environment: "development" });
      }
    });

    it("refuses a key that cannot be read, or is of the wrong kind, without repeating it", async () => {
      const app = await anApp();
      const refused: readonly [string, unknown][] = [
        ["private_key", { ...apns, private_key: rsa }],
        ["private_key", { ...apns, private_key: "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----" }],
        ["service_account.private_key", { ...fcm, service_account: { ...fcm.service_account, private_key: ec } }],
        ["service_account.project_id", { ...fcm, service_account: { private_key: rsa } }],
        ["environment", { ...apns, environment: "staging" }],
        ["kind", { kind: "carrier pigeon" }],
      ];
      for (const [property, body] of refused) {
        const reply = await send("PUT", credentialPath(app), { body });
        expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
        expect(reply.text).not.to.include("BEGIN");
      }
      const missing = await send("PUT", credentialPath(app), { body: { kind: "apns", team_id: "TEAM" } });
      expect(errorOf(missing)).to.deep.include({ id: "missing_property", data: { property: "key_id" } });
    });

    it("takes a VAPID key pair that belongs together, under a subject that push services can turn to", async () => {
      const app = await anApp();
      const [pair, other] = [createECDH("prime256v1"), createECDH("prime256v1")];
      const vapid = {
        kind: "webpush",
        subject: "mailto:ops@shop.example",
        public_key: pair.generateKeys("base64url"),
        private_key: pair.getPrivateKey("base64url"),
      };
      const id = randomUUID();
      expect(await send("PUT", credentialPath(app, id), { body: vapid })).to.have.property("status", 204);
      expect(JSON.parse(unseal(world.credentialsKey, sent(app, id)?.sealed ?? ""))).to.deep.equal({
        kind: "webpush",
        subject: vapid.subject,
        publicKey: vapid.public_key,
        privateKey: vapid.private_key,
      });
      const refused: readonly [string, object][] = [
        ["subject", { subject: "ops@shop.example" }],
        ["subject", { subject: "mailto:ops@localhost" }],
        ["subject", { subject: "http://shop.example" }],
        ["private_key", { private_key: vapid.private_key.slice(1) }],
        ["private_key", { private_key: Buffer.alloc(32).toString("base64url") }],
        ["public_key", { public_key: other.generateKeys("base64url") }],
      ];
      for (const [property, changes] of refused) {
        const reply = await send("PUT", credentialPath(app), { body: { ...vapid, ...changes } });
        expect([reply.status, errorOf(reply).data], JSON.stringify(changes)).to.deep.equal([422, { property }]);
      }
      expect(
        await send("PUT", credentialPath(app), { body: { ...vapid, subject: "https://shop.example/push" } }),
      ).to.have.property("status", 204);
    });

    it("hands on a refusal with the provider's word, and what says that it cannot be asked", async () => {
      const app = await anApp();
      const refusing = async (error: DomainError) => {
        world.push.refusal = error;
        const reply = await send("PUT", credentialPath(app), { body: apns });
        world.push.refusal = null;
        return reply;
      };
      const message = "APNs refuses it: InvalidProviderToken";
      const refused = await refusing(new DomainError("invalid_property", { property: "private_key" }, { message }));
      expect(errorOf(refused)).to.deep.include({ id: "invalid_property", message, data: { property: "private_key" } });
      const asked = await refusing(
        new DomainError("service_unavailable", { dependency: "provider" }, { message: "APNs could not be asked" }),
      );
      expect([asked.status, asked.headers.get("retry-after")]).to.deep.equal([503, "5"]);
      expect(errorOf(asked).message).to.include("APNs could not be asked").and.include("?check=false");
    });

    it("is stored unasked with check=false, and asked else", async () => {
      const app = await anApp();
      for (const [query, check] of [
        ["", true],
        ["?check=true", true],
        ["?check=false", false],
      ] as const) {
        const id = randomUUID();
        expect(await send("PUT", `${credentialPath(app, id)}${query}`, { body: fcm })).to.have.property("status", 204);
        expect(sent(app, id)).to.include({ check, expiresAt: null });
      }
      const bad = await send("PUT", `${credentialPath(app)}?check=maybe`, { body: fcm });
      expect(errorOf(bad)).to.deep.include({ id: "invalid_property", data: { property: "check" } });
    });

    it("may say when it ends, which is shown", async () => {
      const app = await anApp();
      const [soon, late] = [randomUUID(), randomUUID()];
      const ends = { [soon]: inDays(29), [late]: inDays(31) };
      for (const id of [soon, late]) {
        expect(await send("PUT", credentialPath(app, id), { body: { ...fcm, expires_at: ends[id] } })).to.have.property(
          "status",
          204,
        );
        expect((await send("GET", credentialPath(app, id))).json).to.deep.include({
          expires_at: ends[id],
          expires_soon: id === soon,
        });
      }
      const bad = await send("PUT", credentialPath(app), { body: { ...fcm, expires_at: "soon" } });
      expect(errorOf(bad)).to.deep.include({ id: "invalid_property", data: { property: "expires_at" } });
    });

    it("shows them with their state and without their secrets, all and one", async () => {
      const app = await anApp();
      const id = randomUUID();
      await send("PUT", credentialPath(app, id), { body: fcm });
      const one = await send("GET", credentialPath(app, id.toUpperCase()));
      expect(one.json).to.deep.equal({
        id,
        url: `${PUBLIC_URL}${credentialPath(app, id)}`,
        kind: "fcm",
        project_id: "p",
        client_email: null,
        team_id: null,
        key_id: null,
        bundle_id: null,
        environment: null,
        public_key: null,
        fingerprint: "sha256:x",
        created_at: new Date(1_000).toISOString(),
        changed_at: new Date(2_000).toISOString(),
        expires_at: null,
        expires_soon: false,
        state: "paused",
        state_since: new Date(3_000).toISOString(),
        reason: "QUOTA_EXCEEDED",
        retry_at: new Date(4_000).toISOString(),
        waiting_pushes: 7,
      });
      expect((await send("GET", collectionPath(app))).json).to.deep.equal([one.json]);
      expect((await send("GET", collectionPath(await anApp()))).json).to.deep.equal([]);
    });

    it("removes one, and says of another that there is none", async () => {
      const app = await anApp();
      const id = randomUUID();
      await send("PUT", credentialPath(app, id), { body: fcm });
      expect(await send("DELETE", credentialPath(app, id))).to.include({ status: 204, text: "" });
      for (const method of ["GET", "DELETE"]) {
        expect(errorOf(await send(method, credentialPath(app, id)))).to.include({ id: "not_found" });
      }
    });

    it("sends a canary to a device or a token, and answers as the provider did", async () => {
      const app = await anApp();
      const path = `${credentialPath(app)}/canary`;
      const toDevice = await send("POST", path, { body: { user_id: "ann", device_id: "phone" } });
      expect([toDevice.status, toDevice.json]).to.deep.equal([
        200,
        { accepted: false, status: 410, reason: "Unregistered", provider_id: "A-1", duration_ms: 12 },
      ]);
      const notification = { title: "Hi", "loc-key": "HI" };
      await send("POST", path, { body: { token: "t-1", notification } });
      const [first, second] = world.push.canaries.slice(-2);
      expect(first?.target).to.deep.equal({ userId: "ann", deviceId: "phone" });
      expect(first?.notification.text).to.be.a("string");
      expect(second).to.deep.include({ target: { token: "t-1" }, notification: { title: "Hi", locKey: "HI" } });
    });

    it("names what is wrong with a canary", async () => {
      const path = `${credentialPath(await anApp())}/canary`;
      const refused: readonly [string, string, unknown][] = [
        ["missing_property", "user_id", {}],
        ["missing_property", "device_id", { user_id: "ann" }],
        ["invalid_property", "user_id", { token: "t", user_id: "ann" }],
        ["invalid_property", "device_id", { token: "t", device_id: "phone" }],
        ["invalid_property", "token", { token: "" }],
        ["invalid_property", "notification", { token: "t", notification: 7 }],
        ["invalid_property", "notification.recipients", { token: "t", notification: { recipients: { a: {} } } }],
      ];
      for (const [id, property, body] of refused) {
        const reply = await send("POST", path, { body });
        expect([errorOf(reply).id, errorOf(reply).data]).to.deep.equal([id, { property }]);
      }
    });

    it("are there for who administers the account of the app, and for nobody else", async () => {
      const app = await anApp();
      const id = randomUUID();
      await send("PUT", credentialPath(app, id), { body: fcm });
      const canary = { body: { token: "t" } };
      const calls = [
        ["GET", "", {}],
        ["GET", `/${id}`, {}],
        ["PUT", `/${id}`, { body: fcm }],
        ["DELETE", `/${id}`, {}],
        ["POST", `/${id}/canary`, canary],
      ] as const;
      const ofApp = world.directory.aToken({ app });
      const other = world.directory.aToken({ account: "another" });
      const canaries = world.push.canaries.length;
      for (const [method, rest, options] of calls) {
        const said = `${method} ${rest}`;
        expect((await send(method, collectionPath(app) + rest, { ...options, token: other })).status, said).to.equal(
          404,
        );
        expect((await send(method, collectionPath(foreignApp()) + rest, options)).status, said).to.equal(404);
        expect((await send(method, collectionPath(app) + rest, { ...options, token: ofApp })).status, said).to.equal(
          403,
        );
      }
      expect(sent(app, id)).to.include({ kind: "fcm" });
      expect(world.push.canaries).to.have.length(canaries);
    });

    it("takes only a UUID as id, and only the account's own apps", async () => {
      const reply = await send("PUT", credentialPath(await anApp(), "main"), { body: apns });
      expect(errorOf(reply)).to.deep.include({ id: "invalid_property", data: { property: "push_credential_id" } });
      expect(await send("PUT", credentialPath(foreignApp()), { body: apns })).to.have.property("status", 404);
    });
  });
});
