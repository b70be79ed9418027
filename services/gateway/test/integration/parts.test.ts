import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const PART = { mime_type: "text/plain", body: "Hello" };
const Id = z.object({ id: z.string() });
const idOf = ({ json }: Reply): string => Id.parse(json).id.split("/").at(-1) ?? "";
const idsOf = ({ json }: Reply): string[] =>
  z
    .array(Id)
    .parse(json)
    .map(({ id }) => id.split("/").at(-1) ?? "");
const refused = (reply: Reply): unknown[] => [reply.status, errorOf(reply).id];

describe("message parts", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let conversation: string;

  before(async () => {
    world = await openWorld({ name: "gateway parts", env: PATIENT });
    app = world.directory.anApp();
    for (const user of ["ann", "cleo"]) world.directory.aUser(app, user);
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
    const body = { participants: ["ann", "bob"] };
    conversation = idOf(await send("POST", `/apps/${app}/conversations`, { body }));
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (message: string, part = "") =>
    `/apps/${app}/conversations/${conversation}/messages/${message}/parts${part === "" ? "" : `/${part}`}`;
  const aMessage = async (texts: readonly string[] = ["a", "b"]) => {
    const parts = texts.map((text) => ({ ...PART, body: text }));
    const body = { sender_id: "ann", parts };
    return idOf(await send("POST", `/apps/${app}/conversations/${conversation}/messages`, { body }));
  };
  const bodiesOf = async (message: string) => {
    const { json } = await send("GET", path(message));
    return z
      .array(z.object({ body: z.string() }))
      .parse(json)
      .map(({ body }) => body);
  };

  it("are listed and read under ids of their own in 3.0, with URLs that lead back", async () => {
    const m = await aMessage();
    const list = await send("GET", path(m));
    const [first = ""] = idsOf(list);
    expect(list.headers.get("layer-count")).to.equal(null);
    const part = await send("GET", path(m, first));
    expect(part.json).to.deep.equal({
      id: `layer:///messages/${m}/parts/${first}`,
      url: `${PUBLIC_URL}${path(m, first)}`,
      message_url: `${PUBLIC_URL}/apps/${app}/conversations/${conversation}/messages/${m}`,
      mime_type: "text/plain",
      body: "a",
      encoding: null,
      content: null,
      updated_at: null,
    });
    expect((await send("GET", path(m, "1"))).json).to.have.property("body", "b");
    const uri = encodeURIComponent(`layer:///messages/${m}/parts/${first}`);
    expect((await send("GET", path(m, uri))).json).to.have.property("body", "a");
  });

  it("are known by their place in 2.0, and are no endpoint of 1.x", async () => {
    const m = await aMessage();
    const list = await send("GET", path(m), { version: "2.0" });
    expect(idsOf(list)).to.deep.equal(["0", "1"]);
    for (const version of ["1.0", "1.1"] as const) {
      for (const [method, one] of [
        ["GET", ""],
        ["GET", "0"],
        ["POST", ""],
        ["PUT", ""],
        ["PUT", "0"],
        ["DELETE", "0"],
      ] as const) {
        const body = method === "GET" || method === "DELETE" ? {} : { body: PART };
        expect(refused(await send(method, path(m, one), { version, ...body }))).to.deep.equal([
          404,
          "invalid_endpoint",
        ]);
      }
    }
  });

  it("are read by a user under her own URLs", async () => {
    const m = await aMessage();
    const own = (user: string, part = "") => `/apps/${app}/users/${user}/messages/${m}/parts${part}`;
    const list = await send("GET", own("ann"));
    const [first = ""] = idsOf(list);
    const part = await send("GET", own("ann", `/${first}`));
    expect(part.json).to.include({
      url: `${PUBLIC_URL}${own("ann", `/${first}`)}`,
      message_url: `${PUBLIC_URL}/apps/${app}/users/ann/messages/${m}`,
    });
    expect(refused(await send("GET", own("cleo")))).to.deep.equal([404, "not_found"]);
    expect(refused(await send("GET", own("cleo", `/${first}`)))).to.deep.equal([404, "not_found"]);
  });

  it("are added behind the others with 201", async () => {
    const m = await aMessage(["a"]);
    const reply = await send("POST", path(m), { body: { ...PART, body: "b" } });
    expect(reply.status).to.equal(201);
    expect(reply.json).to.have.property("updated_at").that.is.a("string");
    expect(await bodiesOf(m)).to.deep.equal(["a", "b"]);
    const message = await send("GET", `/apps/${app}/conversations/${conversation}/messages/${m}`);
    expect(message.json).to.have.property("updated_at").that.is.a("string");
    const old = await send("POST", path(m), { version: "2.0", body: { ...PART, body: "c" } });
    expect(idOf(old)).to.equal("2");
  });

  it("are added once, however often that is repeated", async () => {
    const m = await aMessage(["a"]);
    const id = randomUUID();
    const headers = { "If-None-Match": id };
    const first = await send("POST", path(m), { headers, body: PART });
    expect([first.status, idOf(first)]).to.deep.equal([201, id]);
    const repeat = await send("POST", path(m), { headers, body: PART });
    expect(repeat.status).to.equal(409);
    expect(errorOf(repeat)).to.deep.include({ id: "id_in_use", data: first.json });
    const named = await send("POST", path(m), { body: { ...PART, id: `layer:///messages/${m}/parts/${id}` } });
    expect(errorOf(named)).to.include({ id: "id_in_use" });
    const key = { "Idempotency-Key": randomUUID() };
    await send("POST", path(m), { headers: key, body: PART });
    const other = await send("POST", path(m), { headers: key, body: { ...PART, body: "other" } });
    expect(refused(other)).to.deep.equal([422, "invalid_operation"]);
    expect(await bodiesOf(m)).to.have.lengthOf(3);
  });

  it("are replaced under their id, by id or by place, with another type too", async () => {
    const m = await aMessage();
    const [first = "", second = ""] = idsOf(await send("GET", path(m)));
    const reply = await send("PUT", path(m, first), { body: { mime_type: "application/json", body: "{}" } });
    expect(reply.status).to.equal(200);
    expect(reply.json).to.include({ id: `layer:///messages/${m}/parts/${first}`, mime_type: "application/json" });
    const byPlace = await send("PUT", path(m, "1"), { body: { ...PART, body: "B", id: randomUUID() } });
    expect(idOf(byPlace)).to.equal(second);
    expect(await bodiesOf(m)).to.deep.equal(["{}", "B"]);
    const inOld = await send("PUT", path(m, "0"), { version: "2.0", body: PART });
    expect(idOf(inOld)).to.equal("0");
  });

  it("are replaced all at once, under new ids", async () => {
    const m = await aMessage();
    const before = idsOf(await send("GET", path(m)));
    const reply = await send("PUT", path(m), { body: [{ ...PART, body: "x" }] });
    expect(reply.status).to.equal(200);
    expect(before).not.to.include(idsOf(reply)[0]);
    expect(await bodiesOf(m)).to.deep.equal(["x"]);
  });

  it("are taken out with 204, but for the last one", async () => {
    const m = await aMessage();
    expect(await send("DELETE", path(m, "0"))).to.have.property("status", 204);
    expect(await bodiesOf(m)).to.deep.equal(["b"]);
    expect(refused(await send("DELETE", path(m, "0")))).to.deep.equal([422, "invalid_operation"]);
  });

  it("are not there where the part, the message or the conversation is not", async () => {
    const m = await aMessage();
    for (const part of [randomUUID(), "7", "first", encodeURIComponent(`layer:///messages/${randomUUID()}/parts/0`)]) {
      for (const method of ["GET", "PUT", "DELETE"]) {
        const body = method === "PUT" ? { body: PART } : {};
        expect(refused(await send(method, path(m, part), body)), `${method} ${part}`).to.deep.equal([404, "not_found"]);
      }
    }
    for (const message of [randomUUID(), "first"]) {
      expect(refused(await send("GET", path(message)))).to.deep.equal([404, "not_found"]);
      expect(refused(await send("POST", path(message), { body: PART }))).to.deep.equal([404, "not_found"]);
      expect(refused(await send("PUT", path(message), { body: [PART] }))).to.deep.equal([404, "not_found"]);
    }
    const gone = path(m).replace(conversation, randomUUID());
    expect(refused(await send("POST", gone, { body: PART }))).to.deep.equal([404, "not_found"]);
  });

  it("are told what is missing or wrong before what is not there", async () => {
    const m = randomUUID();
    const property = async (method: string, part: string, body: unknown) =>
      errorOf(await send(method, path(m, part), { body })).data;
    expect(await property("POST", "", {})).to.deep.equal({ property: "parts.mime_type" });
    expect(await property("PUT", "0", { mime_type: "x" })).to.deep.equal({ property: "parts.body" });
    expect(await property("PUT", "", [])).to.deep.equal({ property: "parts" });
    expect(await property("POST", "", { ...PART, body: "x".repeat(2_049) })).to.deep.equal({ property: "parts.body" });
    expect(refused(await send("PUT", path(m), { body: PART }))).to.deep.equal([400, "invalid_request"]);
    expect(refused(await send("POST", path(m), { body: [PART] }))).to.deep.equal([400, "invalid_request"]);
  });

  it("are no more than the app's settings allow", async () => {
    const few = world.directory.anApp();
    world.directory.aUser(few, "ann");
    await world.directory.setSettings(few, { maxPartsPerMessage: 1 });
    const token = world.directory.aToken({ app: few });
    const options = { token, body: { participants: ["ann"] } };
    const c = idOf(await send("POST", `/apps/${few}/conversations`, options));
    const messages = `/apps/${few}/conversations/${c}/messages`;
    const two = await send("POST", messages, { token, body: { sender_id: "ann", parts: [PART, PART] } });
    expect(errorOf(two)).to.deep.include({ id: "invalid_property", data: { property: "parts" } });
    const m = idOf(await send("POST", messages, { token, body: { sender_id: "ann", parts: [PART] } }));
    const more = await send("POST", `${messages}/${m}/parts`, { token, body: PART });
    expect(errorOf(more)).to.deep.include({ id: "invalid_property", data: { property: "parts" } });
  });
});
