import { generateKeyPairSync, randomUUID } from "node:crypto";
import { addIdentityProvider, type Backend } from "@strata/tests-platform";
import { expect } from "chai";
import { type AccountClient, accountClient, anotherAccount, madeToken, newApp } from "../support/account-client.ts";
import { apiClient, expectError, expectStatus, idsOf, list, member } from "../support/api-client.ts";
import { signIn, userClient } from "../support/sign-in.ts";
import type { Platform } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const at = (app: string, extra = "") => `/accounts/apps/${app}${extra}`;
const below = (app: string, path: string) => `/apps/${app}${path}`;
const uriOf = (environment: string, app: string) => `layer:///apps/${environment}/${app}`;
const inPath = (environment: string, app: string) => encodeURIComponent(uriOf(environment, app));

describe("the environments of an app", function environments() {
  this.timeout(60_000);
  let platform: Platform;
  let send: AccountClient;
  let production: string;
  let staging: string;
  /** By app: its backend's token, and who vouches for its users. */
  const tokens = new Map<string, string>();
  const backends = new Map<string, Backend>();

  const tokenOf = (app: string) => tokens.get(app) ?? "";

  before(async () => {
    platform = await apiPlatform();
    send = accountClient(platform);
    production = await newApp(send);
    const reply = await send("POST", at(production, "/environments"), { body: { environment: "staging" } });
    const { json } = expectStatus(reply, 201);
    staging = String(member(json, "app_id"));
    expect(json).to.include({ id: uriOf("staging", staging), sibling_of: production, name: "Shop" });
    for (const app of [production, staging]) {
      tokens.set(app, madeToken(await send("POST", at(app, "/tokens"), { body: { name: "x" } })).text);
      backends.set(app, await addIdentityProvider(platform.account, app));
    }
  });

  it("are listed together, from whichever of them", async () => {
    for (const app of [production, staging]) {
      const { json } = expectStatus(await send("GET", at(app, "/environments")), 200);
      expect(idsOf(json)).to.deep.equal([uriOf("production", production), uriOf("staging", staging)]);
    }
    expect(expectStatus(await send("GET", `/apps/${staging}`, { token: tokenOf(staging) }), 200).json).to.include({
      id: uriOf("staging", staging),
    });
  });

  it("are named by their URIs wherever an app is, and are not there under the other environment's", async () => {
    for (const [environment, other, app] of [
      ["staging", "production", staging],
      ["production", "staging", production],
    ] as const) {
      const token = tokenOf(app);
      expectStatus(await send("GET", `/apps/${inPath(environment, app)}`, { token }), 200);
      expectError(await send("GET", `/apps/${inPath(other, app)}`, { token }), "invalid_app_id");
      expectStatus(await send("GET", at(inPath(environment, app))), 200);
      expectStatus(await send("GET", at(inPath(environment, app), "/tokens")), 200);
      expectError(await send("GET", at(inPath(other, app))), "not_found");
      expectError(await send("GET", at(inPath(other, app), "/tokens")), "not_found");
    }
  });

  it("let no token of one reach the other", async () => {
    for (const [own, other] of [
      [staging, production],
      [production, staging],
    ] as const) {
      const token = tokenOf(own);
      for (const path of [other, inPath("production", other), inPath("staging", other)]) {
        expectError(await send("GET", `/apps/${path}`, { token }), "invalid_app_id");
        const body = { display_name: "Ann" };
        expectError(await send("POST", `/apps/${path}/users/ann/identity`, { token, body }), "invalid_app_id");
      }
    }
  });

  it("let nobody log in to one with what vouches for the other", async () => {
    const [sandbox, live] = [backends.get(staging), backends.get(production)];
    if (!sandbox || !live) throw new Error("there are no backends");
    const anybody = userClient(platform.baseUrl, null);
    const login = async (backend: Backend, appId: string) => {
      const nonce = String(member(expectStatus(await anybody("POST", "/nonces"), 201).json, "nonce"));
      return anybody("POST", "/sessions", { body: { identity_token: backend.token("ann", nonce), app_id: appId } });
    };
    expectStatus(await login(sandbox, uriOf("staging", staging)), 201);
    expectError(await login(sandbox, production), "invalid_property", "identity_token");
    expectError(await login(sandbox, uriOf("production", production)), "invalid_property", "identity_token");
    expectError(await login(sandbox, uriOf("production", staging)), "invalid_property", "app_id");
    expectError(await login(live, staging), "invalid_property", "identity_token");
  });

  it("have data of their own: what is made in one is not there in the other", async () => {
    const sandbox = apiClient(platform.baseUrl, staging, tokenOf(staging));
    const live = apiClient(platform.baseUrl, production, tokenOf(production));
    expectStatus(await sandbox("POST", "/users/bob/identity", { body: { display_name: "Bob in staging" } }), 201);
    expectError(await live("GET", "/users/bob/identity"), "not_found");
    const backend = backends.get(staging);
    if (!backend) throw new Error("there is no backend");
    const client = userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, "bob"));
    const body = { participants: ["layer:///identities/bob"], distinct: false };
    const conversation = String(member(expectStatus(await client("POST", "/conversations", { body }), 201).json, "id"));
    expectError(await live("GET", `/conversations/${conversation.split("/").at(-1)}`), "not_found");
  });

  it("let no push credential of one be seen, used or removed in the other", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
    const credential = { kind: "apns", team_id: "TEAM", key_id: "KEY1", bundle_id: "com.example", private_key: pem };
    const path = `/push_credentials/${randomUUID()}`;
    const body = { ...credential, environment: "development" };
    expectStatus(await send("PUT", at(staging, `${path}?check=false`), { body }), 204);
    const credentials = async (app: string) =>
      list(expectStatus(await send("GET", at(app, "/push_credentials")), 200).json);
    expect(await credentials(staging)).to.have.lengthOf(1);
    expect(await credentials(production)).to.deep.equal([]);
    expectError(await send("GET", at(production, path)), "not_found");
    const canary = { token: "00".repeat(32), notification: { text: "x" } };
    expectError(await send("POST", at(production, `${path}/canary`), { body: canary }), "not_found");
    expectError(await send("DELETE", at(production, path)), "not_found");
    expect(await credentials(staging)).to.have.lengthOf(1);
  });

  it("copy settings on request, from an app of the account alone, and nothing else", async () => {
    const changes = { max_participants: 12, announcement_retention: { default_days: 9, categories: { offers: 3 } } };
    expectStatus(await send("PATCH", at(staging, "/settings"), { body: changes }), 200);
    const settings = async (app: string) => expectStatus(await send("GET", at(app, "/settings")), 200).json;
    expect(await settings(production)).to.include({ max_participants: 250 });
    const copy = (from: string, token?: string) =>
      send("POST", at(production, "/settings/copy"), { body: { from }, ...(token === undefined ? {} : { token }) });
    expectError(await copy(uriOf("production", staging)), "not_found");
    const { token: foreign } = await anotherAccount(platform);
    expectError(await copy(staging, foreign), "not_found");
    expectError(await copy(await newApp(accountClient(platform, foreign))), "not_found");
    expect(await settings(production)).to.include({ max_participants: 250 });

    expect(expectStatus(await copy(uriOf("staging", staging)), 200).json).to.deep.equal(await settings(staging));
    expect(await settings(production))
      .to.deep.equal(await settings(staging))
      .and.deep.include(changes);
    const names = list(expectStatus(await send("GET", at(production, "/tokens")), 200).json);
    expect(names).to.have.lengthOf(1);
    const [entry] = list((await send("GET", `/accounts/audit?app=${production}`)).json);
    expect(entry).to.have.property("action", "app.settings_changed");
    expect(entry).to.have.nested.property("after.copied_from", staging);
  });

  it("copy policies where it is asked for, without whom their webhooks call", async () => {
    const rule = { kind: "words", name: "swearing", action: "refuse", words: ["damn"] };
    const url = "https://hooks.example.com/strata";
    const message = { rules: [rule], before_send: { url } };
    expectStatus(await send("PUT", below(staging, "/message_policy"), { body: message, token: tokenOf(staging) }), 200);
    const thresholds = [{ score: 3, actions: [{ type: "webhook", url }, { type: "suspend" }] }];
    const moderation = { is_active: true, thresholds };
    expectStatus(
      await send("PUT", below(staging, "/moderation/policy"), { body: moderation, token: tokenOf(staging) }),
      200,
    );
    const push = { fallback_time_zone: "Europe/Vienna" };
    expectStatus(await send("PUT", below(staging, "/push_policy"), { body: push, token: tokenOf(staging) }), 200);
    const copy = (policies?: boolean) =>
      send("POST", at(production, "/settings/copy"), { body: { from: uriOf("staging", staging), policies } });
    const of = async (path: string) =>
      expectStatus(await send("GET", below(production, path), { token: tokenOf(production) }), 200).json;

    expectStatus(await copy(), 200);
    expect(member(await of("/message_policy"), "rules")).to.deep.equal([]);
    expectStatus(await copy(true), 200);
    expect(list(member(await of("/message_policy"), "rules"))[0]).to.deep.include(rule);
    expect(member(await of("/message_policy"), "before_send")).to.equal(null);
    const [threshold] = list(member(await of("/moderation/policy"), "thresholds"));
    expect(list(member(threshold, "actions"))).to.deep.equal([{ type: "webhook" }, { type: "suspend" }]);
    expect(await of("/push_policy")).to.deep.include(push);
    const actions = list((await send("GET", `/accounts/audit?app=${production}`)).json);
    expect(actions.slice(0, 3).map((entry) => String(member(entry, "action")).split(".")[0])).to.have.members([
      "push_policy",
      "message_policy",
      "moderation_policy",
    ]);
    expectError(
      await send("POST", at(production, "/settings/copy"), { body: { from: staging, policies: "yes" } }),
      "invalid_property",
      "policies",
    );
  });

  it("name what is not valid", async () => {
    const make = (body: object) => send("POST", at(production, "/environments"), { body });
    expectError(await make({}), "missing_property", "environment");
    expectError(await make({ environment: "moon" }), "invalid_property", "environment");
    expectError(await send("POST", at(production, "/settings/copy"), { body: {} }), "missing_property", "from");
  });
});
