// Serves the page, and stands for an app's own backend: it knows who may be whom, and signs that with a key that never
// leaves it. It listens on this machine's loopback alone, since whoever reaches it can be any of the demo's users.
import { createPrivateKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";

const { STRATA_DEV_JSON = fileURLToPath(new URL("../../.strata/dev.json", import.meta.url)), CHAT_PORT = "7480" } =
  process.env;

/** Of .strata/dev.json, what is used here. */
interface Dev {
  readonly baseUrl: string;
  readonly websocketUrl: string;
  readonly appId: string;
  readonly identityProvider: { readonly providerId: string; readonly keyId: string; readonly privateKey: string };
}

const MODULES = ["chat", "drafts", "session", "socket", "state", "typing", "view"];
type File = readonly [path: string, file: string, type: string];
const FILES: readonly File[] = [
  ["/", "index.html", "text/html"],
  ["/style.css", "style.css", "text/css"],
  ...MODULES.map((name): File => [`/${name}.js`, `${name}.js`, "text/javascript"]),
];
const MAX_BODY_BYTES = 10_000;
const SECONDS_VALID = 600;

/** `npm start` makes user-0001 to user-1000. */
const isDemoUser = (userId: string): boolean => /^user-(0\d{3}|1000)$/.test(userId) && userId !== "user-0000";

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Another site's page may send its visitor's browser here, under a name of its own that leads here or with a form.
  if (!isOwnHost(request.headers.host)) return say(response, 403, { error: "this host is not served" });
  const { pathname } = new URL(request.url ?? "/", "http://chat");
  const found = FILES.find(([path]) => path === pathname);
  if (request.method === "GET" && found) return page(response, found);
  if (request.method === "GET" && pathname === "/config") {
    const { baseUrl, websocketUrl, appId } = await dev();
    return say(response, 200, { baseUrl, websocketUrl, appId });
  }
  if (request.method === "POST" && pathname === "/token") return token(request, response);
  say(response, 404, { error: "there is nothing here" });
}

/** Signs who a demo user is, for the nonce that the API gave her page. A backend of one's own asks its own login first. */
async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { origin, host } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`) return say(response, 403, { error: "not for this origin" });
  if (request.headers["content-type"] !== "application/json") return say(response, 415, { error: "JSON is expected" });
  const asked = await bodyOf(request);
  const { user_id: userId, nonce } = typeof asked === "object" && asked !== null ? { ...EMPTY, ...asked } : EMPTY;
  if (typeof userId !== "string" || typeof nonce !== "string" || nonce === "") {
    return say(response, 400, { error: "user_id and nonce are expected" });
  }
  if (!isDemoUser(userId)) return say(response, 403, { error: "no user of the demo" });
  const { providerId, keyId, privateKey } = (await dev()).identityProvider;
  const iat = Math.floor(Date.now() / 1_000);
  const header = { typ: "JWT", alg: "RS256", cty: "layer-eit;v=1", kid: `layer:///keys/${keyId}` };
  const claims = { iss: `layer:///providers/${providerId}`, prn: userId, iat, exp: iat + SECONDS_VALID, nce: nonce };
  const text = `${encoded(header)}.${encoded(claims)}`;
  const signature = sign("sha256", Buffer.from(text), createPrivateKey(privateKey)).toString("base64url");
  say(response, 200, { identity_token: `${text}.${signature}` });
}

const EMPTY = { user_id: undefined, nonce: undefined } as const satisfies Record<string, unknown>;
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const isOwnHost = (host = ""): boolean => /^(127\.0\.0\.1|localhost):\d+$/.test(host);

const isDev = (value: unknown): value is Dev =>
  typeof value === "object" && value !== null && "websocketUrl" in value && "identityProvider" in value;

/** Read again each time: a new start of Strata may have moved it. */
async function dev(): Promise<Dev> {
  const found: unknown = JSON.parse(await readFile(STRATA_DEV_JSON, "utf8"));
  if (!isDev(found) || !found.websocketUrl || !found.identityProvider) throw new Error("the demo app is not there yet");
  return found;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return null;
  }
}

async function page(response: ServerResponse, [, file, type]: File): Promise<void> {
  const { baseUrl, websocketUrl } = await dev();
  response.writeHead(200, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    // Whatever a message may hold: no script but ours runs, and nothing is asked of anybody but Strata.
    "content-security-policy":
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${baseUrl} ${websocketUrl}; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  });
  response.end(await readFile(new URL(file, import.meta.url)));
}

function say(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(String(error));
    say(response, 503, { error: "Strata has not been started yet: npm start" });
  });
});
server.listen(Number(CHAT_PORT), "127.0.0.1", () => {
  const address = server.address();
  console.log(`chat on http://127.0.0.1:${typeof address === "object" ? address?.port : CHAT_PORT}`);
});
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
