import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const idOf = ({ json }: Reply): string => String(Object(json)["id"]).replace("layer:///conversations/", "");
const DAY = 86_400_000;
const later = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe("conversations that open, close and go by themselves, as the backend", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway schedules", env: PATIENT });
    app = world.directory.anApp();
    for (const [userId, name] of [
      ["ann", "Ann"],
      ["operator", "Operations"],
    ] as const) {
      world.directory.aUser(app, userId, name);
    }
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (id = "", below = "") => `/apps/${app}/conversations${id === "" ? "" : `/${id}${below}`}`;
  const create = (body: Readonly<Record<string, unknown>>, options: object = {}) =>
    send("POST", path(), { body: { participants: ["ann", "bob"], ...body }, ...options });
  const stored = (id: string) => world.conversation.conversations.get(`${app}/${id}`);
  const message = { sender_id: "operator", parts: [{ mime_type: "text/plain", body: "hello" }] };

  it("are asked for with the conversation, which shows its schedule", async () => {
    const opensAt = later(DAY);
    const reply = await create({
      opens_at: opensAt,
      ttl_seconds: 60,
      ice_breaker: message,
      warning: { before_seconds: 5, ...message },
      visible_history: "from_joining",
    });
    expect(reply.status).to.equal(201);
    const schedule = {
      url: `${PUBLIC_URL}${path(idOf(reply), "/schedule")}`,
      state: "scheduled",
      steps: [{ step: "open", state: "pending", at: opensAt }],
    };
    expect(reply.json).to.deep.include({ schedule, visible_history: "from_joining" });
    const meant = {
      sender: { userId: "operator" },
      parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
      notification: null,
    };
    expect(stored(idOf(reply))?.terms).to.deep.equal({
      opensAt: Date.parse(opensAt),
      iceBreaker: [meant],
      closing: { ttlMs: 60_000 },
      graceMs: DAY,
      warning: { beforeMs: 5_000, message: meant },
      visibleHistory: "from-joining",
    });
    expect((await send("GET", path(idOf(reply)))).json).to.deep.include({ schedule });
    expect((await send("GET", path(idOf(reply), "/schedule"))).json).to.deep.equal(schedule);
  });

  it("leave all others as they always looked, and open", async () => {
    const reply = await create({});
    expect(reply.json).not.to.have.any.keys("schedule", "visible_history");
    expect(stored(idOf(reply))).not.to.have.property("terms");
    expect((await send("GET", path(idOf(reply), "/schedule"))).json).to.deep.include({ state: "open", steps: [] });
  });

  it("are nothing that a user can ask for", async () => {
    const reply = await send("POST", `/apps/${app}/users/ann/conversations`, {
      body: { participants: ["bob"], opens_at: later(DAY), ttl_seconds: 1 },
    });
    expect(reply.status).to.equal(201);
    expect(stored(idOf(reply))).not.to.have.property("terms");
    for (const method of ["GET", "PATCH", "DELETE"] as const) {
      const asked = await send(method, `/apps/${app}/users/ann/conversations/${idOf(reply)}/schedule`);
      expect(asked.status).to.equal(404);
    }
  });

  it("answer the repeat of an Idempotency-Key like the first time, and 422 to another schedule", async () => {
    const headers = { "Idempotency-Key": "a schedule" };
    const opensAt = later(DAY);
    const first = await create({ opens_at: opensAt }, { headers });
    const repeat = await create({ opens_at: opensAt }, { headers });
    expect([repeat.status, repeat.json]).to.deep.equal([201, first.json]);
    const over = { "Idempotency-Key": "one that is over by the time it is repeated" };
    const late = await create({ opens_at: later(-1_000) }, { headers: over });
    expect(late.status).to.equal(201);
    const other = await create({ opens_at: later(2 * DAY) }, { headers });
    expect([other.status, errorOf(other).id]).to.deep.equal([422, "invalid_operation"]);
  });

  it("name what cannot be, and create nothing then", async () => {
    const before = world.conversation.conversations.size;
    const bodies: readonly [Readonly<Record<string, unknown>>, string, string][] = [
      [{ opens_at: later(401 * DAY) }, "invalid_property", "opens_at"],
      [{ opens_at: later(DAY), expires_at: later(DAY / 2) }, "invalid_property", "expires_at"],
      [{ expires_at: later(DAY), ttl_seconds: 60 }, "invalid_property", "ttl_seconds"],
      [{ ice_breaker: { parts: message.parts } }, "missing_property", "ice_breaker.sender_id"],
      [{ ice_breaker: { ...message, sender_id: "stranger" } }, "invalid_property", "ice_breaker.sender_id"],
      [
        { ttl_seconds: 60, warning: { before_seconds: 5, ...message, sender_id: "stranger" } },
        "invalid_property",
        "warning.sender_id",
      ],
      [
        { ice_breaker: { ...message, notification: { text: "x".repeat(5_000) } } },
        "invalid_property",
        "ice_breaker.notification",
      ],
    ];
    for (const [body, id, property] of bodies) {
      const reply = await create(body);
      expect(reply.status, property).to.equal(422);
      expect(errorOf(reply).id).to.equal(id);
      expect(errorOf(reply)).to.have.nested.property("data.property", property);
    }
    expect(world.conversation.conversations.size).to.equal(before);
  });

  it("are changed before they happen, by plain JSON, and not afterwards", async () => {
    const id = idOf(await create({ opens_at: later(DAY) }));
    const opensAt = later(2 * DAY);
    const changed = await send("PATCH", path(id, "/schedule"), { body: { opens_at: opensAt } });
    expect(changed.status).to.equal(200);
    expect(changed.json).to.have.deep.property("steps", [{ step: "open", state: "pending", at: opensAt }]);
    expect(world.conversation.scheduleChanges.at(-1)).to.deep.equal({
      conversationId: id,
      change: { opensAt: Date.parse(opensAt) },
    });
    await send("PATCH", path(id, "/schedule"), { body: { opens_at: null } });
    const late = await send("PATCH", path(id, "/schedule"), { body: { opens_at: opensAt } });
    expect([late.status, errorOf(late).id]).to.deep.equal([409, "conflict"]);
    expect(errorOf(late)).to.have.nested.property("data.state", "open");
    const nothing = await send("PATCH", path(id, "/schedule"), { body: {} });
    expect([nothing.status, errorOf(nothing).id]).to.deep.equal([400, "invalid_request"]);
    const absent = await send("PATCH", path("7a2c1f64-3c92-41e4-baad-164230d1df67", "/schedule"), {
      body: { ttl_seconds: 1 },
    });
    expect(absent.status).to.equal(404);
  });

  it("are canceled, and one that had not opened is gone with that", async () => {
    const id = idOf(await create({ opens_at: later(DAY) }));
    expect((await send("DELETE", path(id, "/schedule"))).status).to.equal(204);
    expect((await send("GET", path(id, "/schedule"))).status).to.equal(410);
    expect((await send("DELETE", path(id, "/schedule"))).status).to.equal(410);
    const open = idOf(await create({ ttl_seconds: 60 }));
    expect((await send("DELETE", path(open, "/schedule"))).status).to.equal(204);
    expect((await send("GET", path(open, "/schedule"))).status).to.equal(200);
  });
});
