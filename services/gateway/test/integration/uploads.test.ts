import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { once } from "node:events";
import { eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const NDJSON = { "Content-Type": "application/x-ndjson" };
const linesOf = (ids: readonly string[]): string => ids.map((id) => `${JSON.stringify(id)}\n`).join("");

const aBody = (fields: Readonly<Record<string, unknown>> = {}) => ({
  recipients_upload: true,
  sender_id: "ops",
  parts: [{ mime_type: "text/plain", body: "Hello" }],
  ...fields,
});

describe("an announcement whose recipients are uploaded", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let token: string;

  before(async () => {
    world = await openWorld({ name: "gateway uploads", env: PATIENT });
    app = world.directory.anApp();
    world.directory.aUser(app, "ops");
    token = world.directory.aToken({ app });
    send = httpClient(world.baseUrl, { token, version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());
  afterEach(() => {
    world.fanout.beforeUploaded = async () => undefined;
  });

  const path = (rest = "") => `/apps/${app}/announcements${rest}`;
  const create = (id: string, fields = {}) =>
    send("POST", path(), { body: aBody(fields), headers: { "If-None-Match": id } });
  async function created(fields = {}): Promise<string> {
    const id = randomUUID();
    expect(await create(id, fields)).to.include({ status: 202 });
    return id;
  }
  const put = (id: string, raw: string | Uint8Array, headers: Readonly<Record<string, string>> = NDJSON) =>
    send("PUT", path(`/${id}/recipients`), { raw, headers });
  const start = (id: string) => send("POST", path(`/${id}/start`));
  const uploaded = (id: string) => world.fanout.uploaded.get(id)?.flat() ?? [];

  it("is accepted without anybody, takes them in several requests, and is started once", async () => {
    const id = randomUUID();
    const opened = await create(id);
    expect([opened.status, Object(opened.json)]).to.deep.equal([
      202,
      { ...Object(opened.json), state: "accepting", recipients: null },
    ]);
    expect((await create(id)).status, "the same again goes on with it").to.equal(202);
    expect((await create(id, { category: "other" })).status).to.equal(409);

    const first = await put(id, '\uFEFF"ann"\n\n{"user_id":"layer:///identities/bob"}');
    expect([first.status, first.json]).to.deep.equal([
      200,
      { id: `layer:///announcements/${id}`, url: Object(opened.json)["url"], state: "accepting", lines: 2 },
    ]);
    expect((await put(id, linesOf(["bob", "eve"]))).json).to.include({ lines: 2 });
    expect((await put(id, "")).json).to.include({ lines: 0 });
    expect(uploaded(id)).to.deep.equal(["ann", "bob", "bob", "eve"]);
    for (let time = 1; time <= 2; time += 1) {
      const started = await start(id);
      expect([started.status, started.json]).to.deep.equal([
        202,
        { ...Object(started.json), state: "distributing", recipients: 3, reached: 0 },
      ]);
    }
    const late = await put(id, linesOf(["max"]));
    expect([late.status, errorOf(late).id]).to.deep.equal([409, "conflict"]);
    expect(uploaded(id)).not.to.include("max");
  });

  it("says its terms once, at its creation", async () => {
    const at = Date.now() + 3_600_000;
    const id = await created({ schedule: { at: new Date(at).toISOString() }, throttle: { per_minute: 60 } });
    expect(world.fanout.announcements.get(`${app}/${id}`)).to.deep.include({ schedule: { at }, throttlePerMinute: 60 });
  });

  it("refuses recipients, an audience or an expected number beside it, and another value than true", async () => {
    for (const [property, fields] of [
      ["recipients_upload", { recipients: ["ann"] }],
      ["recipients_upload", { audience: { everyone: true } }],
      ["recipients_upload", { recipients_upload: "yes" }],
      ["expected_count", { expected_count: 1 }],
    ] as const) {
      const reply = await create(randomUUID(), fields);
      expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
    }
  });

  it("names the first bad line, has stored all before it, and nothing behind it", async () => {
    const id = await created();
    const good = userIds(12_000);
    const reply = await put(id, `${linesOf(good)}\nnot json\n"late"\n`);
    expect(reply.status).to.equal(422);
    const { data, message } = errorOf(reply);
    expect(data).to.deep.equal({ property: "line 12002", stored_lines: 12_000 });
    expect(message).to.equal("line 12002 is not valid JSON; lines 1 to 12000 are stored");
    expect(uploaded(id)).to.deep.equal(good);
    expect(errorOf(await put(id, "7\n")).data).to.deep.equal({ property: "line 1", stored_lines: 0 });
  });

  it("says what is wrong with a line", async () => {
    const id = await created();
    const neither = 'line 2 must be a user id as a JSON string, or an object with "user_id"';
    for (const [line, message] of [
      ["ann", "line 2 is not valid JSON"],
      ["7", neither],
      ["null", neither],
      ['["ann"]', neither],
      ['{"id": "ann"}', neither],
      ['""', "line 2 names no user"],
      [`"${"x".repeat(129)}"`, "line 2 names no user"],
      ['"layer:///messages/1"', "line 2 names no user"],
      ['"\\ud800"', "line 2 names no user"],
      ["x".repeat(4_097), "line 2 must have at most 4096 bytes"],
    ] as const) {
      const reply = await put(id, `"ok"\n${line}\n"next"\n`);
      expect(errorOf(reply).message).to.equal(`${message}; lines 1 to 1 are stored`);
    }
    const bytes = Buffer.from([0x22, 0xff, 0x22]);
    expect(errorOf(await put(id, bytes)).message).to.equal("line 1 must be UTF-8; no line is stored for certain");
    expect(new Set(uploaded(id))).to.deep.equal(new Set(["ok"]));
  });

  it("answers a bad line while the rest is still being sent", async () => {
    const id = await created();
    const { port } = new URL(world.baseUrl);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(
      `PUT ${path(`/${id}/recipients`)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nnobody\n\r\n",
    );
    const [answer]: unknown[] = await once(socket, "data");
    expect(String(answer)).to.match(/^HTTP\/1.1 422 /);
    socket.destroy();
  });

  it("says how far it came when a service does not answer", async () => {
    const id = await created();
    const ids = userIds(25_000);
    const gone = Promise.withResolvers<void>();
    world.fanout.beforeUploaded = async (some) => {
      const place = ids.indexOf(String(some[0]));
      if (place > 10_000) await gone.promise;
      if (place !== 10_000) return;
      await eventually(async () => uploaded(id).length, 10_000);
      world.fanout.announcements.delete(`${app}/${id}`);
      gone.resolve();
    };
    const reply = await put(id, linesOf(ids));
    expect(reply.status).to.equal(404);
    expect(errorOf(reply).data).to.deep.equal({ stored_lines: 10_000 });
    expect(uploaded(id)).to.deep.equal(ids.slice(0, 10_000));
  });

  it("reads no faster than is stored, with at most four commands of 5,000 under way, none of more than 1 MB", async () => {
    const id = await created();
    const stored = Promise.withResolvers<void>();
    let underWay = 0;
    world.fanout.beforeUploaded = async () => {
      underWay += 1;
      await stored.promise;
    };
    const long = userIds(20_000).map((one) => one.padEnd(60, "\u0001"));
    const answer = put(id, linesOf(long));
    await eventually(async () => underWay, 4);
    for (let look = 0; look < 5; look += 1) await put(randomUUID(), "");
    expect(underWay).to.equal(4);
    stored.resolve();
    expect((await answer).json).to.include({ lines: 20_000 });
    expect(new Set(uploaded(id)).size).to.equal(20_000);
    expect(world.fanout.largestCommandBytes).to.be.below(1_000_000);
    for (const command of world.fanout.uploaded.get(id) ?? []) expect(command.length).to.be.at.most(5_000);
  });

  it("keeps what came of a request that breaks off, and takes the whole again", async () => {
    const id = await created();
    const ids = userIds(7_000);
    const { port } = new URL(world.baseUrl);
    const socket = connect(Number(port), "127.0.0.1");
    const body = linesOf(ids);
    socket.write(
      `PUT ${path(`/${id}/recipients`)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/x-ndjson\r\nContent-Length: ${Buffer.byteLength(body) + 100}\r\n\r\n${body}`,
    );
    await eventually(async () => uploaded(id).length, 5_000);
    socket.destroy();
    expect((await put(id, body)).json).to.include({ lines: 7_000 });
    expect(new Set(uploaded(id))).to.deep.equal(new Set(ids));
    expect((await start(id)).json).to.include({ recipients: 7_000 });
  });

  it("is not started without anybody, nor where it has ended or is none", async () => {
    const id = await created();
    const empty = await start(id);
    expect([empty.status, errorOf(empty).data]).to.deep.equal([422, { property: "recipients" }]);
    expect((await send("POST", path(`/${id}/cancel`))).status).to.equal(200);
    await put(id, linesOf(["ann"]));
    expect(errorOf(await start(id))).to.include({
      id: "conflict",
      message: "An announcement that is canceled cannot be started",
    });

    const inline = randomUUID();
    await create(inline, { recipients_upload: null, recipients: ["ann"] });
    for (const reply of [await start(inline), await put(inline, linesOf(["bob"]))]) {
      expect([reply.status, errorOf(reply).id]).to.deep.equal([409, "conflict"]);
    }
    for (const reply of [await start(randomUUID()), await put(randomUUID(), linesOf(["bob"]))]) {
      expect(reply.status).to.equal(404);
    }
  });

  it("has at most as many as the app's settings allow: more are not taken in one request, nor started from several", async () => {
    await world.directory.setSettings(app, { maxAudienceUsers: 2 });
    const id = await created();
    await eventually(async () => (await put(id, linesOf(["ann", "bob", "eve"]))).status, 422);
    const more = errorOf(await put(id, linesOf(["ann", "bob", "eve"])));
    expect(more.message).to.equal("line 3 is one too many: at most 2 are taken; lines 1 to 2 are stored");
    expect((await put(id, linesOf(["eve"]))).status).to.equal(200);
    const refused = errorOf(await start(id));
    expect(refused.message).to.equal("recipients are 3, and at most 2 are allowed");
    expect(refused.data).to.deep.equal({ property: "recipients", count: 3, limit: 2 });
    expect(errorOf(await put(id, linesOf(["eve"]))).message).to.equal(
      "recipients are about 3, and at most 2 are allowed",
    );
    await world.directory.setSettings(app, { maxAudienceUsers: 3 });
    await eventually(async () => (await start(id)).status, 202);
  });

  it("is NDJSON and says so, and is not compressed", async () => {
    const id = await created();
    const other = await put(id, linesOf(["ann"]), { "Content-Type": "application/json" });
    expect([other.status, errorOf(other).data]).to.deep.equal([406, { header: "Content-Type" }]);
    const packed = await put(id, linesOf(["ann"]), { ...NDJSON, "Content-Encoding": "gzip" });
    expect(packed.status).to.equal(400);
    expect(
      (await put(id, linesOf(["ann"]), { "Content-Type": "application/x-ndjson; charset=utf-8" })).status,
    ).to.equal(200);
  });
});
