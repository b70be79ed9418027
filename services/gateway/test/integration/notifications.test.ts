import { randomUUID } from "node:crypto";
import { VERSIONS } from "@strata/layer-protocol";
import { eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const aBody = (changes: Readonly<Record<string, unknown>> = {}) => ({
  recipients: ["ann", "bob"],
  notification: { text: "Hello" },
  ...changes,
});

describe("POST notifications", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway notifications", env: PATIENT });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const path = (appId = app) => `/apps/${appId}/notifications`;
  const idIn = ({ headers }: Reply): string => String(headers.get("location")).replace(`${PUBLIC_URL}${path()}/`, "");
  const taken = (reply: Reply) => world.push.notifications.get(`${app}/${idIn(reply)}`);
  /** All recipients who came, once as many groups have come as were announced. */
  const pushedTo = async (reply: Reply): Promise<readonly string[]> => {
    await eventually(() => taken(reply)?.pushed.length, taken(reply)?.groups);
    return taken(reply)?.pushed.flatMap(({ recipients }) => recipients) ?? [];
  };

  it("hands what it says and its recipients over, and answers 202 without a body, in the form of each version", async () => {
    for (const version of VERSIONS) {
      const recipients = version.startsWith("1.") ? ["ann", "bob"] : ["layer:///identities/ann", "bob", "ann"];
      const notification = { text: "Hello", recipients: [{ user_id: "bob", sound: "own.aiff" }] };
      const reply = await send("POST", path(), { version, body: aBody({ recipients, notification }) });
      expect([reply.status, reply.text], version).to.deep.equal([202, ""]);
      expect(await pushedTo(reply))
        .to.have.members(["ann", "bob"])
        .and.lengthOf(2);
      expect(taken(reply)).to.deep.include({
        recipientCount: 2,
        notification: { text: "Hello", recipients: { bob: { sound: "own.aiff" } } },
      });
    }
    const named = await send("POST", path(), {
      version: "1.1",
      body: aBody({ recipients: ["layer:///identities/ann"] }),
    });
    expect(await pushedTo(named), "in 1.x that is somebody's strange user id").to.deep.equal([
      "layer:///identities/ann",
    ]);
  });

  it("takes category and priority as an announcement does, for policies", async () => {
    const reply = await send("POST", path(), { body: aBody({ category: "scores", priority: "urgent" }) });
    expect(taken(reply)).to.include({ category: "scores", isUrgent: true });
    const plain = await send("POST", path(), { body: aBody({ priority: "normal" }) });
    expect(taken(plain)).to.not.have.any.keys("category", "isUrgent");
  });

  it("cuts a long list into groups of at most 1,000, nobody in two of them", async () => {
    const recipients = userIds(2_500);
    const reply = await send("POST", path(), { body: aBody({ recipients }) });
    expect(await pushedTo(reply))
      .to.have.members(recipients)
      .and.lengthOf(recipients.length);
    expect(
      taken(reply)
        ?.pushed.map((one) => one.recipients.length)
        .toSorted(),
    ).to.deep.equal([1_000, 1_000, 500]);
    expect(taken(reply)).to.include({ groups: 3, recipientCount: 2_500 });
  });

  it("goes under the UUID of If-None-Match, whose repeat is 409", async () => {
    const id = randomUUID();
    const headers = { "If-None-Match": id };
    const first = await send("POST", path(), { headers, body: aBody() });
    expect([first.status, idIn(first)]).to.deep.equal([202, id]);
    await pushedTo(first);
    const repeat = await send("POST", path(), { headers, body: aBody() });
    expect([repeat.status, errorOf(repeat).id, errorOf(repeat).data]).to.deep.equal([409, "id_in_use", null]);
    expect(taken(first)?.pushed).to.have.lengthOf(1);
  });

  it("answers the repeat of an Idempotency-Key like the first time without pushing again, and 422 to another body", async () => {
    for (const recipients of [["ann", "bob"], userIds(1_500)]) {
      const headers = { "Idempotency-Key": `order ${randomUUID()}` };
      const first = await send("POST", path(), { headers, body: aBody({ recipients }) });
      await pushedTo(first);
      const repeat = await send("POST", path(), { headers, body: aBody({ recipients: recipients.toReversed() }) });
      expect([repeat.status, idIn(repeat)]).to.deep.equal([202, idIn(first)]);
      expect(taken(first)?.pushed).to.have.lengthOf(taken(first)?.groups ?? 0);
      for (const changes of [{ recipients: [...recipients, "eve"] }, { recipients, notification: { text: "Other" } }]) {
        const other = await send("POST", path(), { headers, body: aBody(changes) });
        expect([other.status, errorOf(other).id]).to.deep.equal([422, "invalid_operation"]);
      }
    }
  });

  it("takes as many recipients as the app's settings allow", async () => {
    const few = world.directory.anApp();
    const token = world.directory.aToken({ app: few });
    await world.directory.setSettings(few, { maxAnnouncementRecipients: 1 });
    const push = (recipients: readonly string[]) => send("POST", path(few), { token, body: aBody({ recipients }) });
    const refused = await push(["ann", "bob"]);
    expect([refused.status, errorOf(refused).data]).to.deep.equal([422, { property: "recipients" }]);
    expect(await push(["ann"])).to.have.property("status", 202);
  });

  it("hands nothing over of what it refuses", async () => {
    const before = world.push.notifications.size;
    const refused: readonly [string, string, Readonly<Record<string, unknown>>][] = [
      ["missing_property", "recipients", { recipients: null }],
      ["missing_property", "notification", { notification: null }],
      ["invalid_property", "recipients", { recipients: [] }],
      ["invalid_property", "recipients", { recipients: "everyone" }],
      ["invalid_property", "recipients", { recipients: userIds(100_001) }],
      ["invalid_property", "notification", { notification: "Hello" }],
      ["invalid_property", "notification.text", { notification: { text: 7 } }],
      ["invalid_property", "notification", { notification: { data: { blob: "x".repeat(1_100_000) } } }],
      ["invalid_property", "category", { category: "" }],
      ["invalid_property", "priority", { priority: "high" }],
    ];
    for (const [id, property, changes] of refused) {
      const reply = await send("POST", path(), { body: aBody(changes) });
      expect([reply.status, errorOf(reply).id], property).to.deep.equal([422, id]);
      expect(errorOf(reply).data).to.have.property("property", property);
    }
    expect(await send("POST", path(), { body: [] })).to.have.property("status", 400);
    const reading = world.directory.aToken({ app, scopes: ["app:read"] });
    expect(await send("POST", path(), { token: reading, body: aBody() })).to.have.property("status", 403);
    expect(world.push.notifications.size).to.equal(before);
  });

  it("shows what became of it, to its own app alone", async () => {
    const reply = await send("POST", path(), { body: aBody() });
    await pushedTo(reply);
    const shown = await send("GET", `${path()}/${idIn(reply)}`);
    expect(shown.json).to.deep.equal({
      id: `layer:///notifications/${idIn(reply)}`,
      url: reply.headers.get("location"),
      sent_at: "1970-01-01T00:00:00.000Z",
      expires_at: "1970-01-01T00:01:00.000Z",
      state: "distributed",
      counts: {
        recipients: 2,
        pushed: 1,
        pushed_by_platform: { ios: 1, android: 0, web: 0 },
        failed: 1,
        failed_by_reason: { Unregistered: 1 },
        skipped: 0,
        skipped_by_policy: {},
        expired: 0,
        waiting: 2,
      },
    });
    const other = world.directory.anApp();
    const elsewhere = { token: world.directory.aToken({ app: other }) };
    for (const unknown of [`${path(other)}/${idIn(reply)}`, `${path(other)}/tuesday`]) {
      const nothing = await send("GET", unknown, elsewhere);
      expect([nothing.status, errorOf(nothing).id]).to.deep.equal([404, "not_found"]);
    }
  });
});

