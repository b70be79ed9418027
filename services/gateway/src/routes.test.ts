import { rateLimit, sessionCache, settingsCache } from "@strata/doors";
import { silentLogger } from "@strata/runtime";
import { expect } from "chai";
import { Registry } from "prom-client";
import { z } from "zod";
import { loadConfig } from "./config.ts";
import { createApp } from "./http/app.ts";
import { bodyBudget } from "./http/body-budget.ts";
import { grantCache } from "./http/grant-cache.ts";
import { inFlightLimit } from "./http/in-flight.ts";
import { requestMetrics } from "./http/metrics.ts";
import { newcomers } from "./http/newcomers.ts";
import { openApiDocument, openApiPath } from "./openapi/document.ts";
import { knownUsers } from "./routes/known-users.ts";
import { routesOf } from "./routes.ts";
import { nonces as noncesOf } from "./sessions/nonces.ts";

const config = loadConfig({
  AMQP_URL: "amqp://nobody",
  PUBLIC_URL: "https://api.example.com",
  CREDENTIALS_KEY: Buffer.alloc(32).toString("base64"),
  CONTENT_KEY: Buffer.alloc(32).toString("base64"),
  NONCE_KEY: Buffer.alloc(32).toString("base64"),
  CONTENT_URL: "http://nobody",
});
const [sessions, nonces] = [sessionCache(), noncesOf(config.NONCE_KEY)];
const strangerRates = rateLimit({ perSecond: 0, burst: 1 });
const signUps = { take: async () => undefined };
const routes = routesOf(config, { settings: settingsCache(), users: knownUsers(), sessions, nonces, signUps });
const document = openApiDocument(routes, config.PUBLIC_URL);
const METHODS = ["get", "post", "put", "patch", "delete", "options"] as const;

const nobody = () => Promise.reject(new Error("this test asks nobody"));
const app = createApp({
  routes,
  broker: { ask: nobody, request: nobody, send: nobody },
  grants: grantCache(),
  tokenUses: { note: () => undefined },
  sessions,
  nonces,
  strangerRates,
  newcomers: newcomers(strangerRates),
  proxyHops: 0,
  rates: rateLimit({ perSecond: 0, burst: 1 }),
  inFlight: inFlightLimit(1),
  maxInFlight: { perUser: 1, perAddress: 1 },
  bodies: bodyBudget(1),
  publicUrl: config.PUBLIC_URL,
  deadlineMs: 1,
  strangerReceiveTimeoutMs: 1,
  receiveTimeoutMs: 1,
  log: silentLogger,
  metrics: requestMetrics(new Registry()),
  isClosing: () => false,
});

/** What Express itself has been told, found in its own structures: routes, and routers within routers. */
const Registered = z.object({ route: z.object({ path: z.string(), methods: z.record(z.string(), z.boolean()) }) });
function registered(stack: unknown): string[] {
  if (!Array.isArray(stack)) return [];
  return stack.flatMap((layer: unknown) => {
    const { data } = Registered.safeParse(layer);
    if (data === undefined) return registered(memberOf(memberOf(layer, "handle"), "stack"));
    const methods = METHODS.filter((method) => data.route.methods[method]);
    return methods.map((method) => `${method} ${openApiPath(data.route.path)}`);
  });
}

const memberOf = (value: unknown, name: string): unknown => Reflect.get(Object(value), name);

const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const operation = item[method];
    return operation ? [{ key: `${method} ${path}`, path, operation }] : [];
  }),
);

const Content = z.object({ content: z.record(z.string(), z.object({ schema: z.instanceof(z.ZodType) })) });

/** The example of a schema, or of the rows of a list. */
const exampleOf = (schema: z.ZodType): unknown => {
  const { example } = schema.meta() ?? {};
  if (example !== undefined || !(schema instanceof z.ZodArray)) return example;
  return schema.element instanceof z.ZodType ? [exampleOf(schema.element)] : undefined;
};

describe("routes", () => {
  it("are in the document, each one, and nothing else is", () => {
    const documented = operations.map(({ key }) => key);
    expect(registered(app.router.stack)).to.have.members(documented);
    expect(documented).to.have.lengthOf(routes.length).and.include("post /apps/{app}/announcements");
  });

  it("have an operation id of their own, and document each parameter of their path", () => {
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).to.equal(routes.length);
    const Parameter = z.object({ name: z.string(), in: z.string() });
    for (const { key, path, operation } of operations) {
      const inPath = z
        .array(Parameter)
        .parse(operation.parameters ?? [])
        .filter((parameter) => parameter.in === "path");
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(
        inPath.map(({ name }) => name),
        key,
      ).to.have.members(named);
    }
  });

  it("show an example of their body and of their answer, each of which their own schema takes", () => {
    for (const { method, path, operation } of routes.filter(({ access }) => access !== "open" && access !== "signed")) {
      const body = Content.safeParse(operation.requestBody).data?.content ?? {};
      const answers = Object.entries(operation.responses)
        .filter(([status]) => status < "300")
        .flatMap(([, response]) => Object.values(Content.safeParse(response).data?.content ?? {}));
      for (const { schema } of [...Object.values(body), ...answers]) {
        const checked = schema.safeParse(exampleOf(schema));
        expect(checked.error?.message, `${method} ${path}`).to.equal(undefined);
      }
    }
  });

  it("say which body they take, and nothing of one where they read none", () => {
    for (const route of routes) {
      if (route.access === "signed") continue;
      const { maxBodyBytes, maxLineBytes } = { maxBodyBytes: undefined, maxLineBytes: undefined, ...route };
      const reads = (maxBodyBytes ?? maxLineBytes) !== undefined;
      expect(route.operation.requestBody !== undefined, `${route.method} ${route.path}`).to.equal(reads);
    }
  });
});
