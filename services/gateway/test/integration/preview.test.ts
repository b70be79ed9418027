import { userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const uri = (userId: string): string => `layer:///identities/${userId}`;
const STARTS_WITH = (prefix: string) => ({ filter: { field: "user_id", starts_with: prefix } });

const aBody = (fields: Readonly<Record<string, unknown>>) => ({
  sender_id: "ops",
  parts: [{ mime_type: "text/plain", body: "Hello" }],
  notification: { text: "Hello" },
  ...fields,
});

describe("POST announcements/preview", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway preview", env: PATIENT });
    app = world.directory.anApp();
    for (const userId of ["ops", "ann", "bob"]) world.directory.aUser(app, userId);
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
    const device = {
      platform: "ios",
      kind: "apns",
      token: "ab".repeat(32),
      environment: "production",
      app_id: "com.example.shop",
    };
    expect((await send("PUT", `/apps/${app}/users/ann/devices/phone`, { body: device })).status).to.be.below(300);
  });
  after(() => world[Symbol.asyncDispose]());

  const preview = (fields: Readonly<Record<string, unknown>>) =>
    send("POST", `/apps/${app}/announcements/preview`, { body: aBody(fields) });

  it("says whom it would reach, how long its pushes are, and who is left out of what, and stores nothing", async () => {
    const reply = await preview({ recipients: ["ann", "bob", "nobody", "bob"] });
    expect([reply.status, reply.json]).to.deep.equal([
      200,
      {
        count: 3,
        is_exact: true,
        looked_at: 3,
        sample: [
          { recipient: uri("ann"), user_id: "ann", display_name: "User ann", locale: null, platforms: ["ios"] },
          { recipient: uri("bob"), user_id: "bob", display_name: "User bob", locale: null, platforms: [] },
        ],
        payload_sizes: {
          apns: { bytes: 16, limit: 4_096, fits: true, user_id: "ann", reason: null },
          fcm: { bytes: 16, limit: 4_096, fits: true, user_id: "ann", reason: null },
        },
        left_out: [
          { reason: "unknown_user", from: "inbox", count: 1, users: [uri("nobody")] },
          { reason: "no_device", from: "push", count: 1, users: [uri("bob")] },
        ],
      },
    ]);
    expect(world.fanout.announcements.size).to.equal(0);
  });

  it("looks at all of an audience, and needs no expected_count for everyone", async () => {
    const everyone = await preview({ audience: { everyone: true } });
    expect(everyone.json).to.deep.include({ count: 3, is_exact: true, looked_at: 3 });
    const some = await preview({ audience: STARTS_WITH("a") });
    expect(some.json).to.deep.include({ count: 1, is_exact: true, left_out: [] });
  });

  it("refuses what would be refused: an audience that drifted, or is over the app's limit, and a body that is wrong", async () => {
    const drifted = await preview({ audience: STARTS_WITH("a"), expected_count: 9 });
    expect([drifted.status, errorOf(drifted).data]).to.deep.equal([422, { property: "expected_count", count: 1 }]);
    for (const [property, fields] of [
      ["parts", { recipients: ["ann"], parts: [] }],
      ["recipients", {}],
      ["sender_id", { recipients: ["ann"], sender_id: "stranger" }],
      ["audience.segment", { audience: { segment: "x" } }],
      ["expires_at", { recipients: ["ann"], expires_at: "2020-01-01T00:00:00Z" }],
    ] as const) {
      const reply = await preview(fields);
      expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property }]);
    }
    const other = world.directory.anApp();
    for (const userId of ["ops", "ann"]) world.directory.aUser(other, userId);
    await world.directory.setSettings(other, { maxAudienceUsers: 1 });
    const client = httpClient(world.baseUrl, { token: world.directory.aToken({ app: other }), version: "3.0" });
    const path = `/apps/${other}/announcements/preview`;
    const over = await client("POST", path, { body: aBody({ audience: { everyone: true } }) });
    expect(errorOf(over).data).to.deep.equal({ property: "audience", count: 2, limit: 1 });
  });

  it("looks at some of more than 10,000, says so, and calls no estimate exact", async () => {
    const many = [...userIds(19_000), "ann", "bob"];
    const named = await preview({ recipients: many });
    const { left_out: [unknown] = [], ...view } = Object(named.json);
    expect(view).to.deep.include({ count: 19_002, is_exact: false, looked_at: 1_000 });
    expect(unknown).to.deep.include({ reason: "unknown_user" });
    expect(unknown.count).to.be.within(18_900, 19_002);
    expect(unknown.users).to.have.length(100);

    const large = world.directory.anApp();
    world.directory.aUser(large, "ops");
    for (const userId of userIds(10_500)) world.directory.aUser(large, userId);
    const client = httpClient(world.baseUrl, { token: world.directory.aToken({ app: large }), version: "3.0" });
    const path = `/apps/${large}/announcements/preview`;
    const everyone = Object((await client("POST", path, { body: aBody({ audience: { everyone: true } }) })).json);
    expect(everyone).to.deep.include({ count: 10_501, is_exact: false });
    expect(everyone.looked_at).to.be.within(900, 1_100);
    expect(everyone.sample).to.have.length(10);
    expect(everyone.left_out).to.deep.include({
      reason: "no_device",
      from: "push",
      count: 10_501,
      users: everyone.left_out[0].users,
    });
  });

  it("measures what each would be told: her locale's words, her name in them, and what is hers alone", async () => {
    world.push.notices.length = 0;
    const reply = await preview({
      recipients: ["ann", "bob"],
      personalise: true,
      defaults: { display_name: "you" },
      notification: { text: "Hi {{ display_name }}", recipients: { bob: { text: "For {{ display_name }} alone" } } },
    });
    expect(reply.status, reply.text).to.equal(200);
    expect(world.push.notices).to.deep.equal([
      { userId: "ann", notification: { text: "Hi User ann" } },
      { userId: "bob", notification: { text: "For User bob alone" } },
    ]);
  });

  it("has nothing to measure where nothing is pushed, and nobody to look at where they are uploaded later", async () => {
    const silent = await preview({ recipients: ["ann", "bob"], notification: null, silent: true });
    expect(silent.json).to.deep.include({ payload_sizes: null, left_out: [] });
    const later = await preview({ recipients_upload: true });
    expect(later.json).to.deep.include({ count: null, is_exact: false, looked_at: 0, sample: [], left_out: [] });
    expect(Object(later.json)["payload_sizes"]).to.have.nested.property("apns.bytes", 16);
  });
});
