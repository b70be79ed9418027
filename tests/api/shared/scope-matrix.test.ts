import { generateKeyPairSync } from "node:crypto";
import { expect } from "chai";
import { type AccountClient, accountClient, anotherAccount, madeToken, newApp } from "../support/account-client.ts";
import { expectError, list, member, members, type Reply } from "../support/api-client.ts";
import { apiPlatform } from "./platform.ts";

const AREAS = ["announcements", "conversations", "users", "pushes"] as const;
const APP_SCOPES = [
  "app:read",
  "app:write",
  "insights:read",
  ...AREAS.flatMap((area) => [`${area}:read`, `${area}:write`]),
];
const ACCOUNT_SCOPES = ["account:read", "account:write", "account:admin"];

/** Which scopes are enough for an operation that needs this one: said here once more, apart from the code that decides. */
function enough(needed: string): readonly string[] {
  const at = ACCOUNT_SCOPES.indexOf(needed);
  return at === -1 ? [needed, `app:${needed.split(":")[1]}`] : ACCOUNT_SCOPES.slice(at);
}

/** Operations of an app as a whole: of no area. */
const OF_THE_APP = new Set([
  "exportUser",
  "getApp",
  "patchApp",
  "getSigningSecret",
  "rotateSigningSecret",
  "listWebhookCalls",
]);
/** What asks its question in a body. */
const READS_WITH_A_BODY = new Set(["previewAnnouncement", "simulateModerationPolicy", "previewMessagePolicy"]);
/** What a member does with her own token, whatever her role. */
const OF_ONESELF = new Set(["rotateOwnToken", "revokeOwnToken"]);
/** What is for anybody, or for whoever has a signed URL: all of it, so that nothing else is by oversight. */
const FOR_ANYBODY = [
  "put /content/{token}",
  "get /content/{token}",
  "options /content/{token}",
  // Where the operator lets anybody sign up, as here.
  "post /accounts",
  "post /accounts/invitations/accept",
  "post /nonces",
  "post /sessions",
  "delete /sessions/{token}",
  "get /",
  "get /ping",
  "get /openapi.json",
  "get /docs",
  "get /docs/errors",
];
/** The Client API: users, with a session. */
const FOR_USERS = JSON.stringify([{ session: [] }]);

interface Operation {
  readonly name: string;
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly scope: string | undefined;
  readonly security: string;
  readonly example: unknown;
}

/** The id of no object. */
const NOTHING = "00000000-0000-4000-8000-000000000000";
/** An `Accept` that names no version: looked at behind the token, and before anything is done (server API 3.3). */
const HALTED = { Accept: "application/vnd.layer+json; version=9.9" };

