import { randomUUID } from "node:crypto";
import type { Platform } from "@strata/tests-platform";
import { expect } from "chai";
import { type AccountClient, accountClient, madeToken } from "../support/account-client.ts";
import { expectError, expectStatus, list, member, type Reply } from "../support/api-client.ts";
import { apiPlatform } from "./platform.ts";

/** From anywhere else than others: each test has the limit to itself. */
const anAddress = () => {
  const [a, b, c] = randomUUID().match(/[0-9a-f]{2}/g) ?? [];
  return `203.${[a, b, c].map((byte) => Number.parseInt(byte ?? "0", 16)).join(".")}`;
};
const wanted = () => ({ name: "Shop", email: `${randomUUID()}@example.com` });

const accountOf = (reply: Reply) => {
  const { json } = expectStatus(reply, 201);
  const [account, app, token] = ["account", "app", "token"].map((name) => member(json, name));
  return {
    id: String(member(account, "id")),
    appId: String(member(app, "app_id")),
    token: String(member(token, "token")),
    json,
  };
};

describe("who signs up", function signUps() {
  this.timeout(60_000);
  let platform: Platform;
  /** As the operator. */
  let send: AccountClient;
  before(async () => {
    platform = await apiPlatform();
    send = accountClient(platform);
  });

  const signUp = (body: unknown = wanted(), address = anAddress(), headers: Readonly<Record<string, string>> = {}) =>
    send("POST", "/accounts", { token: "none", body, headers: { ...headers, "X-Forwarded-For": address } });
  it("has an account, a staging app and a token at once, and works with them", async () => {
    const body = wanted();
    const { id, appId, token, json } = accountOf(await signUp(body));
    expect(member(json, "account")).to.deep.include({ ...body, sandbox: true, lifted_at: null });
    expect(member(json, "app")).to.deep.include({ environment: "staging", name: "Shop" });
    const apps = expectStatus(await send("GET", "/accounts/apps", { token }), 200).json;
    expect(list(apps).map((app) => member(app, "app_id"))).to.deep.equal([appId]);
    const scopes = ["app:read", "app:write"];
    const made = await send("POST", `/accounts/apps/${appId}/tokens`, { token, body: { name: "backend", scopes } });
    const backend = { token: madeToken(made).text, body: { display_name: "Ann" } };
    expectStatus(await send("POST", `/apps/${appId}/users/ann/identity`, backend), 201);
    const entries = list(expectStatus(await send("GET", "/accounts/audit", { token }), 200).json);
    const created = entries.find((entry) => member(entry, "action") === "account.created");
    expect(created).to.deep.nested.include({ "subject.id": id, "after.email": body.email, "after.sandbox": true });
    expect(member(member(created, "actor"), "address")).to.match(/^203\./);
    expect(JSON.stringify(entries)).not.to.include(token);
  });

  it("has staging apps only, and three of them, until the operator lifts that", async () => {
    const { id, appId, token } = accountOf(await signUp());
    const make = (body: object) => send("POST", "/accounts/apps", { token, body: { name: "Shop", ...body } });
    expectError(await make({}), "invalid_operation", "environment");
    expectError(await make({ environment: "production" }), "invalid_operation", "environment");
    const beside = { token, body: { environment: "production" } };
    expectError(await send("POST", `/accounts/apps/${appId}/environments`, beside), "invalid_operation", "environment");
    for (let n = 0; n < 2; n += 1) expectStatus(await make({ environment: "staging" }), 201);
    expectError(await make({ environment: "staging" }), "invalid_operation");

    const lift = (by?: string) => send("POST", `/accounts/sandboxes/${id}/lift`, by === undefined ? {} : { token: by });
    expectError(await lift(token), "access_denied");
    expectError(await send("GET", "/accounts/sandboxes", { token }), "access_denied");
    const listed = list(expectStatus(await send("GET", "/accounts/sandboxes"), 200).json);
    expect(listed.find((account) => member(account, "id") === id)).to.include({ sandbox: true });
    expect(expectStatus(await lift(), 200).json).to.include({ id, sandbox: false });
    expectStatus(await lift(), 200);
    expectError(await send("POST", `/accounts/sandboxes/${randomUUID()}/lift`), "not_found");
    expectError(await send("POST", "/accounts/sandboxes/operator/lift"), "not_found");
    expectStatus(await make({}), 201);
    expectStatus(await send("POST", `/accounts/apps/${appId}/environments`, beside), 201);
  });

  it("gets one account however often it asks under one id or key", async () => {
    const body = wanted();
    for (const headers of [{ "If-None-Match": randomUUID() }, { "Idempotency-Key": randomUUID() }]) {
      const { id } = accountOf(await signUp(body, anAddress(), headers));
      const repeat = await signUp(body, anAddress(), headers);
      expectError(repeat, "id_in_use");
      expect(repeat.text).not.to.include(id);
      accountOf(await signUp(wanted(), anAddress(), { "Idempotency-Key": headers["Idempotency-Key"] ?? randomUUID() }));
    }
  });

  it("is counted by address: the sixth within an hour is told when to come again", async () => {
    const address = anAddress();
    const replies = await Promise.all(Array.from({ length: 6 }, () => signUp(wanted(), address)));
    expect(replies.map(({ status }) => status)).to.have.members([201, 201, 201, 201, 201, 429]);
    const refused = replies.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get("retry-after"))).to.be.within(3_500, 3_600);
    accountOf(await signUp(wanted(), anAddress()));
  });

  it("is told what is not valid, which counts for nothing", async () => {
    const address = anAddress();
    for (const [body, id, property] of [
      [{ name: "Shop" }, "missing_property", "email"],
      [{ email: "ann@example.com" }, "missing_property", "name"],
      [{ name: " ", email: "ann@example.com" }, "invalid_property", "name"],
      [{ name: "Shop", email: "ann" }, "invalid_property", "email"],
      [{ name: "Shop", email: `${"x".repeat(250)}@example.com` }, "invalid_property", "email"],
      [{ name: 5, email: "ann@example.com" }, "invalid_property", "name"],
    ] as const) {
      expectError(await signUp(body, address), id, property);
    }
    for (let n = 0; n < 5; n += 1) accountOf(await signUp(wanted(), address));
  });
});
