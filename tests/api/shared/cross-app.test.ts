import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { apiClient, type ApiClient, expectStatus, list, member, members, uuidOf } from "../support/api-client.ts";
import { identityId, openWorld, type Platform, textPart, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

/** Guarantee 7: no id of one app ever answers to another. */
describe("apps are closed to each other", function crossApp() {
  this.timeout(60_000);
  let platform: Platform;
  let victim: World;
  let intruder: World;
  /** What the victim has, by the name of the path parameter. */
  let ids: Readonly<Record<string, string>>;
  /** A text in everything the victim has: whoever answers it has leaked. */
  const secret = `secret-${randomUUID()}`;
  let operations: readonly Operation[];

  before(async () => {
    platform = await apiPlatform();
    [victim, intruder] = await Promise.all([openWorld(platform), openWorld(platform)]);
    ids = await furnish(victim, secret);
    operations = await documentedOperations(platform.baseUrl);
  });

  it("knows an object of the victim for every parameter of every documented path", () => {
    const parameters = new Set(
      operations.flatMap(({ path }) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)),
    );
    expect([...parameters].filter((name) => name !== "app" && !(String(name) in ids))).to.deep.equal([]);
    expect(operations.length).to.be.above(30);
  });

  it("refuses another app's token on every path with the victim's ids: 403, and nothing of it said", async () => {
    for (const operation of operations) {
      const reply = await call(apiClient(platform.baseUrl, victim.appId, intruder.token), operation, ids);
      expect(reply.status, `${operation.method} ${operation.path}: ${reply.text}`).to.equal(403);
      expect(reply.text).not.to.include(secret);
    }
  });

  it("does not find the victim's objects below the intruder's own app, and says nothing of them", async () => {
    for (const operation of operations.filter(({ path }) => namesObject(path))) {
      const reply = await call(intruder.api, operation, ids);
      const said = `${operation.method} ${operation.path}: ${reply.status} ${reply.text}`;
      expect(reply.text, said).not.to.include(secret);
      // A user id is the app's own word, and naming one may make her known there: she is nobody of the victim's.
      if (namesMoreThanUsers(operation.path)) expect([400, 404, 405, 406, 422], said).to.include(reply.status);
    }
  });

  it("has left everything of the victim as it was", async () => {
    const { api } = victim;
    const { json } = expectStatus(await api("GET", `/conversations/${ids["conversation"]}`), 200);
    expect(member(member(json, "metadata"), "secret")).to.equal(secret);
    expectStatus(await api("GET", `/conversations/${ids["conversation"]}/messages/${ids["message"]}`), 200);
    expect(member(expectStatus(await api("GET", `/users/${ids["user"]}/identity`), 200).json, "display_name")).to.equal(
      secret,
    );
    expect(member(expectStatus(await api("GET", `/users/${ids["user"]}`), 200).json, "suspended")).to.equal(false);
  });
});

interface Operation {
  readonly method: string;
  /** Below the app, as OpenAPI writes it. */
  readonly path: string;
  readonly isPatch: boolean;
}

/** Every operation of the document below an app that wants a token of that app. */
async function documentedOperations(baseUrl: string): Promise<readonly Operation[]> {
  const response = await fetch(`${baseUrl}/openapi.json`);
  const paths = member(await response.json(), "paths");
  return members(paths).flatMap(([path, item]) =>
    path.startsWith("/apps/{app}")
      ? members(item).map(([method]) => ({
          method: method.toUpperCase(),
          path: path.slice("/apps/{app}".length),
          isPatch: method === "patch",
        }))
      : [],
  );
}

const namesObject = (path: string): boolean => path.includes("{");
const namesMoreThanUsers = (path: string): boolean =>
  /\{(conversation|message|part|announcement|content|segment|notification|invite|flag|decision|run)\}/.test(path);

/** Calls an operation with the ids given; the body is one that most operations take, or at least read. */
function call(api: ApiClient, { method, path, isPatch }: Operation, ids: Readonly<Record<string, string>>) {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? "unknown"));
  if (method === "GET" || method === "DELETE") return api(method, filled);
  const body = isPatch
    ? []
    : { display_name: "x", parts: [textPart("x")], participants: [identityId("x")], type: "read" };
  return api(method, filled, { body });
}

/** One of everything, with the secret in each. */
async function furnish(world: World, secret: string): Promise<Readonly<Record<string, string>>> {
  const { api } = world;
  const user = world.newUserId();
  expectStatus(await api("POST", `/users/${user}/identity`, { body: { display_name: secret } }), 201);
  const conversation = await world.conversation([user], { metadata: { secret } });
  const message = await world.message(conversation, user, secret);
  const announced = await api("POST", "/announcements", {
    body: { recipients: [identityId(user)], sender_id: identityId(user), parts: [textPart(secret)] },
  });
  const content = await api("POST", `/conversations/${conversation}/content`, {
    headers: { "Upload-Content-Type": `text/${secret}`, "Upload-Content-Length": "1" },
  });
  const parts = await api("GET", `/conversations/${conversation}/messages/${message}/parts`);
  const [part] = Array.isArray(parts.json) ? (parts.json as unknown[]) : [];
  const filter = { field: "metadata.secret", eq: secret };
  const segment = expectStatus(await api("POST", "/segments", { body: { name: secret, filter } }), 201);
  expectStatus(await api("PUT", `/users/${user}/location`, { body: { latitude: 1, longitude: 1 } }), 200);
  const pushed = await api("POST", "/notifications", { body: { recipients: [user], notification: { text: secret } } });
  const guest = { user_id: identityId(world.newUserId()), metadata: { secret } };
  const invite = expectStatus(await api("POST", `/conversations/${conversation}/invites`, { body: guest }), 201);
  const rule = randomUUID();
  const joining = { name: secret, is_active: false, join: { filter } };
  expectStatus(await api("PUT", `/membership_rules/${rule}`, { body: joining }), 200);
  const run = expectStatus(await api("POST", `/membership_rules/${rule}/runs`, { body: { dry_run: true } }), 202);
  const policy = { is_active: true, thresholds: [{ score: 1, actions: [{ type: "webhook" }] }] };
  expectStatus(await api("PUT", "/moderation/policy", { body: policy }), 200);
  const flagger = world.newUserId();
  expectStatus(await api("POST", `/users/${flagger}/identity`, { body: { display_name: secret } }), 201);
  const flag = await api("POST", `/users/${user}/flags`, { body: { by: flagger, reason: "spam", comment: secret } });
  const moderation = expectStatus(await api("GET", `/users/${user}/moderation`), 200).json;
  const [decision] = list(member(moderation, "decisions"));
  return {
    invite: uuidOf(invite.json),
    rule,
    run: uuidOf(run.json),
    decision: uuidOf(decision),
    flag: uuidOf(expectStatus(flag, 201).json),
    segment: uuidOf(segment.json),
    notification: String(expectStatus(pushed, 202).headers.get("location")?.split("/").at(-1)),
    user,
    conversation,
    message,
    part: uuidOf(part),
    announcement: uuidOf(expectStatus(announced, 202).json),
    content: uuidOf(expectStatus(content, 201).json),
    member: user,
    followed: user,
    blocked: user,
    other: user,
    identity: user,
    device: "phone",
  };
}
