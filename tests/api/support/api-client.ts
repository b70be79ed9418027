import { expect } from "chai";

export type Version = "1.0" | "1.1" | "2.0" | "3.0";

export const VERSIONS: readonly Version[] = ["1.0", "1.1", "2.0", "3.0"];
/** Users by their bare ids. */
export const BARE: readonly Version[] = ["1.0", "1.1"];
/** Users by the ids of their identities. */
export const URIS: readonly Version[] = ["2.0", "3.0"];

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

export interface RequestOptions {
  readonly version?: Version;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string;
  /** null: none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** `If-None-Match`. */
  readonly id?: string;
}

/** One app's backend, as any HTTP library would call the API. */
export type ApiClient = (method: string, path: string, options?: RequestOptions) => Promise<Reply>;

/** `path` is below the app: `/conversations`. */
export function apiClient(baseUrl: string, appId: string, appToken: string): ApiClient {
  return async (method, path, { version = "3.0", body, raw, token = appToken, headers = {}, id } = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const type = method === "PATCH" ? "application/vnd.layer-patch+json" : "application/json";
    const response = await fetch(`${baseUrl}/apps/${appId}${path}`, {
      method,
      redirect: "manual",
      headers: {
        Accept: `application/vnd.layer+json; version=${version}`,
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(payload === undefined ? {} : { "Content-Type": type }),
        ...(id === undefined ? {} : { "If-None-Match": id }),
        ...headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
}

/** A member of a JSON object, for looking into what was answered. */
export function member(json: unknown, name: string): unknown {
  if (typeof json !== "object" || json === null) throw new Error(`no object, but ${JSON.stringify(json)}`);
  return Object.entries(json).find(([key]) => key === name)?.[1];
}

/** The members of a JSON object. */
export function members(json: unknown): readonly (readonly [string, unknown])[] {
  if (typeof json !== "object" || json === null) throw new Error(`no object, but ${JSON.stringify(json)}`);
  return Object.entries(json);
}

export function list(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) throw new Error(`no list, but ${JSON.stringify(json)}`);
  return json as readonly unknown[];
}

/** The ids of a list of objects. */
export const idsOf = (json: unknown): readonly string[] => list(json).map((row) => String(member(row, "id")));

/** The last segment of an id: its UUID. */
export const uuidOf = (json: unknown): string => String(member(json, "id")).split("/").at(-1) ?? "";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** The same, with each time as `<time>`: what can be compared as a whole. */
export function timeless(json: unknown): unknown {
  if (typeof json === "string") return TIME.test(json) ? "<time>" : json;
  if (Array.isArray(json)) return json.map(timeless);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, timeless(value)]));
}

interface ExpectedError {
  readonly id: string;
  readonly code: number;
  readonly data?: unknown;
}

const STATUSES: Readonly<Record<string, readonly [code: number, status: number]>> = {
  service_unavailable: [1, 503],
  invalid_app_id: [2, 403],
  invalid_request_id: [3, 400],
  authentication_required: [4, 401],
  app_suspended: [5, 403],
  user_suspended: [6, 403],
  rate_limit_exceeded: [7, 429],
  request_timeout: [8, 408],
  invalid_operation: [9, 422],
  invalid_request: [10, 400],
  internal_server_error: [100, 500],
  access_denied: [101, 403],
  not_found: [102, 404],
  object_deleted: [103, 410],
  missing_property: [104, 422],
  invalid_property: [105, 422],
  invalid_endpoint: [106, 404],
  invalid_header: [107, 406],
  conflict: [108, 409],
  method_not_allowed: [109, 405],
  id_in_use: [111, 409],
  conversation_closed: [112, 403],
  user_muted: [120, 403],
  user_banned: [121, 403],
  message_refused: [125, 422],
};

/** Holds an answer against the table of errors (3.2): status, id and code belong together, and a URL explains it. */
export function expectError(reply: Reply, id: string, property?: string): void {
  const [code, status] = STATUSES[id] ?? [0, 0];
  expect(reply.json, `${reply.status} ${reply.text}`).to.include({ id, code } satisfies ExpectedError);
  expect(reply.status).to.equal(status);
  expect(member(reply.json, "message")).to.be.a("string");
  expect(member(reply.json, "url")).to.match(new RegExp(`^https?://.*#${id}$`));
  if (property !== undefined) expect(member(member(reply.json, "data"), "property"), reply.text).to.equal(property);
}

export function expectStatus(reply: Reply, status: number): Reply {
  expect(reply.status, reply.text).to.equal(status);
  if (status === 204) expect(reply.text).to.equal("");
  return reply;
}
