import { eventually } from "@strata/testing";
import { expect } from "chai";
import { type AccountClient, accountClient, anotherAccount, madeToken, newApp } from "../support/account-client.ts";
import { expectError, expectStatus, list, member, type Reply } from "../support/api-client.ts";
import { addBackend, signIn, userClient } from "../support/sign-in.ts";
import { openSocket } from "../support/socket-client.ts";
import { openWorld, type Platform } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const WITHIN_A_SECOND = { deadlineMs: 1_000, everyMs: 20 };

const at = (app: string, extra = "") => `/accounts/apps/${app}${extra}`;
const statusOf = async (reply: Promise<Reply>) => (await reply).status;

describe("an app as a whole", function apps() {
  this.timeout(60_000);
  let platform: Platform;
  let send: AccountClient;
  before(async () => {
    platform = await apiPlatform();
    send = accountClient(platform);
  });

  const newToken = async (app: string): Promise<string> =>
    madeToken(await send("POST", at(app, "/tokens"), { body: { name: "x" } })).text;
  const actionsOn = async (app: string) =>
    list(expectStatus(await send("GET", `/accounts/audit?app=${app}`), 200).json).map((entry) =>
      member(entry, "action"),
    );

  it("gets another name", async () => {
    const app = await newApp(send);
    expect(expectStatus(await send("PATCH", at(app), { body: { name: "Market" } }), 200).json).to.include({
      name: "Market",
      app_id: app,
      state: "active",
    });
    expect(expectStatus(await send("GET", at(app)), 200).json).to.include({ name: "Market" });
    expectError(await send("PATCH", at(app), { body: {} }), "missing_property", "name");
    expectError(await send("PATCH", at(app), { body: { name: "" } }), "invalid_property", "name");
    expectStatus(await send("PATCH", at(app), { body: { name: "Market" } }), 200);
    expect(await actionsOn(app)).to.deep.equal(["app.renamed", "app.created"]);
  });

  it("lets nobody in while it is suspended, within a second, and everybody again after", async () => {
    const world = await openWorld(platform);
    const { appId: app, token } = world;
    const [user = ""] = await world.users(1);
    const session = await signIn(platform.baseUrl, await addBackend(world), user);
    const client = userClient(platform.baseUrl, session);
    const socket = await openSocket(platform.websocketUrl, session);
    const asBackend = () => send("GET", `/apps/${app}/users/${user}/identity`, { token });
    const asUser = () => client("GET", "/conversations");
    expect([await statusOf(asBackend()), await statusOf(asUser())]).to.deep.equal([200, 200]);

    expect(expectStatus(await send("POST", at(app, "/suspend")), 200).json).to.include({ state: "suspended" });
    await eventually(async () => [await statusOf(asBackend()), await statusOf(asUser())], [403, 403], WITHIN_A_SECOND);
    for (const reply of [await asBackend(), await asUser()]) {
      expectError(reply, "app_suspended");
      expect(member(reply.json, "data")).to.deep.equal({ state: "suspended" });
    }
    await socket.closed;
    const refused = await openSocket(platform.websocketUrl, session).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Error);
    expectStatus(await send("POST", at(app, "/suspend")), 200);
    // Its account can still set it up.
    expectStatus(await send("GET", at(app, "/settings")), 200);

    expect(expectStatus(await send("POST", at(app, "/resume")), 200).json).to.include({
      state: "active",
      suspended_at: null,
    });
    await eventually(async () => [await statusOf(asBackend()), await statusOf(asUser())], [200, 200], WITHIN_A_SECOND);
    expect((await actionsOn(app)).slice(0, 2)).to.deep.equal(["app.resumed", "app.suspended"]);
  });

  it("lets nobody log in while it is suspended", async () => {
    const world = await openWorld(platform);
    const [user = ""] = await world.users(1);
    const backend = await addBackend(world);
    expectStatus(await send("POST", at(world.appId, "/suspend")), 200);
    const anybody = userClient(platform.baseUrl, null);
    const nonce = String(member(expectStatus(await anybody("POST", "/nonces"), 201).json, "nonce"));
    const body = { identity_token: backend.token(user, nonce), app_id: world.appId };
    expectError(await anybody("POST", "/sessions", { body }), "app_suspended");
  });

  it("is deleted with a grace, in which it can be restored as it was", async () => {
    const app = await newApp(send);
    const token = await newToken(app);
    const get = () => send("GET", `/apps/${app}`, { token });
    expectStatus(await get(), 200);
    const deleted = expectStatus(await send("DELETE", at(app)), 200).json;
    expect(deleted).to.include({ state: "deleted" });
    const days = (Date.parse(String(member(deleted, "restorable_until"))) - Date.now()) / 86_400_000;
    expect(days).to.be.within(29.9, 30);
    await eventually(() => statusOf(get()), 403, WITHIN_A_SECOND);
    expect(member((await get()).json, "data")).to.deep.equal({ state: "deleted" });
    // Nothing is set up any more of what is deleted.
    expectError(await send("POST", at(app, "/tokens"), { body: { name: "x" } }), "not_found");
    expectError(await send("POST", at(app, "/suspend")), "invalid_operation");
    expectError(await send("PATCH", at(app), { body: { name: "y" } }), "invalid_operation");
    expect(list((await send("GET", "/accounts/apps")).json).map((one) => member(one, "app_id"))).to.include(app);
    expect(expectStatus(await send("DELETE", at(app)), 200).json).to.deep.equal(deleted);

    expect(expectStatus(await send("POST", at(app, "/restore")), 200).json).to.include({
      state: "active",
      restorable_until: null,
    });
    await eventually(() => statusOf(get()), 200, WITHIN_A_SECOND);
    expect((await actionsOn(app)).slice(0, 2)).to.deep.equal(["app.restored", "app.deleted"]);
  });

  it("is nothing to another account", async () => {
    const app = await newApp(send);
    const { token } = await anotherAccount(platform);
    for (const [method, path] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/suspend"],
      ["POST", "/resume"],
      ["POST", "/restore"],
      ["GET", "/environments"],
      ["POST", "/environments"],
    ] as const) {
      const body = method === "GET" || method === "DELETE" ? {} : { body: { name: "x", environment: "staging" } };
      expectError(await send(method, at(app, path), { token, ...body }), "not_found");
    }
    expect(expectStatus(await send("GET", at(app)), 200).json).to.include({ state: "active", name: "Shop" });
  });
});
