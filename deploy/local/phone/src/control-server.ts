import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import { AutoReceiptsRequest } from "./auto-receipts.ts";
import { FaultRequest } from "./fault-plan.ts";
import { page } from "./page.ts";
import type { PhoneControls } from "./phone-controls.ts";
import { portOf } from "./port-of.ts";

const CredentialRequest = z.union([
  z.object({ client_email: z.string(), project_id: z.string(), public_key: z.string() }),
  z.object({ key_id: z.string(), team_id: z.string(), public_key: z.string() }),
]);
const SettingsRequest = z.object({
  max_concurrent_streams: z.int().min(1).max(1_000_000).optional(),
  accept_unknown_credentials: z.boolean().optional(),
  access_token_lifetime_s: z.int().min(1).max(3_600).optional(),
});
const SubscriptionRequest = z.object({ application_server_key: z.string().nullish() });
const EndpointRequest = z.object({ endpoint: z.url(), online: z.boolean().optional() });
const MAX_BODY_BYTES = 1_024 * 1_024;

type Route = (request: { readonly url: URL; readonly body: unknown; readonly param: string }) => unknown;

/** The phone's private side: plain HTTP on the loopback, for tests, the start script and a developer's browser. */
export async function listenControl(phone: PhoneControls, port: number): Promise<{ server: Server; port: number }> {
  const routes = routesOf(phone);
  const server = createServer((request, response) => {
    answer(routes, request, response).catch((cause: unknown) => {
      const isBadRequest = cause instanceof z.ZodError || cause instanceof SyntaxError;
      const message = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
      json(response, isBadRequest ? 400 : 500, { error: message });
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { server, port: portOf(server) };
}

function routesOf(phone: PhoneControls): Readonly<Record<string, Route>> {
  return {
    "GET /healthz": () => ({ status: "ok" }),
    "GET /stats": () => phone.stats(),
    "GET /devices": ({ url }) => ({ devices: phone.latestDevices(pageSize(url)) }),
    "GET /devices/*": ({ param }) => phone.device(param),
    "GET /audit": () => ({ shown_per_device: phone.shownHistogram() }),
    "GET /credentials": () => phone.credentialFiles(),
    "POST /credentials": async ({ body }) => {
      const credential = CredentialRequest.parse(body);
      await ("client_email" in credential
        ? phone.registerServiceAccount({
            clientEmail: credential.client_email,
            projectId: credential.project_id,
            publicKey: credential.public_key,
          })
        : phone.registerApnsKey({
            keyId: credential.key_id,
            teamId: credential.team_id,
            publicKey: credential.public_key,
          }));
    },
    "POST /subscriptions": ({ body }) => phone.subscribe(SubscriptionRequest.parse(body ?? {}).application_server_key),
    "PATCH /subscriptions": ({ body }) => {
      const { endpoint, online = true } = EndpointRequest.parse(body);
      phone.setOnline(endpoint, online);
    },
    "DELETE /subscriptions": ({ body }) => phone.unsubscribe(EndpointRequest.parse(body).endpoint),
    "DELETE /access_tokens": () => phone.revokeAccessTokens(),
    "DELETE /held": ({ url }) => phone.release(countIn(url)),
    "GET /faults": () => ({ faults: phone.faults() }),
    "POST /faults": ({ body }) => ({ id: phone.addFault(FaultRequest.parse(body)) }),
    "DELETE /faults": ({ url }) => {
      const token = url.searchParams.get("token");
      phone.removeFaults(token === null ? {} : { token });
    },
    "DELETE /faults/*": ({ param }) => phone.removeFaults({ id: Number(param) }),
    "POST /settings": ({ body }) => {
      const settings = SettingsRequest.parse(body);
      phone.configure({
        maxConcurrentStreams: settings.max_concurrent_streams,
        acceptUnknownCredentials: settings.accept_unknown_credentials,
        accessTokenLifetimeS: settings.access_token_lifetime_s,
      });
    },
    "POST /auto_receipts": ({ body }) => phone.autoReceipts(body === null ? null : AutoReceiptsRequest.parse(body)),
    "DELETE /auto_receipts": () => phone.autoReceipts(null),
    "DELETE /connections": () => phone.dropConnections(),
    "POST /reset": () => phone.reset(),
  };
}

async function answer(
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  // A page of some other site may send simple requests to the loopback; it can not set this host, nor a JSON content type.
  const isLocal = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(request.headers.host ?? "");
  if (!isLocal) return json(response, 403, { error: "Only as localhost" });
  if (url.pathname === "/" && request.method === "GET") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": page.policy });
    response.end(page.html);
    return;
  }
  const exact = `${request.method} ${url.pathname}`;
  const [, parent = "", param = ""] = /^(.*)\/([^/]+)$/.exec(url.pathname) ?? [];
  const route = routes[exact] ?? routes[`${request.method} ${parent}/*`];
  if (route === undefined) return json(response, 404, { error: `No ${exact}`, routes: Object.keys(routes) });
  const body = await readJson(request);
  const result = await route({ url, body, param: decodeURIComponent(param) });
  if (result === undefined) {
    response.writeHead(204).end();
    return;
  }
  json(response, 200, result);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new SyntaxError("Body larger than 1 MiB");
    chunks.push(chunk);
  }
  return bytes === 0 ? null : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}

/** Undefined, which is all, where none is given. */
const countIn = (url: URL): number | undefined => Number(url.searchParams.get("count")) || undefined;

const pageSize = (url: URL): number => Math.min(Math.max(Number(url.searchParams.get("page_size")) || 100, 1), 1_000);
