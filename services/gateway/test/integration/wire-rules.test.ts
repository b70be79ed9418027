import { once } from "node:events";
import { connect } from "node:net";
import { ERRORS, VERSIONS } from "@strata/layer-protocol";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient, type Reply, routes } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const PATCH = "application/vnd.layer-patch+json";
const Query = z.object({
  query: z.custom<z.ZodObject>((query) => query instanceof z.ZodObject && "page_size" in query.shape),
});
const METHODS = ["get", "post", "put", "patch", "delete", "options"] as const;
const refusalOf = (reply: Reply) => [reply.status, errorOf(reply).id, errorOf(reply).data];
/** Whether it has the shape of 2.0 and later. */
const isNew = ({ json }: Reply): boolean => Object.hasOwn(Object(json), "id");
/** A path of the route, with something in place of each parameter. */
const pathOf = (pattern: string, app: string): string =>
  pattern.replace(":app", app).replaceAll(/:\w+/g, "3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11");

/** What a list cannot do without. */
const givenTo = (path: string): string => (path.endsWith("/search") ? "q=hello&" : "");

describe("rules of the wire", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway wire", env: { REQUEST_DEADLINE_MS: "10000" } });
    app = world.directory.anApp();
    world.directory.aUser(app, "ann", "Ann");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const identity = (user = "ann") => `/apps/${app}/users/${user}/identity`;

  const asking = (accept: string) => send("GET", identity(), { version: null, headers: { Accept: accept } });
  const patching = (contentType: string, body: unknown = []) =>
    send("PATCH", identity(), { headers: { "Content-Type": contentType }, body });

  describe("Accept", () => {
    it("names a version, whatever its letter case and white space", async () => {
      for (const version of VERSIONS) {
        for (const accept of [
          `application/vnd.layer+json; version=${version}`,
          `application/vnd.layer+json;version=${version}`,
          `Application/VND.Layer+JSON ; Version = "${version}"`,
          `text/html, application/vnd.layer+json; version=${version}`,
        ]) {
          const reply = await asking(accept);
          expect([reply.status, isNew(reply)], accept).to.deep.equal([200, version >= "2.0"]);
        }
      }
    });

    it("means the newest where it leaves that open", async () => {
      for (const accept of ["*/*", "application/*", "application/json", "text/html, */*; q=0.1"]) {
        const reply = await asking(accept);
        expect([reply.status, isNew(reply)], accept).to.deep.equal([200, true]);
      }
    });

    it("is refused with 406 where there is no such version or type, after the token and before the body", async () => {
      for (const accept of [
        "application/vnd.layer+json",
        "application/vnd.layer+json; version=4.0",
        "application/vnd.layer+json; version=",
        "text/html",
      ]) {
        expect(refusalOf(await asking(accept)), accept).to.deep.equal([406, "invalid_header", { header: "Accept" }]);
      }
      const headers = { Accept: "text/html" };
      expect(await send("POST", identity(), { version: null, headers, raw: "{" })).to.have.property("status", 406);
      const nobody = await send("POST", identity(), { token: null, version: null, headers, raw: "{" });
      expect(refusalOf(nobody)).to.deep.equal([401, "authentication_required", undefined]);
    });

    it("does not matter to documentation", async () => {
      for (const path of ["/openapi.json", "/docs", "/docs/errors"]) {
        const reply = await send("GET", path, { version: null, headers: { Accept: "image/png" } });
        expect(reply.status).to.equal(200);
      }
    });
  });

  describe("Content-Type", () => {
    it("of a PATCH says that it is a Layer-Patch, in either spelling", async () => {
      for (const type of [PATCH, "application/vnd.layer-patch.json", `${PATCH}; charset=utf-8`, PATCH.toUpperCase()]) {
        expect(await patching(type), type).to.have.property("status", 204);
      }
    });

    it("of a PATCH is refused with 406 where it is anything else, before the body is looked at", async () => {
      for (const type of ["application/json", "text/plain", "application/vnd.layer+json; version=3.0"]) {
        expect(refusalOf(await patching(type, "no patch")), type).to.deep.equal([
          406,
          "invalid_header",
          { header: "Content-Type" },
        ]);
      }
      const headers = { "Content-Type": "application/json", "X-HTTP-Method-Override": "PATCH" };
      expect(await send("POST", identity(), { headers, body: [] })).to.have.property("status", 406);
      const none = await send("PATCH", identity());
      expect(refusalOf(none)).to.deep.equal([406, "invalid_header", { header: "Content-Type" }]);
    });

    it("of a POST or PUT does not matter as long as the body is JSON", async () => {
      for (const type of ["text/plain", "application/x-www-form-urlencoded", PATCH]) {
        const headers = { "Content-Type": type };
        expect(await send("PUT", identity(), { headers, body: { display_name: "Ann" } })).to.have.property(
          "status",
          204,
        );
      }
    });

    it("of an answer is JSON in UTF-8, and absent where there is no body", async () => {
      expect((await send("GET", identity())).headers.get("content-type")).to.equal("application/json; charset=UTF-8");
      expect((await send("GET", "/nowhere")).headers.get("content-type")).to.equal("application/json; charset=UTF-8");
      const empty = await patching(PATCH);
      expect([empty.headers.get("content-type"), empty.headers.get("content-length")]).to.deep.equal([null, null]);
      const accepted = await send("DELETE", `/apps/${app}/users/${await aUser()}`);
      expect([accepted.headers.get("content-type"), accepted.headers.get("content-length")]).to.deep.equal([null, "0"]);
    });
  });

  const aUser = async (): Promise<string> => {
    await send("POST", identity("gone"), { body: { display_name: "Gone" } });
    return "gone";
  };

  describe("user ids in a path", () => {
    it("survive whatever characters they have, encoded once", async () => {
      for (const user of ["a/b", "a+b", "50%", "who?", "a b", "é😀", "a%2Fb", "x#y", "..", "a;b=c", "~!'()*"]) {
        const encoded = encodeURIComponent(user).replaceAll(".", "%2E");
        // Written by hand, since URL parsers take `%2E%2E` for the folder above.
        const reply = await rawRequest("PUT", `/apps/${app}/users/ann/following/${encoded}`);
        expect(reply, user).to.match(/^HTTP\/1\.1 204 /);
        expect(world.directory.hasUser(app, user), user).to.equal(true);
      }
      const { json } = await send("GET", `/apps/${app}/users/a%2Fb`);
      expect(json).to.have.property("id", "a/b");
    });

    it("are refused with 400 where they do not decode, and with 422 where they cannot be one", async () => {
      for (const bad of ["%", "%E0%A4%A", "%zz", "a%2"]) {
        expect(refusalOf(await send("GET", identity(bad))), bad).to.deep.equal([400, "invalid_request", undefined]);
      }
      for (const bad of ["%00", "u".repeat(129)]) {
        expect(refusalOf(await send("GET", identity(bad))), bad).to.deep.equal([
          422,
          "invalid_property",
          { property: "user_id" },
        ]);
      }
      expect(refusalOf(await send("GET", `/apps/${app}/users//identity`))).to.deep.equal([
        404,
        "invalid_endpoint",
        undefined,
      ]);
    });
  });

  describe("what does not matter", () => {
    it("is a body on GET and DELETE, also one that is no JSON", async () => {
      for (const body of ["{}", "{", "x".repeat(100_000)]) {
        expect(await rawRequest("GET", identity(), body)).to.match(/^HTTP\/1\.1 200 /);
        expect(await rawRequest("DELETE", `/apps/${app}/users/ann/sessions`, body)).to.match(/^HTTP\/1\.1 204 /);
      }
    });

    it("is If-None-Match where nothing is created under it", async () => {
      for (const value of ["tuesday", '"3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11"', "*"]) {
        const headers = { "If-None-Match": value };
        expect(await send("GET", identity(), { headers })).to.have.property("status", 200);
        expect(await send("DELETE", `/apps/${app}/users/ann/sessions`, { headers })).to.have.property("status", 204);
        const patched = await send("PATCH", identity(), { headers: { ...headers, "Content-Type": PATCH }, body: [] });
        expect(patched.status).to.equal(204);
        const body = { user_id: "bob" };
        const blocked = await send("POST", `/apps/${app}/users/ann/blocks`, { headers, version: "1.0", body });
        expect(blocked.status).to.equal(204);
      }
    });

    it("is a field that nobody knows, and a null where nothing is meant", async () => {
      const body = { display_name: "Ann", first_name: null, metadata: null, shoe_size: 42 };
      expect(await send("PUT", identity(), { body })).to.have.property("status", 204);
      expect((await send("GET", identity())).json).to.deep.include({ first_name: null, metadata: null });
    });

    it("is the letter case of the scheme in Authorization", async () => {
      const token = world.directory.aToken({ app });
      const headers = { Authorization: `BEARER ${token}` };
      expect(await send("GET", identity(), { token: null, headers })).to.have.property("status", 200);
    });
  });

  describe("methods", () => {
    it("that a path does not have in a version are 405 with those that it has; a path that it does not have is 404", async () => {
      const account = world.directory.aToken();
      const token = world.directory.aToken({ app });
      for (const [pattern, ofPath] of Map.groupBy(routes, ({ path }) => path)) {
        for (const version of VERSIONS) {
          const served = ofPath.filter(
            (route) => !("versions" in route) || (route.versions?.includes(version) ?? true),
          );
          const allowed = served.map(({ method }) => method.toUpperCase());
          for (const method of METHODS.filter((one) => !served.some((route) => route.method === one))) {
            const options = { version, token: pattern.startsWith("/accounts") ? account : token };
            const reply = await send(method.toUpperCase(), pathOf(pattern, app), options);
            const said = `${method} ${pattern} in ${version}`;
            if (allowed.length > 0) expect(reply.headers.get("allow"), said).to.equal(allowed.join(", "));
            expect(reply.status, said).to.be.oneOf(allowed.length > 0 ? [405] : [404, 405]);
          }
        }
      }
    }).timeout(120_000);

    it("are told before the token is looked at, and all of them where no version is named", async () => {
      const reply = await send("PUT", `/apps/${app}/users/ann/blocks`, {
        token: null,
        version: null,
        headers: { Accept: "text/html" },
      });
      expect([...refusalOf(reply), reply.headers.get("allow")]).to.deep.equal([
        405,
        "method_not_allowed",
        undefined,
        "GET, POST, PATCH",
      ]);
    });

    it("HEAD is GET without a body", async () => {
      for (const path of [identity(), `/apps/${app}/users/ann`, identity("nobody"), "/nowhere", "/docs"]) {
        const [get, head] = [await send("GET", path), await rawRequest("HEAD", path)];
        expect(head, path).to.match(new RegExp(`^HTTP/1\\.1 ${get.status} `));
        expect(head, path)
          .to.include(`Content-Length: ${get.headers.get("content-length")}`)
          .and.match(/\r\n\r\n$/);
      }
    });

    it("OPTIONS is one that a path does not have", async () => {
      const reply = await send("OPTIONS", identity());
      expect([reply.status, reply.headers.get("allow")]).to.deep.equal([405, "POST, GET, PATCH, PUT, DELETE"]);
      expect(await send("OPTIONS", "/nowhere")).to.have.property("status", 404);
    });
  });

  const whoMay = (access: string) => {
    if (access.startsWith("account:")) return { token: world.directory.aToken() };
    return access === "session" ? { session: world.directory.logins.aSession(app, "ann") } : {};
  };

  describe("paging", () => {
    const lists = routes.filter(({ operation }) => Query.safeParse(operation.requestParams).success);

    it("takes a page size of at least 1, and means the most there is by more, on every list", async () => {
      expect(lists.length).to.be.greaterThan(5);
      for (const { path, access } of lists) {
        const list = pathOf(path, app);
        for (const query of [
          "page_size=0",
          "page_size=-1",
          "page_size=1.5",
          "page_size=ten",
          "page_size=1&page_size=2",
        ]) {
          const reply = await send("GET", `${list}?${givenTo(path)}${query}`, whoMay(access));
          expect(refusalOf(reply), `${path} ${query}`).to.deep.equal([
            422,
            "invalid_property",
            { property: "page_size" },
          ]);
        }
      }
      const all = await send("GET", `/apps/${app}/users/ann/following?page_size=100000`);
      expect([all.status, all.headers.get("layer-count")]).to.deep.equal([200, String(Object(all.json)["length"])]);
    });

    it("begins behind a row of the list, and nowhere else", async () => {
      for (const { path, access } of lists) {
        const reply = await send(
          "GET",
          `${pathOf(path, app).replace("/users/3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11", "/users/ann")}?${givenTo(path)}from_id=%00`,
          whoMay(access),
        );
        expect(refusalOf(reply), path).to.deep.equal([404, "not_found", undefined]);
      }
    });
  });

  describe("errors", () => {
    it("have a page of ours that explains each of them at its anchor", async () => {
      const { url } = errorOf(await send("GET", "/nowhere"));
      expect(url).to.equal(`${PUBLIC_URL}/docs/errors#invalid_endpoint`);
      const { text } = await send("GET", new URL(url).pathname, { token: null, version: null });
      for (const [id, { code, status, when }] of Object.entries(ERRORS)) {
        expect(text).to.include(`<tr id="${id}"><td><code>${id}</code></td><td>${code}</td><td>${status}</td>`);
        expect(when.length).to.be.greaterThan(10);
      }
    });

    it("have no data where there is nothing to say", async () => {
      for (const path of [identity("nobody"), "/nowhere"]) {
        expect(Object.keys(Object((await send("GET", path)).json))).to.have.members(["id", "code", "message", "url"]);
      }
    });

    it("answer what is no HTTP request at all, too, also where it only shows in the body", async () => {
      const head = `PUT ${identity()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.directory.aToken({ app })}\r\n`;
      const broken = await talk(`${head}Transfer-Encoding: chunked\r\n\r\nno size\r\n`);
      expect(broken)
        .to.match(/^HTTP\/1\.1 400 /)
        .and.include('"id":"invalid_request"');
      const garbage = await talk("NO HTTP\r\n\r\n");
      expect(garbage)
        .to.match(/^HTTP\/1\.1 400 /)
        .and.include(`${PUBLIC_URL}/docs/errors#invalid_request`);
      const long = await talk(`GET /docs HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`);
      expect(long)
        .to.match(/^HTTP\/1\.1 431 /)
        .and.include('"id":"invalid_request"');
    });
  });

  it("the token of another app is refused with 403, one that nobody knows with 401", async () => {
    const other = world.directory.aToken({ app: world.directory.anApp() });
    expect(refusalOf(await send("GET", identity(), { token: other }))).to.deep.equal([
      403,
      "invalid_app_id",
      undefined,
    ]);
    const reply = await send("GET", identity(), { token: "none" });
    expect([...refusalOf(reply), errorOf(reply).code]).to.deep.equal([401, "authentication_required", undefined, 4]);
    expect(reply.headers.get("www-authenticate")).to.equal("Bearer");
  });

  /** As it goes over the wire, without a client that would tidy it up. */
  const rawRequest = (method: string, path: string, body = ""): Promise<string> =>
    talk(
      `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.directory.aToken({ app })}\r\n` +
        `Accept: application/vnd.layer+json; version=3.0\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
        `Connection: close\r\n\r\n${body}`,
    );

  /** Says something and answers all that comes back until the connection ends. */
  async function talk(text: string): Promise<string> {
    const socket = connect(Number(new URL(world.baseUrl).port), "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.write(text);
    await once(socket, "close");
    return Buffer.concat(chunks).toString("utf8");
  }
});

describe("a rate limit", () => {
  it("answers 429 with Retry-After above it, to that token alone", async () => {
    await using world = await openWorld({
      name: "gateway rate",
      env: { RATE_LIMIT_PER_SECOND: "0.1", RATE_LIMIT_BURST: "2" },
    });
    const app = world.directory.anApp();
    world.directory.aUser(app, "ann");
    const send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }) });
    const get = (options = {}) => send("GET", `/apps/${app}/users/ann`, options);
    expect([(await get()).status, (await get()).status]).to.deep.equal([200, 200]);
    const refused = await get();
    expect(refusalOf(refused)).to.deep.equal([429, "rate_limit_exceeded", undefined]);
    expect(Number(refused.headers.get("retry-after"))).to.be.within(1, 10);
    expect(await get({ token: world.directory.aToken({ app }) })).to.have.property("status", 200);
  });
});
