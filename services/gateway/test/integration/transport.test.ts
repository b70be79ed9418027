import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable, Writable } from "node:stream";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createLogger } from "@strata/runtime";
import { eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const MIB = 1024 * 1024;

const anAnnouncement = () => ({
  recipients: ["ann"],
  sender: { name: "Ops" },
  parts: [{ mime_type: "text/plain", body: "Hello" }],
});
/** Larger than half of the budget below. */
const aLargeAnnouncement = () => ({ ...anAnnouncement(), padding: "x".repeat(10 * MIB) });

describe("transport", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let token: string;
  const lines: string[] = [];
  const logged = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(...chunk.toString().trim().split("\n"));
      done();
    },
  });

  before(async () => {
    const env = {
      MAX_IN_FLIGHT_PER_APP: "3",
      MAX_BODY_BYTES_IN_FLIGHT: String(17 * MIB),
      REQUEST_DEADLINE_MS: "10000",
      LISTEN_HOST: "127.0.0.1",
    };
    const log = createLogger({ service: "gateway", level: "info", stream: logged });
    world = await openWorld({ name: "gateway transport", env, log });
    app = world.directory.anApp();
    token = world.directory.aToken({ app });
    world.directory.aUser(app, "ann");
    send = httpClient(world.baseUrl, { token, version: "1.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const identity = () => `/apps/${app}/users/ann/identity`;
  const announcements = () => `/apps/${app}/announcements`;

  describe("routes", () => {
    it("answers 404 invalid_endpoint where there is none", async () => {
      for (const path of ["/nothing", "/apps", `/apps/${app}/Announcements`, `/apps/${app}/users/ann/nothing`]) {
        const reply = await send("GET", path);
        expect([reply.status, errorOf(reply).id]).to.deep.equal([404, "invalid_endpoint"]);
      }
    });

    it("answers 405 with the methods that there are", async () => {
      const reply = await send("DELETE", announcements());
      expect([reply.status, errorOf(reply).id]).to.deep.equal([405, "method_not_allowed"]);
      expect(reply.headers.get("allow")).to.equal("POST");
    });

    it("takes a POST that says PATCH for one, and no other override", async () => {
      const headers = { "X-HTTP-Method-Override": "patch", "Content-Type": "application/vnd.layer-patch+json" };
      expect(await send("POST", identity(), { headers, body: [] })).to.have.property("status", 204);
      const others = { "X-HTTP-Method-Override": "DELETE" };
      expect(await send("POST", announcements(), { headers: others, body: {} })).to.have.property("status", 422);
      expect(await send("GET", identity(), { headers })).to.have.property("status", 200);
    });

    it("answers HEAD like GET, without the body", async () => {
      const reply = await send("HEAD", "/docs/errors");
      expect([reply.status, reply.text]).to.deep.equal([200, ""]);
    });

    it("refuses a path that does not decode with 400", async () => {
      const reply = await send("GET", `/apps/${app}/users/%E0%A4%A/identity`);
      expect([reply.status, errorOf(reply).id]).to.deep.equal([400, "invalid_request"]);
    });
  });

  it("listens at the address that it is given, and at no other of this machine", async () => {
    const elsewhere = httpClient(world.baseUrl.replace("127.0.0.1", "127.0.0.2"));
    expect(await elsewhere("GET", "/docs").catch((error: unknown) => error)).to.be.instanceOf(TypeError);
    expect(await send("GET", "/docs")).to.have.property("status", 200);
  });

  describe("bodies", () => {
    it("answers 413 to one above 16 MB so that the caller sees it, whether its length is announced or not", async () => {
      const tooLong = Buffer.alloc(16 * MIB + 1, " ");
      const announced = await send("POST", announcements(), { raw: tooLong });
      expect([announced.status, errorOf(announced).id]).to.deep.equal([413, "invalid_request"]);

      const chunked = await fetch(`${world.baseUrl}${announcements()}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}` },
        body: Readable.toWeb(
          Readable.from([tooLong.subarray(0, 8 * MIB), tooLong.subarray(8 * MIB)]),
        ) as ReadableStream,
        duplex: "half",
      });
      expect(chunked.status).to.equal(413);
      await chunked.body?.cancel();
    });

    it("answers 413 above 1 MB elsewhere", async () => {
      const reply = await send("POST", identity(), { body: { display_name: "x".repeat(MIB) } });
      expect(reply.status).to.equal(413);
    });

    it("holds no more than its budget of all bodies together, and gives it back", async () => {
      const replies = await Promise.all(
        [1, 2].map(() => send("POST", announcements(), { body: aLargeAnnouncement() })),
      );
      expect(replies.map(({ status }) => status)).to.have.members([202, 503]);
      expect(await send("POST", announcements(), { body: aLargeAnnouncement() })).to.have.property("status", 202);
    });

    it("refuses a compressed body and malformed JSON with 400, and says nothing of what was sent", async () => {
      const secret = '{"private_key": "hunter2" "';
      const malformed = await send("POST", announcements(), { raw: secret });
      expect([malformed.status, errorOf(malformed).id]).to.deep.equal([400, "invalid_request"]);
      expect(malformed.text).not.to.include("hunter2");
      const headers = { "Content-Encoding": "gzip" };
      expect(await send("POST", announcements(), { headers, raw: "x" })).to.have.property("status", 400);
    });

    it("takes any Content-Type, and a body on GET", async () => {
      const headers = { "Content-Type": "text/plain" };
      expect(await send("POST", announcements(), { headers, body: anAnnouncement() })).to.have.property("status", 202);
      const socket = connect(Number(new URL(world.baseUrl).port), "127.0.0.1");
      socket.write(
        `GET ${identity()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 2\r\n` +
          "Connection: close\r\n\r\n{}",
      );
      const [answer]: unknown[] = await once(socket, "data");
      expect(String(answer)).to.match(/^HTTP\/1\.1 200 /);
      socket.destroy();
    });
  });

  it("answers 429 with Retry-After above an app's share of requests under way, and not to other apps", async () => {
    const other = world.directory.anApp();
    world.directory.aUser(other, "ann");
    const others = world.directory.aToken({ app: other });
    const body = { ...anAnnouncement(), recipients: userIds(50_000) };
    const replies = await Promise.all([
      ...Array.from({ length: 6 }, () => send("POST", announcements(), { body })),
      send("GET", `/apps/${other}/users/ann/identity`, { token: others }),
    ]);
    const statuses = replies.map(({ status }) => status);
    expect(statuses.at(-1)).to.equal(200);
    expect(statuses).to.include.members([202, 429]);
    const refused = replies.find(({ status }) => status === 429);
    expect(refused?.headers.get("retry-after")).to.equal("1");
    expect(await send("GET", identity())).to.have.property("status", 200);
  });

  describe("tracing and headers", () => {
    it("returns the caller's request id, or one of its own where that cannot be one", async () => {
      const id = `web-1:${randomUUID()}`;
      expect((await send("GET", identity(), { headers: { "X-Request-Id": id } })).headers.get("x-request-id")).to.equal(
        id,
      );
      for (const headers of [{}, { "X-Request-Id": "x".repeat(129) }, { "X-Request-Id": "a b" }]) {
        expect((await send("GET", identity(), { headers })).headers.get("x-request-id")).to.match(/^[0-9a-f-]{36}$/);
      }
    });

    it("carries the caller's trace on to the services", async () => {
      const traceId = "0af7651916cd43dd8448eb211c80319c";
      const id = randomUUID();
      const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, "If-None-Match": id };
      await send("POST", announcements(), { headers, body: anAnnouncement() });
      expect(world.fanout.traceparents.get(id)).to.match(new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)`));
    });

    it("writes one line per request, with its route's pattern, and no id of a user, token or body in it", async () => {
      const requestId = `log-${randomUUID()}`;
      await send("GET", identity(), { headers: { "X-Request-Id": requestId } });
      const own = await eventually(
        () => lines.filter((line) => line.includes(requestId)),
        (found) => found.length > 0,
      );
      expect(own).to.have.lengthOf(1);
      expect(JSON.parse(own[0] ?? "")).to.deep.include({
        message: "request",
        method: "GET",
        route: "/apps/:app/users/:user/identity",
        status: 200,
        app,
      });
      await send("POST", announcements(), { raw: '{"parts": "hunter2"' });
      const all = lines.join("\n");
      for (const secret of [token, "users/ann", "hunter2"]) expect(all).not.to.include(secret);
    });

    it("counts requests by route and status", async () => {
      await send("GET", "/docs");
      const metrics = await world.gateway.metrics.getSingleMetricAsString("gateway_request_seconds");
      expect(metrics).to.include('gateway_request_seconds_count{method="GET",route="/docs",status="200"}');
    });

    it("forbids caching, framing and scripts", async () => {
      const { headers } = await send("GET", "/docs");
      expect(headers.get("content-security-policy")).to.match(/^default-src 'none';style-src 'sha256-[^']+';/);
      expect(headers.get("x-content-type-options")).to.equal("nosniff");
      expect(headers.get("cache-control")).to.equal("no-store");
      expect(headers.has("x-powered-by")).to.equal(false);
    });
  });

  describe("documentation", () => {
    it("serves an OpenAPI 3.1 document that is valid", async () => {
      const { json } = await send("GET", "/openapi.json", { token: null });
      const { valid, errors } = await new Validator().validate(Object(json));
      expect(errors).to.equal(undefined);
      expect(valid).to.equal(true);
      expect(json).to.have.deep.property("servers", [{ url: PUBLIC_URL }]);
    });

    it("explains every error under the anchor that its body names", async () => {
      const { url } = errorOf(await send("GET", "/nowhere"));
      const [address = "", anchor = ""] = url.split("#");
      const { text } = await send("GET", address.replace(PUBLIC_URL, ""), { token: null });
      expect(text).to.include(`<tr id="${anchor}">`).and.include("rate_limit_exceeded");
    });

    it("lists every endpoint on a page that loads nothing from anywhere", async () => {
      const { text } = await send("GET", "/docs", { token: null });
      expect(text).to.include("/apps/{app}/announcements").and.include("Give a user an identity");
      expect(text).not.to.match(/<script|<link|<img|src=/);
    });
  });
});

describe("a gateway that is stopped", () => {
  it("finishes the request in hand, ends its connections, and takes no new ones", async () => {
    await using world = await openWorld({ name: "gateway stop" });
    const app = world.directory.anApp();
    const send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "1.0" });
    // Two connections that would not end by themselves: one kept alive, one opened in advance and never used.
    await send("GET", `/apps/${app}/users/ann/identity`);
    const unused = connect(Number(new URL(world.baseUrl).port), "127.0.0.1");
    await once(unused, "connect");
    const body = { recipients: userIds(60_000), sender: { name: "Ops" }, parts: [{ mime_type: "a/b", body: "Hello" }] };
    const posting = send("POST", `/apps/${app}/announcements`, { body });
    await eventually(() => world.fanout.announcements.size, 1, { everyMs: 1 });
    world.gateway.readiness.shutDown();
    const closing = world.gateway.closing.closeAll();
    expect(await posting).to.have.property("status", 202);
    const answeredAt = performance.now();
    await closing;
    expect(performance.now() - answeredAt).to.be.lessThan(5_000);
    unused.destroy();
    const refused = await send("GET", "/docs").catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(TypeError);
  });
});
