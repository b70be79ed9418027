import { sessionCache, settingsCache } from "@strata/doors";
import { expect } from "chai";
import { z } from "zod";
import { loadConfig } from "../src/config.ts";
import { knownUsers } from "../src/routes/known-users.ts";
import { routesOf } from "../src/routes.ts";
import { nonces } from "../src/sessions/nonces.ts";
import { ErrorView } from "../src/openapi/operation.ts";
import { PUBLIC_URL } from "./world.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed; undefined where there is no body. */
  readonly json: unknown;
}

export interface SendOptions {
  readonly token?: string | null;
  /** A session token, instead of the other. */
  readonly session?: string;
  /** null sends no Accept of ours. */
  readonly version?: "1.0" | "1.1" | "2.0" | "3.0" | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array;
}

/**
 * Sends over real HTTP, and holds every answer against what /openapi.json promises: a status that the operation does not
 * name, or a body that its schema does not allow, fails the test.
 */
export function httpClient(baseUrl: string, defaults: Pick<SendOptions, "token" | "version" | "session"> = {}) {
  return async (method: string, path: string, options: SendOptions = {}): Promise<Reply> => {
    const { token = defaults.token, version = defaults.version ?? null, headers = {}, body, raw } = options;
    const { session = defaults.session } = options;
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(session ? { Authorization: `Layer session-token="${session}"` } : {}),
        ...(version === null ? {} : { Accept: `application/vnd.layer+json; version=${version}` }),
        ...(payload === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
      redirect: "manual",
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    const reply = { status: response.status, headers: response.headers, text, json: isJson ? parse(text) : undefined };
    const override = method === "POST" && headers["X-HTTP-Method-Override"]?.toUpperCase() === "PATCH";
    expectAsDocumented(override ? "PATCH" : method, path, reply);
    return reply;
  };
}

export type HttpClient = ReturnType<typeof httpClient>;

const parse = (text: string): unknown => JSON.parse(text);

export const routes = routesOf(
  loadConfig({
    AMQP_URL: "amqp://documented",
    PUBLIC_URL,
    CREDENTIALS_KEY: Buffer.alloc(32).toString("base64"),
    CONTENT_KEY: Buffer.alloc(32).toString("base64"),
    NONCE_KEY: Buffer.alloc(32).toString("base64"),
    CONTENT_URL: "http://documented",
  }),
  {
    settings: settingsCache(),
    users: knownUsers(),
    sessions: sessionCache(),
    nonces: nonces(Buffer.alloc(32)),
    signUps: null,
  },
);

const Documented = z.object({
  content: z.object({ "application/json": z.object({ schema: z.instanceof(z.ZodType) }).optional() }).optional(),
});

function expectAsDocumented(method: string, path: string, { status, json, text }: Reply): void {
  const [pathname = ""] = path.split("?");
  const route = routes.find((one) => one.method === method.toLowerCase() && patternOf(one.path).test(pathname));
  if (status >= 400) {
    expect(ErrorView.safeParse(json), text).to.have.property("success", true);
  }
  // Documented, since it may happen; and yet never meant.
  expect(status, text).not.to.equal(500);
  // What is no operation, or is asked with a method that it does not have, has nothing to be held against.
  if (!route || status === 405 || (status >= 400 && route.access === "open")) return;
  const isGuarded = route.access !== "open" && route.access !== "signed";
  const responses = new Map(Object.entries(route.operation.responses));
  expect([...responses.keys()], `${method} ${route.path}`).to.include(String(status));
  const schema = Documented.parse(responses.get(String(status))).content?.["application/json"]?.schema;
  if (schema === undefined) {
    if (isGuarded) expect(text).to.equal("");
    return;
  }
  const checked = schema.safeParse(json);
  expect(checked.error?.message, `${method} ${route.path} answered ${text.slice(0, 500)}`).to.equal(undefined);
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+").replaceAll(".", "\\.")}$`);

/** What tests look into of an error body. */
export const errorOf = ({ json }: Reply) => ErrorView.parse(json);
