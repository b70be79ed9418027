import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually, tcpProxy, type TcpProxy } from "@strata/testing";
import { type Platform, startPlatform, type TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { logIn } from "./session.js";
import { Socket } from "./socket.js";

const [ANN, BOB] = ["user-0001", "user-0002"] as const;

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? new Map(Object.entries(value)).get(name) : undefined;

describe("a chat in one page", function chat() {
  this.timeout(60_000);
  let platform: Platform;
  let app: TestApp;
  let proxy: TcpProxy;
  let folder: string;
  let server: ChildProcess;
  let page: string;
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });

  before(async () => {
    platform = await startPlatform("chat");
    app = await platform.createApp();
    await platform.insertUsers(app.appId, [ANN, BOB]);
    const identityProvider = { providerId: randomUUID(), keyId: randomUUID(), privateKey };
    const { providerId, keyId } = identityProvider;
    const providers = `/accounts/apps/${app.appId}/identity_providers`;
    await platform.account.request("POST", providers, { ifNoneMatch: providerId, body: { name: "demo" } });
    const body = { public_key: publicKey };
    await platform.account.request("POST", `${providers}/${providerId}/keys`, { ifNoneMatch: keyId, body });
    proxy = await tcpProxy(platform.websocketUrl);
    folder = await mkdtemp(join(tmpdir(), "strata-chat-"));
    const devJson = join(folder, "dev.json");
    const dev = { baseUrl: platform.baseUrl, websocketUrl: proxy.url.replace(/\/$/, ""), appId: app.appId };
    await writeFile(devJson, JSON.stringify({ ...dev, identityProvider }));
    server = spawn(process.execPath, [fileURLToPath(new URL("serve.ts", import.meta.url))], {
      env: { PATH: process.env["PATH"], CHAT_PORT: "0", STRATA_DEV_JSON: devJson },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line]: unknown[] = server.stdout ? await once(createInterface(server.stdout), "line") : [];
    page = String(line).replace("chat on ", "");
  });
  after(async () => {
    server.kill();
    await once(server, "exit");
    await proxy.close();
    await rm(folder, { recursive: true });
    await platform[Symbol.asyncDispose]();
  });

  const askToken = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${page}/token`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const tokenFor = (userId: string) => async (nonce: string) =>
    String(field(await (await askToken({ user_id: userId, nonce })).json(), "identity_token"));
  const logInAs = (userId: string) =>
    logIn({ baseUrl: platform.baseUrl, appId: app.appId, tokenFor: tokenFor(userId) });

  it("is served with all that it loads, and may load nothing else", async () => {
    expect(page).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
    const seen = new Set<string>();
    const load = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const response = await fetch(page + path);
      expect(response.status, path).to.equal(200);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).to.include("default-src 'none'; script-src 'self'; style-src 'self';");
      expect(policy).to.include(platform.baseUrl);
      const text = await response.text();
      const named = text.matchAll(/(?:src="|href="|from "\.)(\/[^"]+)"/g);
      for (const [, other = ""] of named) await load(other);
    };
    await load("/");
    expect(seen.size).to.be.greaterThan(5);
    expect(await (await fetch(`${page}/config`)).json()).to.have.all.keys("baseUrl", "websocketUrl", "appId");
  });

  it("signs who a user of the demo is, so that she gets in, and nobody else", async () => {
    const session = await logInAs(ANN);
    expect(await session.api("GET", `/identities/${ANN}`)).to.include({ user_id: ANN });
    for (const userId of ["strata", "user-0000", "user-1001", "user-1", "admin", "../user-0001"]) {
      expect((await askToken({ user_id: userId, nonce: "n" })).status, userId).to.equal(403);
    }
    for (const body of [{}, { user_id: ANN }, { user_id: ANN, nonce: "" }, null, [ANN]]) {
      expect((await askToken(body)).status, JSON.stringify(body)).to.equal(400);
    }
  });

  it("signs for its own page alone, not for another site's, under whatever name it comes", async () => {
    const body = { user_id: ANN, nonce: "n" };
    expect((await askToken(body, { origin: page })).status).to.equal(200);
    expect((await askToken(body, { origin: "https://elsewhere.example" })).status).to.equal(403);
    expect((await askToken(body, { "content-type": "text/plain" })).status).to.equal(415);
    expect(await statusAt(page, { host: "elsewhere.example:80" })).to.equal(403);
  });

  it("keeps its key to itself", async () => {
    for (const path of [
      "/",
      "/config",
      "/serve.ts",
      "/.strata/dev.json",
      "/..%2f..%2f.strata/dev.json",
      "/package.json",
    ]) {
      expect(await (await fetch(page + path)).text(), path).to.not.include("PRIVATE KEY");
    }
    expect(await statusAt(`${page}/serve.ts`, {})).to.equal(404);
  });

  it("hears what is said while it is there, and catches up with what was said while it was not", async () => {
    const [ann, bob] = [await logInAs(ANN), await logInAs(BOB)];
    const packets: unknown[] = [];
    const states: string[] = [];
    let reloads = 0;
    const websocketUrl = proxy.url.replace(/\/$/, "");
    const open = (session: typeof ann, onPacket: (packet: unknown) => void, url = websocketUrl) =>
      new Socket({
        websocketUrl: url,
        session,
        onPacket,
        onReload: async () => void (reloads += 1),
        onState: (state) => states.push(state),
      });
    const hers = open(ann, () => undefined, platform.websocketUrl);
    const his = open(bob, (packet) => packets.push(packet));
    await eventually(() => states.filter((state) => state === "live").length, 2);
    const id = `layer:///conversations/${randomUUID()}`;
    const participants = [ANN, BOB].map((userId) => `layer:///identities/${userId}`);
    await hers.request("Conversation.create", { id, participants, distinct: true, metadata: null });
    const say = async (text: string) => {
      const parts = [{ mime_type: "text/plain", body: text }];
      await hers.request("Message.create", { id: `layer:///messages/${randomUUID()}`, parts }, id);
    };
    const heard = () =>
      packets
        .map((packet) => field(packet, "body"))
        .filter((body) => field(body, "operation") === "create" && field(field(body, "object"), "type") === "Message")
        .map((body) => field(field(field(field(body, "data"), "parts"), "0"), "body"));
    await say("while he is there");
    await eventually(heard, ["while he is there"]);

    proxy.pause();
    await eventually(() => states.at(-1), "offline");
    await say("while he is away");
    proxy.resume();
    // What was heard before may come again: the page knows messages by their ids.
    await eventually(() => heard().includes("while he is away"), true);
    expect(reloads).to.equal(2);
    hers.close();
    his.close();
  });
});

/** `fetch` sets the host itself. */
function statusAt(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end();
  });
}
