import { randomUUID } from "node:crypto";
import { eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const HOUR_MS = 3_600_000;

const aBody = (changes: Readonly<Record<string, unknown>> = {}) => ({
  recipients: ["ann", "bob"],
  sender_id: "ops",
  parts: [{ mime_type: "text/plain", body: "Hello" }],
  ...changes,
});

const idOf = (json: unknown): string => String(Object(json)["id"]).replace("layer:///announcements/", "");

describe("when announcements go out", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway states", env: PATIENT });
    app = world.directory.anApp();
    world.directory.aUser(app, "ops");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (rest = "") => `/apps/${app}/announcements${rest}`;
  const stored = (announcementId: string) => world.fanout.announcements.get(`${app}/${announcementId}`);
  const change = (announcementId: string, verb: string) => send("POST", path(`/${announcementId}/${verb}`));

  it("are kept as long as their app's settings say when they are accepted, by category", async () => {
    const own = world.directory.anApp();
    world.directory.aUser(own, "ops");
    const mine = httpClient(world.baseUrl, { token: world.directory.aToken({ app: own }), version: "3.0" });
    const keeping = async (id: string, changes: Readonly<Record<string, unknown>> = {}) => {
      const { status } = await mine("POST", `/apps/${own}/announcements`, {
        body: aBody(changes),
        headers: { "If-None-Match": id },
      });
      return [status, world.fanout.announcements.get(`${own}/${id}`)?.retentionDays];
    };
    const first = randomUUID();
    expect(await keeping(first)).to.deep.equal([202, undefined]);
    await world.directory.setSettings(own, { announcementRetention: { defaultDays: 90, categories: { offers: 7 } } });
    await eventually(async () => keeping(randomUUID()), [202, 90]);
    expect(await keeping(randomUUID(), { category: "offers" })).to.deep.equal([202, 7]);
    expect(await keeping(randomUUID(), { category: "constructor" })).to.deep.equal([202, 90]);
    const schedule = { at: new Date(Date.now() + HOUR_MS).toISOString() };
    const later = randomUUID();
    expect(await keeping(later, { schedule })).to.deep.equal([202, 90]);
    const patch = (body: unknown) => mine("PATCH", `/apps/${own}/announcements/${later}`, { body });
    await patch({ category: "offers" });
    expect(world.fanout.announcements.get(`${own}/${later}`)).to.include({ category: "offers", retentionDays: 7 });
    // The same request, under other settings, is the same.
    const { digest } = world.fanout.announcements.get(`${own}/${first}`) ?? {};
    const second = randomUUID();
    await keeping(second);
    expect(world.fanout.announcements.get(`${own}/${second}`)).to.include({ digest, retentionDays: 90 });
  });

  it("hands over what is scheduled or throttled by the way of a long list, with its terms, and shows its recipients", async () => {
    const at = Date.now() + HOUR_MS;
    const expiresAt = at + HOUR_MS;
    const reply = await send("POST", path(), {
      body: aBody({
        schedule: { at: new Date(at).toISOString() },
        expires_at: new Date(expiresAt).toISOString(),
        throttle: { per_minute: 60 },
        priority: "urgent",
        category: "offers",
        silent: true,
      }),
    });
    expect(reply.status).to.equal(202);
    expect(reply.json).to.have.nested.property("recipients.length", 2);
    expect(stored(idOf(reply.json))).to.deep.include({
      schedule: { at },
      expiresAt,
      throttlePerMinute: 60,
      priority: "urgent",
      category: "offers",
      isSilent: true,
    });
    expect(world.fanout.started.get(idOf(reply.json))).to.have.length.greaterThan(0);
    const shown = await send("GET", path(`/${idOf(reply.json)}`));
    expect(shown.json).to.deep.include({
      expires_at: new Date(expiresAt).toISOString(),
      category: "offers",
      priority: "urgent",
      silent: true,
      throttle: { per_minute: 60 },
      revision: 1,
    });
  });

  it("hands over a start by each recipient's own clock by the way of a long list", async () => {
    const schedule = { local_time: "2026-12-01T09:00:00", fallback_time_zone: "Europe/Berlin" };
    const reply = await send("POST", path(), { body: aBody({ schedule }) });
    expect(reply.status).to.equal(202);
    expect(stored(idOf(reply.json))?.schedule).to.deep.equal({
      localTime: "2026-12-01T09:00:00",
      fallbackTimeZone: "Europe/Berlin",
    });
  });

  it("hands over a category and an end of what goes out at once in one command", async () => {
    const reply = await send("POST", path(), { body: aBody({ category: "news" }) });
    expect(stored(idOf(reply.json))).to.include({ state: "distributed", category: "news" });
  });

  it("refuses terms that mean nothing with 422 and the property", async () => {
    for (const [property, changes] of [
      ["schedule.at", { schedule: { at: "soon" } }],
      ["schedule.fallback_time_zone", { schedule: { local_time: "2026-12-01T09:00:00" } }],
      ["throttle.per_minute", { throttle: { per_minute: 0 } }],
      ["expires_at", { expires_at: "2020-01-01T00:00:00Z" }],
      ["include_new_users_until", { include_new_users_until: new Date(Date.now() + HOUR_MS).toISOString() }],
      ["priority", { priority: "high" }],
      ["notification", { silent: true, notification: { text: "ping" } }],
    ] as const) {
      const reply = await send("POST", path(), { body: aBody(changes) });
      expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
    }
  });

  it("pauses, resumes and cancels, says the state and how many were reached, and repeats alike", async () => {
    const { json } = await send("POST", path(), { body: aBody({ recipients: userIds(1_500) }) });
    for (const [verb, state] of [
      ["pause", "paused"],
      ["pause", "paused"],
      ["resume", "distributing"],
      ["cancel", "canceled"],
      ["cancel", "canceled"],
    ] as const) {
      const reply = await change(idOf(json), verb);
      expect(reply.status).to.equal(200);
      expect(reply.json).to.deep.include({ state, reached: 1_500 });
    }
  });

  it("changes what PATCH names, and answers 409 where that does not go any more", async () => {
    const { json } = await send("POST", path(), { body: aBody() });
    const id = idOf(json);
    const corrected = { parts: [{ mime_type: "text/plain", body: "Corrected" }], notification: { text: "Corrected" } };
    const reply = await send("PATCH", path(`/${id}`), { body: corrected });
    expect(reply.status).to.equal(200);
    expect(reply.json).to.deep.include({ state: "distributed", revision: 2 });
    expect(stored(id)).to.deep.include({
      parts: [{ mimeType: "text/plain", body: "Corrected", encoding: null }],
      notification: { text: "Corrected" },
    });
    for (const [body, status] of [
      [{}, 400],
      [{ recipients: ["eve"] }, 422],
      [{ parts: [{ mime_type: "text/plain", body: "x".repeat(2_049) }] }, 422],
    ] as const) {
      expect(await send("PATCH", path(`/${id}`), { body })).to.have.property("status", status);
    }
    expect(await send("PATCH", path(`/${randomUUID()}`), { body: corrected })).to.have.property("status", 404);
  });

  it("recalls with DELETE, twice alike, and shows it to no recipient any more", async () => {
    world.directory.aUser(app, "ann");
    const { json } = await send("POST", path(), { body: aBody() });
    const entry = `/apps/${app}/users/ann/announcements/${idOf(json)}`;
    expect(await send("GET", entry)).to.have.property("status", 200);
    for (const _time of [1, 2]) {
      const reply = await send("DELETE", path(`/${idOf(json)}`));
      expect([reply.status, Object(reply.json)["state"]]).to.deep.equal([200, "recalled"]);
    }
    expect(await send("GET", entry)).to.have.property("status", 404);
    expect(await send("DELETE", path(`/${randomUUID()}`))).to.have.property("status", 404);
  });

  it("answers 409 with the state where a change does not go from it, and 404 where there is none", async () => {
    const { json } = await send("POST", path(), { body: aBody() });
    for (const verb of ["pause", "resume", "cancel"]) {
      const reply = await change(idOf(json), verb);
      expect([reply.status, errorOf(reply).id]).to.deep.equal([409, "conflict"]);
      expect(errorOf(reply).message).to.include("distributed").and.include(verb);
      expect(errorOf(reply).data).to.deep.include({ state: "distributed" });
      expect(await change(randomUUID(), verb)).to.have.property("status", 404);
      expect(await change("nothing", verb)).to.have.property("status", 404);
    }
  });
});
