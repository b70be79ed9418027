import { generateKeyPairSync, randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { type AccountClient, accountClient, anotherAccount, madeToken, newApp } from "../support/account-client.ts";
import { expectError, expectStatus, list, member, members, uuidOf } from "../support/api-client.ts";
import { apiPlatform } from "./platform.ts";

const PATH = "/accounts/audit";

describe("the audit log", function audit() {
  this.timeout(60_000);
  /** An account of its own: what others do meanwhile is in another's log. */
  let send: AccountClient;
  let accountId: string;
  before(async () => {
    const platform = await apiPlatform();
    const account = await anotherAccount(platform);
    ({ accountId } = account);
    send = accountClient(platform, account.token);
  });

  const entries = async (query = "") => list(expectStatus(await send("GET", `${PATH}${query}`), 200).json);
  const actions = async (query = "") => (await entries(query)).map((entry) => member(entry, "action"));

  it("has each act in the order of time, with who, from where, before and after, and no secret", async () => {
    const app = await newApp(send);
    const tokens = `/accounts/apps/${app}/tokens`;
    const headers = { "User-Agent": "backend/1.0" };
    const made = madeToken(await send("POST", tokens, { headers, body: { name: "one", scopes: ["app:write"] } }));
    const next = madeToken(await send("POST", `${tokens}/${made.id}/rotate`, { body: { overlap_seconds: 60 } }));
    expectStatus(await send("DELETE", `${tokens}/${made.id}`), 204);
    expectStatus(await send("DELETE", `${tokens}/${made.id}`), 204);
    const settings = `/accounts/apps/${app}/settings`;
    expectStatus(await send("PATCH", settings, { body: { max_participants: 7 } }), 200);
    const announcement_retention = { default_days: null, categories: { bigSale: 3 } };
    expectStatus(await send("PATCH", settings, { body: { max_participants: 8, announcement_retention } }), 200);
    const ttl = [{ operation: "set", property: "session_ttl_in_seconds", value: 600 }];
    const layerPatch = { "Content-Type": "application/vnd.layer-patch+json" };
    expectStatus(await send("PATCH", `/apps/${app}`, { token: next.text, body: ttl, headers: layerPatch }), 202);

    const log = await entries(`?app=${app}`);
    expect(log.map((entry) => member(entry, "action"))).to.deep.equal([
      "app.settings_changed",
      "app.settings_changed",
      "app.settings_changed",
      "token.revoked",
      "token.rotated",
      "token.created",
      "app.created",
    ]);
    const [byApp, second, first, revoked, rotated, created, begun] = log;
    expect(member(byApp, "actor")).to.deep.include({ kind: "token", id: next.id, address: "127.0.0.1" });
    expect(byApp).to.deep.include({ before: { session_ttl_seconds: null }, after: { session_ttl_seconds: 600 } });
    expect(first).to.deep.include({ before: { max_participants: null }, after: { max_participants: 7 } });
    expect(second).to.deep.include({
      before: { max_participants: 7, announcement_retention: null },
      after: { max_participants: 8, announcement_retention },
    });
    expect(revoked).to.have.nested.property("subject.id", made.id);
    expect(rotated).to.have.nested.include({ "subject.id": next.id, "after.replaces": made.id });
    expect(created).to.deep.include({
      app_id: app,
      before: null,
      after: { name: "one", scopes: ["app:write"], expires_at: null },
    });
    expect(member(created, "actor")).to.include({ user_agent: "backend/1.0" });
    expect(begun).to.deep.include({ subject: { kind: "app", id: app }, after: { name: "Shop" } });
    for (const secret of [made.text, next.text]) expect(JSON.stringify(log)).not.to.include(secret);
    expect(JSON.stringify(log)).not.to.match(/[0-9a-f]{64}/);
  });

  it("has what becomes of identity providers and keys", async () => {
    const app = await newApp(send);
    const providers = `/accounts/apps/${app}/identity_providers`;
    const provider = uuidOf(expectStatus(await send("POST", providers, { body: { name: "backend" } }), 201).json);
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const body = { public_key: publicKey.export({ type: "spki", format: "pem" }) };
    const key = uuidOf(expectStatus(await send("POST", `${providers}/${provider}/keys`, { body }), 201).json);
    expectStatus(await send("PATCH", `${providers}/${provider}/keys/${key}`, { body: { enabled: false } }), 200);
    expectStatus(await send("DELETE", `${providers}/${provider}/keys/${key}`), 204);
    const [deleted, disabled, ...rest] = await entries(`?app=${app}`);
    expect(deleted).to.deep.include({ before: { state: "disabled" }, after: { state: "deleted" } });
    expect(disabled).to.deep.include({ before: { state: "enabled" }, after: { state: "disabled" } });
    expect(rest.map((entry) => member(entry, "action"))).to.deep.equal([
      "identity_key.created",
      "identity_provider.created",
      "app.created",
    ]);
  });

  it("has who set and removed push credentials, with what tells them apart and nothing that opens them", async () => {
    const app = await newApp(send);
    const path = `/accounts/apps/${app}/push_credentials/${randomUUID()}`;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
    const credential = { kind: "apns", team_id: "TEAM", key_id: "KEY1", bundle_id: "com.example", private_key: pem };
    const body = { ...credential, environment: "production" };
    const headers = { "User-Agent": "console/1.0" };
    expectStatus(await send("PUT", `${path}?check=false`, { body, headers }), 204);
    expectStatus(await send("PUT", `${path}?check=false`, { body: { ...body, key_id: "KEY2" } }), 204);
    expectStatus(await send("DELETE", path), 204);
    expectStatus(await send("DELETE", path), 204);
    const of = async () => (await entries(`?app=${app}`)).filter((entry) => member(entry, "action") !== "app.created");
    await eventually(async () => (await of()).length, 3);
    const [removed, again, set] = await of();
    expect(set).to.deep.nested.include({ action: "push_credential.set", before: null, "after.key_id": "KEY1" });
    expect(member(set, "actor")).to.include({ kind: "token", user_agent: "console/1.0", address: "127.0.0.1" });
    expect(again).to.deep.nested.include({ "before.key_id": "KEY1", "after.key_id": "KEY2", "after.team_id": "TEAM" });
    expect(removed).to.deep.nested.include({ action: "push_credential.removed", "before.key_id": "KEY2", after: null });
    expect(member(member(set, "after"), "fingerprint")).to.match(/^sha256:/);
    for (const line of pem.split("\n").filter((text) => text.length > 20)) {
      expect(JSON.stringify([removed, again, set])).not.to.include(line);
    }
  });

  it("has who set an app's policies and membership rules, and rotated what its webhooks are signed with", async () => {
    const app = await newApp(send);
    const { text: token } = madeToken(
      await send("POST", `/accounts/apps/${app}/tokens`, {
        body: { name: "backend", scopes: ["app:write", "users:read"] },
      }),
    );
    const set = async (path: string, body: object, method = "PUT") =>
      expectStatus(await send(method, `/apps/${app}${path}`, { token, body }), 200);
    const rules = [{ kind: "words", name: "rude", words: ["damn"] }];
    await set("/message_policy", { rules });
    await set("/message_policy", {});
    await set("/moderation/policy", { is_active: true });
    await set("/push_policy", { categories: { offers: { delay_seconds: 5 } } });
    const secret = String(member((await set("/signing_secret", {}, "POST")).json, "secret"));
    const of = async (action: string) => {
      await eventually(async () => (await actions(`?app=${app}`)).includes(action), true);
      return entries(`?app=${app}&action=${action}`);
    };
    const [second, first] = await of("message_policy.set");
    expect(first).to.deep.nested.include({ before: null, "after.rules[0].name": "rude" });
    expect(second).to.deep.nested.include({ "before.rules[0].name": "rude", "after.rules": [] });
    expect(member(first, "actor")).to.include({ kind: "token", address: "127.0.0.1" });
    expect((await of("moderation_policy.set"))[0]).to.deep.nested.include({ before: null, "after.is_active": true });
    expect((await of("push_policy.set"))[0]).to.deep.nested.include({ before: null, "after.categories": ["offers"] });
    const rule = `/membership_rules/${randomUUID()}`;
    await set(rule, { name: "all", join: { filter: { field: "metadata.city", eq: "Vienna" } } });
    expectStatus(await send("DELETE", `/apps/${app}${rule}`, { token }), 204);
    const all = { name: "all", is_active: true, kind: "join" };
    expect((await of("membership_rule.set"))[0]).to.deep.include({ before: null, after: all });
    expect((await of("membership_rule.deleted"))[0]).to.deep.include({ before: all, after: null });
    const rotated = await of("signing_secret.rotated");
    expect(rotated[0]).to.deep.nested.include({ "after.overlap_seconds": 86_400 });
    expect(JSON.stringify(await entries(`?app=${app}`))).to.not.include(secret);
  });

  it("is read in pages, by app, actor, action and time", async () => {
    const app = await newApp(send);
    const { id } = madeToken(
      await send("POST", "/accounts/tokens", { body: { name: "x", scopes: ["account:write"] } }),
    );
    const all = await entries("?page_size=100");
    const paged: unknown[] = [];
    for (let from = ""; ;) {
      const page = await entries(`?page_size=2${from}`);
      paged.push(...page);
      if (page.length < 2) break;
      from = `&from_id=${String(member(page.at(-1), "id"))}`;
    }
    expect(paged).to.deep.equal(all);
    expect(await actions(`?app=layer:///apps/${app}`)).to.deep.equal(["app.created"]);
    expect(await actions("?action=token.created"))
      .to.include("token.created")
      .and.not.include("app.created");
    expect(await actions(`?actor=${id}`)).to.deep.equal([]);
    const [newest] = all;
    const at = String(member(newest, "at"));
    const later = new Date(Date.parse(at) + 1).toISOString();
    expect((await entries(`?from=${at}&to=${later}`)).map((entry) => member(entry, "id"))).to.include(
      member(newest, "id"),
    );
    expect(await entries(`?to=${String(member(all.at(-1), "at"))}`)).to.deep.equal([]);
  });

  it("comes whole as NDJSON and CSV, by Accept", async () => {
    await send("POST", "/accounts/apps", { body: { name: '=cmd("x"), y' } });
    const all = await entries();
    const ndjson = await send("GET", PATH, { headers: { Accept: "application/x-ndjson" } });
    expect(ndjson.headers.get("content-type")).to.match(/^application\/x-ndjson/);
    const lines = ndjson.text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal(all);
    const csv = await send("GET", `${PATH}?action=app.created`, { headers: { Accept: "text/csv" } });
    const [header, newest] = csv.text.split("\r\n");
    expect(header).to.equal(
      "id,at,action,app_id,subject_kind,subject_id,actor_kind,actor_id,token_id,address,user_agent,before,after",
    );
    expect(newest).to.match(/,app\.created,.*,"\{""name"":""=cmd\(\\""x\\""\), y""\}"$/);
  });

  it("says what cannot be asked", async () => {
    for (const query of ["?app=shop", "?action=everything", "?from=yesterday", "?to=x", "?page_size=0"]) {
      expectError(await send("GET", `${PATH}${query}`), "invalid_property");
    }
    expectError(await send("GET", `${PATH}?from_id=nothing`), "not_found");
  });

  it("shows another account nothing, and lets nobody change or delete anything", async () => {
    const platform = await apiPlatform();
    const { token } = await anotherAccount(platform);
    expect(expectStatus(await send("GET", PATH, { token }), 200).json).to.deep.equal([]);
    const [newest] = await entries();
    const id = String(member(newest, "id"));
    expectError(await send("GET", `${PATH}?from_id=${id}`, { token }), "not_found");
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expectError(await send(method, PATH, { body: {} }), "method_not_allowed");
      expectError(await send(method, `${PATH}/${id}`, { body: {} }), "invalid_endpoint");
    }
    const document: unknown = await (await fetch(`${platform.baseUrl}/openapi.json`)).json();
    const documented = members(member(document, "paths")).filter(([path]) => path.includes("audit"));
    expect(documented.map(([path, item]) => [path, members(item).map(([method]) => method)])).to.deep.equal([
      [PATH, ["get"]],
    ]);
    const rows = platform.db("directory").collection("audit");
    expect(await rows.countDocuments({ accountId })).to.equal((await entries("?page_size=100")).length);
  });
});
