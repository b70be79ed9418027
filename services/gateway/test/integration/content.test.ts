import { randomBytes, randomUUID } from "node:crypto";
import { createServer, request as send, type Server } from "node:http";
import { readContentTicket, signContentTicket } from "@strata/contracts";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, type World } from "../world.ts";

const ORIGIN = "https://app.example.com";
const RECEIVE_TIMEOUT_MS = 400;
const key = randomBytes(32);

/** What the gateway sees of the conversation service's listener: answers chosen by the test, bytes counted. */
interface Listener {
  readonly url: string;
  readonly server: Server;
  readonly seen: { method: string; range: string | undefined; contentRange: string | undefined; bytes: number }[];
  answer: { status: number; headers?: Record<string, string | number>; body?: string };
}

async function openListener(): Promise<Listener> {
  const seen: Listener["seen"] = [];
  const server = createServer((request, response) => {
    const { method = "", headers } = request;
    const entry = { method, range: headers.range, contentRange: headers["content-range"], bytes: 0 };
    seen.push(entry);
    const ticket = readContentTicket(key, request.url?.split("/").at(-1) ?? "", Date.now());
    const unsigned: Listener["answer"] = { status: 500 };
    const { status, headers: answered, body } = ticket === null ? unsigned : listener.answer;
    const answer = () => response.writeHead(status, answered).end(body);
    // A refusal does not wait for the body.
    if (status >= 400) answer();
    request.on("data", (chunk: Buffer) => (entry.bytes += chunk.length));
    request.once("end", () => status < 400 && answer());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address());
  const listener: Listener = { url: `http://127.0.0.1:${port}`, server, seen, answer: { status: 200 } };
  return listener;
}

describe("bytes of content at the gateway's door", () => {
  let world: World;
  let listener: Listener;
  let call: HttpClient;
  let app: string;

  before(async () => {
    listener = await openListener();
    world = await openWorld({
      name: "gateway content",
      env: {
        CONTENT_KEY: key.toString("base64"),
        CONTENT_URL: listener.url,
        RECEIVE_TIMEOUT_MS: String(RECEIVE_TIMEOUT_MS),
      },
    });
    app = world.directory.anApp();
    call = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    listener.server.closeAllConnections();
    await new Promise((resolve) => listener.server.close(resolve));
  });

  const pathTo = (
    allows: "upload" | "download",
    options: { expiresAt?: number; origin?: string | null } = {},
  ): string => {
    const { expiresAt = Date.now() + 60_000, origin = ORIGIN } = options;
    return `/content/${signContentTicket(key, { app, contentId: randomUUID(), allows, expiresAt, origin })}`;
  };
  const fetchFrom = (path: string, init: RequestInit = {}) =>
    fetch(`${world.baseUrl}${path}`, { redirect: "manual", ...init });

  it("passes ranges, 308, redirects and bytes on as they are, without a token", async () => {
    listener.answer = { status: 308, headers: { Range: "bytes=0-9" } };
    const put = await fetchFrom(pathTo("upload"), {
      method: "PUT",
      body: Buffer.alloc(10),
      headers: { "Content-Range": "bytes 0-9/20" },
    });
    expect([put.status, put.headers.get("range")]).to.deep.equal([308, "bytes=0-9"]);
    expect(listener.seen.at(-1)).to.deep.equal({
      method: "PUT",
      range: undefined,
      contentRange: "bytes 0-9/20",
      bytes: 10,
    });

    listener.answer = {
      status: 206,
      headers: { "Content-Type": "image/png", "Content-Range": "bytes 5-7/20" },
      body: "abc",
    };
    const get = await fetchFrom(pathTo("download"), { headers: { Range: "bytes=5-7" } });
    expect([
      get.status,
      get.headers.get("content-type"),
      get.headers.get("content-range"),
      await get.text(),
    ]).to.deep.equal([206, "image/png", "bytes 5-7/20", "abc"]);
    expect(listener.seen.at(-1)?.range).to.equal("bytes=5-7");
    expect(get.headers.get("content-security-policy")).to.include("sandbox");
    expect(get.headers.get("cross-origin-resource-policy")).to.equal("cross-origin");

    listener.answer = { status: 302, headers: { Location: "https://bucket.example/x" } };
    const redirect = await fetchFrom(pathTo("download"));
    expect([redirect.status, redirect.headers.get("location")]).to.deep.equal([302, "https://bucket.example/x"]);
  });

  it("lets pages of the announced origin upload and of any origin download, also when it refuses", async () => {
    const allowed = async (path: string, method: string, origin: string) => {
      const response = await fetchFrom(path, { method, headers: { Origin: origin } });
      return response.headers.get("access-control-allow-origin");
    };
    listener.answer = { status: 200 };
    expect(await allowed(pathTo("upload"), "OPTIONS", ORIGIN)).to.equal(ORIGIN);
    expect(await allowed(pathTo("upload"), "PUT", ORIGIN)).to.equal(ORIGIN);
    expect(await allowed(pathTo("upload"), "PUT", "https://evil.example")).to.equal(null);
    expect(await allowed(pathTo("upload", { origin: null }), "OPTIONS", ORIGIN)).to.equal(null);
    expect(await allowed(pathTo("download"), "GET", "https://other.example")).to.equal("https://other.example");
    expect(await allowed(pathTo("upload", { expiresAt: 1 }), "PUT", ORIGIN)).to.equal(ORIGIN);
    const preflight = await fetchFrom(pathTo("upload"), { method: "OPTIONS", headers: { Origin: ORIGIN } });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get("access-control-allow-methods")).to.include("PUT");
    expect(preflight.headers.get("access-control-allow-headers"))
      .to.include("upload-content-length")
      .and.include("content-range");
  });

  it("turns away a URL that has expired, was changed, or is for something else, and asks nobody", async () => {
    const asked = listener.seen.length;
    const paths = [pathTo("upload", { expiresAt: Date.now() - 1 }), pathTo("download"), `${pathTo("upload")}x`];
    for (const path of paths) {
      const refused = await call("PUT", path, { token: null, version: null, raw: "x" });
      expect([refused.status, errorOf(refused).id]).to.deep.equal([403, "access_denied"]);
    }
    expect(listener.seen).to.have.lengthOf(asked);
  });

  it("gives a refusal its body, and does not wait for the rest of the upload", async () => {
    const refusal = { code: "invalid_property", message: "Content-Length is 5", data: { header: "Content-Length" } };
    listener.answer = { status: 422, headers: { "Content-Type": "application/json" }, body: JSON.stringify(refusal) };
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const request = send(`${world.baseUrl}${pathTo("upload")}`, { method: "PUT", headers: { "Content-Length": 1e9 } });
    request.once("response", ({ statusCode }) => resolve(statusCode)).once("error", reject);
    request.write(Buffer.alloc(65_536));
    expect(await promise).to.equal(422);
    request.destroy();
    const answered = await call("PUT", pathTo("upload"), { token: null, version: null, raw: "hello" });
    expect(errorOf(answered)).to.deep.include({ id: "invalid_property", data: { header: "Content-Length" } });
  });

  it("lets an upload take longer than any other request may", async () => {
    listener.answer = { status: 200 };
    const dribble = async (
      method: string,
      path: string,
      headers: Record<string, string>,
    ): Promise<number | undefined> => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      const request = send(`${world.baseUrl}${path}`, { method, headers: { ...headers, "Content-Length": "8" } });
      request.once("response", ({ statusCode }) => resolve(statusCode)).once("error", reject);
      request.write("1234");
      // Only the time that passes is what this is about.
      setTimeout(() => request.end("5678"), 2 * RECEIVE_TIMEOUT_MS);
      const status = await promise;
      return status;
    };
    const Authorization = `Bearer ${world.directory.aToken({ app })}`;
    expect(await dribble("PUT", pathTo("upload"), {})).to.equal(200);
    expect(await dribble("POST", `/apps/${app}/announcements`, { Authorization })).to.equal(408);
  });

  it("says that the service is away when it is, and names the headers that an announcement lacks", async () => {
    const missing = await call("POST", `/apps/${app}/conversations/${randomUUID()}/content`);
    expect(errorOf(missing)).to.deep.include({ id: "missing_property", data: { header: "Upload-Content-Type" } });
    await using apart = await openWorld({ name: "gateway content away", env: { CONTENT_KEY: key.toString("base64") } });
    const away = await httpClient(apart.baseUrl)("PUT", pathTo("upload"), { raw: "hello" });
    expect([away.status, away.headers.get("retry-after")]).to.deep.equal([503, "2"]);
  });
});
