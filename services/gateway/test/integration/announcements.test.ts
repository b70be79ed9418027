import { randomUUID } from "node:crypto";
import { compareUserIds, partitionOf, tokenHash } from "@strata/contracts";
import { eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PUBLIC_URL, type World } from "../world.ts";

const PART = { mime_type: "text/plain", body: "Hello" };

const aBody = (changes: Readonly<Record<string, unknown>> = {}) => ({
  recipients: ["layer:///identities/ann", "bob"],
  sender_id: "layer:///identities/ops",
  parts: [PART],
  ...changes,
});

const idOf = (json: unknown): string => String(Object(json)["id"]).replace("layer:///announcements/", "");

describe("POST announcements", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway announcements" });
    app = world.directory.anApp();
    world.directory.aUser(app, "ops", "Operations");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (appId = app) => `/apps/${appId}/announcements`;
  const stored = (announcementId: string) => world.fanout.announcements.get(`${app}/${announcementId}`);

  it("hands a short list over in one command and answers 202 with the announcement", async () => {
    const reply = await send("POST", path(), { body: aBody({ notification: { text: "Hello" } }) });
    expect(reply.status).to.equal(202);
    const id = idOf(reply.json);
    expect(reply.json).to.deep.include({
      id: `layer:///announcements/${id}`,
      url: `${PUBLIC_URL}/apps/${app}/announcements/${id}`,
      recipients: ["layer:///identities/ann", "layer:///identities/bob"],
    });
    expect(reply.json).to.have.nested.property("sender.display_name", "Operations");
    expect(stored(id)).to.deep.include({
      recipients: ["ann", "bob"],
      sender: { userId: "ops" },
      parts: [{ mimeType: "text/plain", body: "Hello", encoding: null }],
      notification: { text: "Hello" },
    });
  });

  it("takes the form of each version, and answers in it", async () => {
    for (const version of ["1.0", "1.1"] as const) {
      const body = { recipients: ["ann"], sender: { name: "Ops" }, parts: [PART] };
      const reply = await send("POST", path(), { version, body });
      expect(reply.status).to.equal(202);
      expect(reply.json).to.deep.include({ recipients: ["ann"], sender: { name: "Ops" }, parts: [PART] });
    }
    const reply = await send("POST", path(), { version: "2.0", body: aBody() });
    expect(reply.json)
      .to.have.nested.property("parts[0].id")
      .that.matches(/\/parts\/0$/);
  });

  it("creates under the UUID of If-None-Match, and answers its repeat with 409 and the stored object", async () => {
    const id = randomUUID();
    const headers = { "If-None-Match": `"${id.toUpperCase()}"` };
    const first = await send("POST", path(), { headers, body: aBody() });
    expect([first.status, idOf(first.json)]).to.deep.equal([202, id]);
    const repeat = await send("POST", path(), { headers, body: aBody() });
    expect(repeat.status).to.equal(409);
    expect(errorOf(repeat)).to.deep.include({ id: "id_in_use", code: 111, data: first.json });
  });

  it("creates under the id in the body, behind that of the header", async () => {
    const [inBody, inHeader] = [randomUUID(), randomUUID()];
    const body = aBody({ id: `layer:///announcements/${inBody}` });
    expect(idOf((await send("POST", path(), { body })).json)).to.equal(inBody);
    const headers = { "If-None-Match": inHeader };
    expect(idOf((await send("POST", path(), { headers, body })).json)).to.equal(inHeader);
  });

  it("leaves an id that another app uses free here", async () => {
    const other = world.directory.anApp();
    world.directory.aUser(other, "ops");
    const headers = { "If-None-Match": randomUUID() };
    await send("POST", path(), { headers, body: aBody() });
    const token = world.directory.aToken({ app: other });
    expect(await send("POST", path(other), { token, headers, body: aBody() })).to.have.property("status", 202);
  });

  it("answers the repeat of an Idempotency-Key like the first time, and 422 to another body", async () => {
    for (const recipients of [["ann", "bob"], userIds(1_500)]) {
      const headers = { "Idempotency-Key": `order ${randomUUID()}` };
      const first = await send("POST", path(), { headers, body: aBody({ recipients }) });
      const repeat = await send("POST", path(), { headers, body: aBody({ recipients: recipients.toReversed() }) });
      expect(first.status).to.equal(202);
      expect([repeat.status, repeat.json]).to.deep.equal([202, first.json]);
      const other = await send("POST", path(), { headers, body: aBody({ recipients: [...recipients, "eve"] }) });
      expect([other.status, errorOf(other).id]).to.deep.equal([422, "invalid_operation"]);
    }
  });

  it("takes as many recipients as the app's settings allow, and hears when those change", async () => {
    const few = world.directory.anApp();
    world.directory.aUser(few, "ops");
    const token = world.directory.aToken({ app: few });
    const announce = (recipients: readonly string[]) => send("POST", path(few), { token, body: aBody({ recipients }) });
    expect(await announce(["ann", "bob"])).to.have.property("status", 202);
    await world.directory.setSettings(few, { maxAnnouncementRecipients: 1 });
    await eventually(async () => (await announce(["ann", "bob"])).status, 422, { deadlineMs: 4_000 });
    const refused = await announce(["ann", "ann"]);
    expect(errorOf(refused)).to.deep.include({ id: "invalid_property", data: { property: "recipients" } });
    expect(await announce(["ann"])).to.have.property("status", 202);
  });

  it("refuses a de-duplication header that cannot be one with 400", async () => {
    for (const headers of [{ "If-None-Match": "tuesday" }, { "Idempotency-Key": "k".repeat(256) }]) {
      const reply = await send("POST", path(), { headers, body: aBody() });
      expect([reply.status, errorOf(reply).id]).to.deep.equal([400, "invalid_request_id"]);
    }
  });

  it("refuses a sender whom nobody knows with 422", async () => {
    const reply = await send("POST", path(), { body: aBody({ sender_id: "stranger" }) });
    expect(reply.status).to.equal(422);
    expect(errorOf(reply)).to.deep.include({ id: "invalid_property", data: { property: "sender_id" } });
  });

  it("stores nothing of a request that it refuses", async () => {
    const before = world.fanout.announcements.size;
    const refused: readonly [string, number, string, Readonly<Record<string, unknown>>][] = [
      ["missing_property", 422, "recipients", { recipients: null }],
      ["missing_property", 422, "sender_id", { sender_id: undefined }],
      ["missing_property", 422, "parts", { parts: [] }],
      ["invalid_property", 422, "recipients", { recipients: "everyone" }],
      ["invalid_property", 422, "recipients", { recipients: userIds(100_001) }],
      ["invalid_property", 422, "parts.body", { parts: [{ ...PART, body: "x".repeat(2_049) }] }],
      [
        "invalid_property",
        422,
        "parts",
        { parts: Array.from({ length: 1_000 }, () => ({ ...PART, body: "x".repeat(2_000) })) },
      ],
      ["invalid_property", 422, "notification", { notification: { data: { blob: "x".repeat(1_100_000) } } }],
      ["invalid_property", 422, "id", { id: "layer:///messages/1" }],
    ];
    for (const [id, status, property, changes] of refused) {
      const reply = await send("POST", path(), { body: aBody(changes) });
      expect([reply.status, errorOf(reply).id, errorOf(reply).data]).to.deep.equal([status, id, { property }]);
    }
    for (const raw of ["{", '"recipients"', "", new Uint8Array([0x22, 0xff, 0x22])]) {
      const reply = await send("POST", path(), { raw });
      expect([reply.status, errorOf(reply).id]).to.deep.equal([400, "invalid_request"]);
    }
    expect(world.fanout.announcements.size).to.equal(before);
  });

  it("hands 100,000 recipients over in chunks whose union is the list, and starts exactly those", async () => {
    const recipients = shuffled(userIds(100_000));
    const reply = await send("POST", path(), {
      body: aBody({ recipients: recipients.map((userId) => `layer:///identities/${userId}`) }),
    });
    expect(reply.status).to.equal(202);
    expect(reply.json).to.have.property("recipients", null);
    const id = idOf(reply.json);
    expect(stored(id)).to.include({ state: "distributing", recipientCount: 100_000 });

    const chunks = world.fanout.chunks.get(id) ?? [];
    expect(chunks.flatMap((chunk) => chunk.userIds).toSorted()).to.deep.equal(recipients.toSorted());
    const counts = [];
    for (const [partition, own] of Map.groupBy(chunks, (chunk) => chunk.partition)) {
      const inOrder = own.toSorted((a, b) => a.chunk - b.chunk);
      const members = inOrder.flatMap((chunk) => chunk.userIds);
      expect(inOrder.map(({ chunk }) => chunk)).to.deep.equal(inOrder.map((_, index) => index));
      expect(members).to.deep.equal(members.toSorted(compareUserIds));
      expect(members.every((userId) => partitionOf(userId) === partition)).to.equal(true);
      expect(inOrder.every((chunk) => chunk.userIds.length <= 1_000)).to.equal(true);
      counts.push({ partition, count: own.length });
    }
    expect(world.fanout.started.get(id)).to.have.deep.members(counts);
    expect(world.fanout.largestCommandBytes).to.be.greaterThan(100_000).and.at.most(1_000_000);
  });

  it("goes on with a long list that was opened and never started", async () => {
    const id = randomUUID();
    const headers = { "If-None-Match": id };
    const body = aBody({ recipients: userIds(1_001) });
    await send("POST", path(), { headers, body });
    Object.assign(stored(id) ?? {}, { state: "accepting", startedBy: null });
    const other = await send("POST", path(), { headers, body: aBody({ recipients: userIds(1_002) }) });
    expect([other.status, errorOf(other).id]).to.deep.equal([409, "id_in_use"]);
    expect(await send("POST", path(), { headers, body })).to.have.property("status", 202);
    expect(await send("POST", path(), { headers, body })).to.have.property("status", 409);
  });

  it("keeps answering others while it prepares a long list", async () => {
    world.directory.aUser(app, "ann");
    const recipients = shuffled(userIds(100_000));
    const raw = JSON.stringify(aBody({ recipients }));
    const state = { isSending: true };
    const posting = send("POST", path(), { raw }).finally(() => {
      state.isSending = false;
    });
    const waits: number[] = [];
    while (state.isSending) {
      const startedAt = performance.now();
      await send("GET", `/apps/${app}/users/ann/identity`);
      waits.push(performance.now() - startedAt);
    }
    expect(await posting).to.have.property("status", 202);
    // Gateway, peers, client and test share one process here: the bound is generous, the figure is in the README.
    expect(Math.max(...waits)).to.be.lessThan(1_000);
  });
});

/** In an order that has nothing to do with the ids', and is the same each time. */
const shuffled = (userIdList: readonly string[]): string[] =>
  userIdList.toSorted((a, b) => tokenHash(a).localeCompare(tokenHash(b)));
