import { randomUUID } from "node:crypto";
import { eventually, userIds } from "@strata/testing";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, type World } from "../world.ts";

const DEADLINE_MS = 1_000;
/** The deadline is each request's own; this is what a test machine may add to it. */
const PATIENCE_MS = 1_500;

async function timed(replying: Promise<Reply>): Promise<{ reply: Reply; tookMs: number }> {
  const startedAt = performance.now();
  return { reply: await replying, tookMs: performance.now() - startedAt };
}

const announcement = (recipients: readonly string[]) => ({
  recipients,
  sender: { name: "Ops" },
  parts: [{ mime_type: "text/plain", body: "Hello" }],
});

const expect503 = ({ reply, tookMs }: { reply: Reply; tookMs: number }): void => {
  expect(reply.status).to.equal(503);
  expect(errorOf(reply)).to.include({ id: "service_unavailable", code: 1 });
  expect(Number(reply.headers.get("retry-after"))).to.be.greaterThan(0);
  expect(tookMs).to.be.lessThan(DEADLINE_MS + PATIENCE_MS);
};

describe("a broker that is away", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS), LONG_LIST_DEADLINE_MS: String(DEADLINE_MS) };
    world = await openWorld({ name: "gateway broker", env });
    app = world.directory.anApp();
    world.directory.aUser(app, "ann");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }) });
    await send("GET", `/apps/${app}/users/ann/identity`);
  });
  after(() => world[Symbol.asyncDispose]());
  afterEach("the gateway comes back by itself", async () => {
    world.proxy.resume();
    await eventually(async () => (await world.gateway.readiness.check()).ready, true);
    expect(await send("GET", `/apps/${app}/users/ann/identity`)).to.have.property("status", 200);
  });

  for (const trouble of ["pause", "stall"] as const) {
    it(`answers 503 with Retry-After within the deadline, and nothing happens later (${trouble})`, async () => {
      const before = world.fanout.announcements.size;
      world.proxy[trouble]();
      const requests: readonly [string, string, unknown?][] = [
        ["GET", `/apps/${app}/users/ann/identity`],
        ["GET", `/apps/${app}/announcements/${randomUUID()}`],
        ["POST", `/apps/${app}/announcements`, announcement(["ann"])],
        ["POST", `/apps/${app}/announcements`, announcement(userIds(2_000))],
        ["POST", `/apps/${app}/users/bob/identity`, { display_name: "Bob" }],
      ];
      const replies = requests.map(([method, path, body]) => timed(send(method, path, { version: "1.0", body })));
      for (const answered of await Promise.all(replies)) expect503(answered);
      // A stalled connection delivers what it held back: commands whose callers have been told that they failed.
      world.proxy.resume();
      await eventually(async () => (await send("GET", `/apps/${app}/users/ann/identity`)).status, 200);
      expect(world.fanout.announcements.size).to.equal(before);
      expect(world.directory.hasUser(app, "bob")).to.equal(false);
    });
  }

  it("is not ready meanwhile, and does not take 401 for an answer about a token it could not ask about", async () => {
    world.proxy.pause();
    await eventually(async () => (await world.gateway.readiness.check()).ready, false);
    expect503(await timed(send("GET", "/accounts/apps", { token: world.directory.aToken() })));
  });

  it("does not lose a request over a connection that is cut for a moment", async () => {
    const replies = Array.from({ length: 20 }, () =>
      send("POST", `/apps/${app}/announcements`, {
        version: "1.0",
        headers: { "If-None-Match": randomUUID() },
        body: announcement(["ann"]),
      }),
    );
    world.proxy.cut();
    for (const { status, json } of await Promise.all(replies)) {
      expect(status).to.be.oneOf([202, 503]);
      const id = String(Object(json)["id"]).replace("layer:///announcements/", "");
      if (status === 202) expect(world.fanout.announcements.has(`${app}/${id}`)).to.equal(true);
    }
  });
});

describe("a service that is away", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
    world = await openWorld({ name: "gateway alone", env, isPushAway: true });
    app = world.directory.anApp();
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "1.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  it("makes the counts 503 as a whole: exact or nothing", async () => {
    const id = randomUUID();
    await send("POST", `/apps/${app}/announcements`, {
      headers: { "If-None-Match": id },
      body: { recipients: ["ann"], sender: { name: "Ops" }, parts: [{ mime_type: "text/plain", body: "Hello" }] },
    });
    const reply = await send("GET", `/apps/${app}/announcements/${id}`);
    expect([reply.status, errorOf(reply).id]).to.deep.equal([503, "service_unavailable"]);
    expect(reply.text).not.to.include("push-delivery");
  });

  it("refuses a command that no queue takes at once, and nothing happens later", async () => {
    world.directory.aUser(app, "ann");
    const body = { platform: "android", kind: "fcm_token", token: "abc" };
    const reply = await send("PUT", `/apps/${app}/users/ann/devices/phone`, { body });
    expect([reply.status, errorOf(reply).id]).to.deep.equal([503, "service_unavailable"]);
    expect(reply.headers.get("retry-after")).to.equal("2");
  });
});
