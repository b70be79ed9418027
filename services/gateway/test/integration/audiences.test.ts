import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, type World } from "../world.ts";

const FILTER = { field: "metadata.plan", eq: "pro" };

describe("POST announcements to an audience", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway audiences" });
    app = world.directory.anApp();
    for (const userId of ["ops", "ann", "bob"]) world.directory.aUser(app, userId);
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const announce = (fields: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>> = {}) =>
    send("POST", `/apps/${app}/announcements`, {
      headers,
      body: { sender_id: "ops", parts: [{ mime_type: "text/plain", body: "Hello" }], ...fields },
    });
  const stored = (announcementId: string) => world.fanout.announcements.get(`${app}/${announcementId}`);

  it("hands a filter over uncounted, and answers 202", async () => {
    const id = randomUUID();
    const reply = await announce({ audience: { filter: FILTER } }, { "If-None-Match": id });
    expect([reply.status, Object(reply.json)["recipients"]]).to.deep.equal([202, null]);
    expect(stored(id)).to.deep.include({
      audience: { kind: "filter", filter: FILTER, segmentId: null },
      recipientCount: 0,
    });
  });

  it("sends to everyone who says how many they are, within the tolerance", async () => {
    for (const expected of [
      { expected_count: 3 },
      { expected_count: 4, expected_count_tolerance: 1 },
      { expected_count: 4, expected_count_tolerance: "25%" },
    ]) {
      const id = randomUUID();
      const reply = await announce({ audience: { everyone: true }, ...expected }, { "If-None-Match": id });
      expect(reply.status).to.equal(202);
      expect(stored(id)).to.deep.include({ audience: { kind: "everyone" }, recipientCount: 3 });
    }
  });

  it("refuses a number that is not right, or not there for everyone, with the real one", async () => {
    for (const fields of [
      { audience: { everyone: true } },
      { audience: { everyone: true }, expected_count: 4 },
      { audience: { filter: FILTER }, expected_count: 5, expected_count_tolerance: "20%" },
    ]) {
      const reply = await announce(fields);
      expect(reply.status).to.equal(422);
      expect(errorOf(reply)).to.deep.include({
        id: "invalid_property",
        data: { property: "expected_count", count: 3 },
      });
    }
  });

  it("refuses more than the app's settings allow, with the real number and the limit", async () => {
    const other = world.directory.anApp();
    for (const userId of ["ops", "ann", "bob"]) world.directory.aUser(other, userId);
    await world.directory.setSettings(other, { maxAudienceUsers: 2 });
    const client = httpClient(world.baseUrl, { token: world.directory.aToken({ app: other }), version: "3.0" });
    const to = (fields: Readonly<Record<string, unknown>>) =>
      client("POST", `/apps/${other}/announcements`, {
        body: { sender_id: "ops", parts: [{ mime_type: "text/plain", body: "Hello" }], ...fields },
      });
    for (const fields of [
      { audience: { filter: FILTER } },
      { audience: { filter: FILTER }, expected_count: 3 },
      { audience: { everyone: true }, expected_count: 3 },
    ]) {
      const reply = await to(fields);
      expect(reply.status).to.equal(422);
      const { message, data } = errorOf(reply);
      expect(message).to.equal("audience is 3 users, and an announcement of this app may reach 2");
      expect(data).to.deep.equal({ property: "audience", count: 3, limit: 2 });
    }
    const few = await to({ audience: { filter: { field: "user_id", starts_with: "a" } } });
    expect(few.status, "an app with more users may still reach a few of them").to.equal(202);
    expect((await to({ recipients: ["ann", "bob", "ops"] })).status, "those who are named are counted apart").to.equal(
      202,
    );
  });

  it("refuses what is no audience with 422 and its path", async () => {
    for (const [property, fields] of [
      ["audience", { audience: {} }],
      ["audience", { audience: { everyone: true }, recipients: ["ann"] }],
      ["audience", { audience: { everyone: true, filter: FILTER } }],
      ["audience.everyone", { audience: { everyone: false } }],
      ["audience.segment", { audience: { segment: "x" } }],
      ["audience.filter", { audience: { filter: { field: "x", eq: "y", or: [] } } }],
      ["expected_count", { audience: { everyone: true }, expected_count: -1 }],
      ["expected_count_tolerance", { audience: { everyone: true }, expected_count: 3, expected_count_tolerance: "x" }],
    ] as const) {
      const reply = await announce(fields);
      expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
    }
  });

  it("tells audiences under one Idempotency-Key apart", async () => {
    const headers = { "Idempotency-Key": randomUUID() };
    const first = await announce({ audience: { filter: FILTER } }, headers);
    const repeat = await announce({ audience: { filter: FILTER } }, headers);
    expect([first.status, repeat.status, repeat.json]).to.deep.equal([202, 202, first.json]);
    const other = await announce({ audience: { filter: { ...FILTER, eq: "free" } } }, headers);
    expect([other.status, errorOf(other).id]).to.deep.equal([422, "invalid_operation"]);
  });
});
