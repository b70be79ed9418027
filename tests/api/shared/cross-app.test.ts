import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { apiClient, type ApiClient, expectStatus, member, members } from "../support/api-client.ts";
import { furnish } from "../support/furnish.ts";
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