describe("the scope matrix, made from /openapi.json", function scopeMatrix() {
  this.timeout(300_000);
  let send: AccountClient;
  let operations: readonly Operation[];
  let guarded: readonly (Operation & { readonly scope: string })[];
  /** By scope: of an app, and of the account that owns it. */
  const tokens = new Map<string, string>();
  let apps: { readonly own: string; readonly sibling: string; readonly foreign: string };
  let foreignAdmin: string;

  before(async () => {
    const platform = await apiPlatform();
    send = accountClient(platform);
    operations = await documentedOperations(platform.baseUrl);
    guarded = operations.flatMap((operation) =>
      operation.scope === undefined ? [] : [{ ...operation, scope: operation.scope }],
    );
    ({ token: foreignAdmin } = await anotherAccount(platform));
    const foreign = await newApp(accountClient(platform, foreignAdmin));
    apps = { own: await newApp(send), sibling: await newApp(send), foreign };
    for (const [path, scopes] of [
      [`/accounts/apps/${apps.own}/tokens`, APP_SCOPES],
      ["/accounts/tokens", ACCOUNT_SCOPES],
    ] as const) {
      for (const scope of scopes) {
        const made = madeToken(await send("POST", path, { body: { name: scope, scopes: [scope] } }));
        tokens.set(scope, made.text);
      }
    }
  });

  const call = (operation: Operation, token: string, app: string, options: { halted: boolean }): Promise<Reply> => {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === "app" ? app : NOTHING));
    const hasBody = operation.method !== "GET" && operation.method !== "DELETE";
    return send(operation.method, path, {
      token,
      ...(options.halted ? { headers: HALTED } : hasBody ? { body: bodyOf(operation) } : {}),
    });
  };
  const isOfApp = ({ path }: Operation): boolean => path.startsWith("/apps/{app}");

  it("has every operation, each with its scope or among those that need none", () => {
    expect(guarded.length).to.be.above(90);
    const others = operations.filter(({ scope, security }) => scope === undefined && security !== FOR_USERS);
    expect(others.map(({ name }) => name)).to.have.members(FOR_ANYBODY);
    for (const { name, scope, security } of guarded) {
      expect([...APP_SCOPES, ...ACCOUNT_SCOPES], name).to.include(scope);
      expect(security, name).to.equal(JSON.stringify([{ token: [scope] }]));
    }
  });

  it("names an area for what is below an app, reading for what reads and writing for what writes", () => {
    const wrong = guarded.filter(({ id, method, path, scope }) => {
      const [area, verb] = scope.split(":");
      if ((area === "account") !== path.startsWith("/accounts")) return true;
      if ((area === "app") !== OF_THE_APP.has(id)) return true;
      if (OF_ONESELF.has(id)) return scope !== "account:read";
      const reads = method === "GET" || READS_WITH_A_BODY.has(id);
      return verb === "admin" ? false : (verb === "read") !== reads;
    });
    // A new route names its area instead of `app:read` and `app:write`: `access: "users:write"`.
    expect(wrong.map(({ name, id, scope }) => `${name} (${id}): ${scope}`)).to.deep.equal([]);
  });

  it("lets in whoever holds enough, and nobody else: 403 access_denied", async () => {
    for (const operation of guarded) {
      for (const [scope, token] of tokens) {
        const reply = await call(operation, token, apps.own, { halted: true });
        const said = `${operation.name} with ${scope}: ${reply.status} ${reply.text}`;
        if (enough(operation.scope).includes(scope)) {
          expect(reply.status, said).to.equal(406);
        } else if (isOfApp(operation) && ACCOUNT_SCOPES.includes(scope)) {
          expect(member(reply.json, "id"), said).to.equal("invalid_app_id");
        } else {
          expect([reply.status, member(reply.json, "id")], said).to.deep.equal([403, "access_denied"]);
        }
      }
    }
  });

  it("lets no scope of an app into another app, be it of the same account or of another: 403 invalid_app_id", async () => {
    for (const operation of guarded.filter(isOfApp)) {
      for (const app of [apps.sibling, apps.foreign]) {
        for (const [scope, token] of tokens) {
          const reply = await call(operation, token, app, { halted: true });
          expect([reply.status, member(reply.json, "id")], `${operation.name} with ${scope}`).to.deep.equal([
            403,
            "invalid_app_id",
          ]);
        }
      }
    }
  });

  it("finds no other account's app, whatever the scope, and its own: 404 not_found", async () => {
    const ofAccount = guarded.filter(({ path }) => path.startsWith("/accounts/") && path.includes("{app}"));
    expect(ofAccount.length).to.be.above(15);
    for (const operation of ofAccount) {
      for (const scope of enough(operation.scope)) {
        const token = tokens.get(scope);
        if (token === undefined) throw new Error(`there is no token with ${scope}`);
        expectError(await call(operation, token, apps.foreign, { halted: false }), "not_found");
      }
      expectError(await call(operation, foreignAdmin, apps.own, { halted: false }), "not_found");
    }
  });

  it("asks for a token first: 401 without one", async () => {
    for (const operation of guarded) {
      const reply = await call(operation, "none", apps.own, { halted: true });
      expect(reply.status, operation.name).to.equal(401);
    }
  });
});

/** A body that is good: the documented one, with keys that are some where it only says where they go. */
function bodyOf({ example = {} }: Operation): unknown {
  return JSON.parse(JSON.stringify(example), (name, value: unknown) => KEYS.get(name) ?? value);
}

const KEYS: ReadonlyMap<string, string> = new Map([
  [
    "private_key",
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  ],
  [
    "public_key",
    generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey.export({ type: "spki", format: "pem" }).toString(),
  ],
]);

async function documentedOperations(baseUrl: string): Promise<readonly Operation[]> {
  const document: unknown = await (await fetch(`${baseUrl}/openapi.json`)).json();
  const schemas = new Map(members(member(member(document, "components"), "schemas")));
  return members(member(document, "paths")).flatMap(([path, item]) =>
    members(item).map(([method, operation]) => {
      const scope = member(operation, "x-strata-scope");
      return {
        name: `${method} ${path}`,
        id: String(member(operation, "operationId")),
        method: method.toUpperCase(),
        path,
        scope: typeof scope === "string" ? scope : undefined,
        security: JSON.stringify(member(operation, "security") ?? []),
        example: exampleOf(operation, schemas),
      };
    }),
  );
}

/** The example of an operation's body, be its schema written out or named. */
function exampleOf(operation: unknown, schemas: ReadonlyMap<string, unknown>): unknown {
  const body = member(operation, "requestBody");
  if (body === undefined) return undefined;
  const [media] = members(member(body, "content"));
  const schema = media === undefined ? {} : (member(media[1], "schema") ?? {});
  const reference = member(schema, "$ref");
  const named = typeof reference === "string" ? (reference.split("/").at(-1) ?? "") : "";
  const found = schemas.get(named) ?? schema;
  const [first] = list(member(found, "examples") ?? []);
  return member(found, "example") ?? first;
}