describe("POST notifications while push-delivery is away", () => {
  it("is 503 with Retry-After", async () => {
    await using world = await openWorld({ name: "gateway notifications away", isPushAway: true });
    const app = world.directory.anApp();
    const send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }) });
    const reply = await send("POST", `/apps/${app}/notifications`, { body: aBody() });
    expect([reply.status, errorOf(reply).id]).to.deep.equal([503, "service_unavailable"]);
    expect(reply.headers.get("retry-after")).to.match(/^\d+$/);
  });
});

describe("a notification that is too long to be pushed", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway payload limits", env: PATIENT });
    app = world.directory.anApp();
    world.directory.aUser(app, "ops", "Operations");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const parts = [{ mime_type: "text/plain", body: "x" }];
  const tooLong = { text: "x".repeat(4_096) };
  const announcement = (changes: object) => ({ recipients: ["ann"], sender_id: "ops", parts, ...changes });
  /** Every way in, with this notification. */
  const ways = (notification: unknown): readonly [string, string, object, Record<string, string>?][] => [
    ["POST", `/apps/${app}/notifications`, { recipients: ["ann"], notification }],
    ["POST", `/apps/${app}/announcements`, announcement({ notification })],
    ["PATCH", `/apps/${app}/announcements/3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11`, { notification }],
    [
      "POST",
      `/apps/${app}/conversations/3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11/messages`,
      { sender_id: "ops", parts, notification },
    ],
  ];

  it("is refused by every route that takes one, with its size for each provider, and nothing is stored", async () => {
    const before = [world.push.notifications.size, world.fanout.announcements.size];
    for (const [method, path, body] of ways(tooLong)) {
      const reply = await send(method, path, { body });
      expect([reply.status, errorOf(reply).id], `${method} ${path}`).to.deep.equal([422, "invalid_property"]);
      expect(errorOf(reply).data).to.have.property("property", "notification");
      for (const platform of ["apns", "fcm"]) {
        expect(errorOf(reply).data).to.have.nested.property(`${platform}.limit`, 4_096);
        expect(errorOf(reply).data).to.have.nested.property(`${platform}.bytes`).that.is.within(4_150, 4_500);
      }
    }
    expect([world.push.notifications.size, world.fanout.announcements.size]).to.deep.equal(before);
  });

  it("may be so by one override alone, whose it is said to be, in the version's words", async () => {
    const recipients = [
      { user_id: "bob", text: "short" },
      { user_id: "cid", ...tooLong },
    ];
    for (const [version, recipient] of [
      ["1.1", "cid"],
      ["3.0", "layer:///identities/cid"],
    ] as const) {
      for (const [, path, body] of ways({ text: "for all", recipients }).slice(0, 2)) {
        const asked = version === "1.1" ? { ...body, sender: { name: "Ops" } } : body;
        const reply = await send("POST", path, { version, body: asked });
        expect(errorOf(reply).data, path).to.include({ property: "notification.recipients", recipient });
      }
    }
  });

  it("may be so in a variant", async () => {
    const variants = [{ locale: "de", parts, notification: tooLong }];
    const reply = await send("POST", `/apps/${app}/announcements`, {
      body: announcement({ notification: { text: "short" }, variants }),
    });
    expect(errorOf(reply).data).to.have.property("property", "variants[0].notification");
  });

  it("is told of a template only by what is around it", async () => {
    const long = `{{ user_id }}${"{% comment %}xxxx{% endcomment %}".repeat(140)}`;
    const path = `/apps/${app}/announcements`;
    const personal = (notification: object) => announcement({ notification, personalise: true });
    expect(await send("POST", path, { body: personal({ text: long }) })).to.have.property("status", 202);
    const refused = await send("POST", path, { body: personal({ text: long, data: { x: "y".repeat(4_096) } }) });
    expect(errorOf(refused).data).to.have.property("property", "notification");
    expect(await send("POST", path, { body: announcement({ notification: { text: long } }) })).to.have.property(
      "status",
      422,
    );
  });

  it("counts the id of the recipient, which is pushed along", async () => {
    const notification = { text: "x".repeat(3_750) };
    const statusFor = async (userId: string) =>
      (await send("POST", `/apps/${app}/notifications`, { body: { recipients: ["ann", userId], notification } }))
        .status;
    expect(await statusFor("bob")).to.equal(202);
    expect(await statusFor("\u{1f600}".repeat(60))).to.equal(422);
  });

  it("is told from a key that FCM reserves", async () => {
    const body = { recipients: ["ann"], notification: { text: "x", data: { from: "me" } } };
    const reply = await send("POST", `/apps/${app}/notifications`, { body });
    expect(errorOf(reply).data).to.deep.equal({ property: "notification.data" });
  });

  it("is looked for in a long list of overrides, most of which cannot be", async () => {
    const recipients = userIds(20_000);
    const overrides = recipients.map((userId) => ({ user_id: userId, text: "yours" }));
    const body = { recipients, notification: { text: "x".repeat(2_000), recipients: overrides } };
    expect(await send("POST", `/apps/${app}/notifications`, { body })).to.have.property("status", 202);
  });
});
