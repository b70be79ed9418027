import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { type ContentRefusal, type ContentTicket, readContentTicket } from "@strata/contracts";
import { type Closable, DomainError, httpStatusOf, type Logger } from "@strata/runtime";
import { requestedRange, storedRange } from "../domain/byte-ranges.ts";
import type { ContentStore } from "../store/content-store.ts";
import type { ContentStorage } from "./content-storage.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { storableOf, type Uploads } from "./uploads.ts";

interface Deps {
  readonly port: number;
  /** Absent: all interfaces. */
  readonly host: string | undefined;
  readonly key: Buffer;
  readonly contents: ContentStore;
  readonly uploads: Uploads;
  readonly storage: ContentStorage;
  readonly held: HeldBytes;
  /** Whether an error says that a database or the broker is away. */
  readonly isDown: (error: unknown) => boolean;
  readonly log: Logger;
}

export interface ContentListener extends Closable {
  readonly port: number;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the gateway keeps a connection for later. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** No byte for so long is the end of a transfer; the gateway's own limit is shorter. */
const IDLE_MS = 90_000;
/** Transfers under way when the process stops: short ones finish, long ones are resumed elsewhere. */
const CLOSE_AFTER_MS = 2_000;

/**
 * Takes and gives bytes under `/content/<ticket>`, within the cluster: only the gateway comes here, and only with a
 * ticket that it signed, which is looked at once more.
 */
export async function openContentListener(deps: Deps): Promise<ContentListener> {
  const underWay = new Set<Promise<void>>();
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, noDelay: true },
    (request, response) => {
      request.socket.setTimeout(IDLE_MS);
      const served = serve(deps, request, response).catch((error: unknown) => refuse(deps, response, error));
      underWay.add(served);
      void served.finally(() => underWay.delete(served));
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: deps.port, host: deps.host }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no TCP address");
  return {
    port: address.port,
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeIdleConnections();
      const cutOff = setTimeout(() => server.closeAllConnections(), CLOSE_AFTER_MS);
      await closed.promise;
      clearTimeout(cutOff);
      // What has come in of an upload that was cut off is still being stored.
      await Promise.all(underWay);
    },
  };
}

async function serve(deps: Deps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method } = request;
  const ticket = ticketOf(deps.key, request);
  if (method === "PUT" && ticket.allows === "upload") return takeBytes(deps, ticket, request, response);
  if ((method === "GET" || method === "HEAD") && ticket.allows === "download") {
    return giveBytes(deps, ticket, request, response);
  }
  throw new DomainError("access_denied", {}, { message: `The ticket is not for ${method}` });
}

function ticketOf(key: Buffer, { url }: IncomingMessage): ContentTicket {
  const [, token] = /^\/content\/([\w.-]+)$/.exec(url ?? "") ?? [];
  const ticket = token === undefined ? null : readContentTicket(key, token, Date.now());
  if (ticket === null) throw new DomainError("access_denied", {}, { message: "The ticket is not good" });
  return ticket;
}

async function takeBytes(
  { uploads, storage, held }: Deps,
  { app, contentId }: ContentTicket,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const length = request.headers["content-length"];
  const state = await held.during(app, storage.heldBytes.upload, () =>
    uploads.take(app, contentId, {
      contentRange: request.headers["content-range"],
      contentLength: length === undefined ? undefined : Number(length),
      body: request,
    }),
  );
  response.setHeader("Content-Length", 0);
  if (state.kind === "complete") {
    response.statusCode = 200;
  } else {
    response.statusCode = 308;
    const range = storedRange(state.stored);
    if (range !== null) response.setHeader("Range", range);
  }
  response.end();
}

async function giveBytes(
  { contents, storage, held }: Deps,
  { app, contentId, expiresAt }: ContentTicket,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const row = await contents.find(app, contentId);
  if (!row?.isUploaded) throw new DomainError("not_found");
  const etag = `"${contentId}"`;
  // Content never changes under its id, so that any range of it fits the others.
  const ifRange = request.headers["if-range"];
  const isSame = ifRange === undefined || ifRange === etag;
  const range = isSame ? requestedRange(request.headers.range, row.size) : null;
  response.setHeader("Accept-Ranges", "bytes");
  response.setHeader("ETag", etag);
  if (range === "unsatisfiable") {
    response.writeHead(416, { "Content-Range": `bytes */${row.size}`, "Content-Length": 0 }).end();
    return;
  }
  const headers = {
    "Content-Type": row.mimeType,
    "Content-Length": range === null ? row.size : range.last - range.first + 1,
    ...(range === null ? {} : { "Content-Range": `bytes ${range.first}-${range.last}/${row.size}` }),
  };
  const status = range === null ? 200 : 206;
  if (request.method === "HEAD") {
    response.writeHead(status, headers).end();
    return;
  }
  await held.during(app, storage.heldBytes.download, async () => {
    const opened = await storage.open(
      storableOf(row),
      range,
      Math.max(1, Math.floor((expiresAt - Date.now()) / 1_000)),
    );
    if (opened.kind === "redirect") {
      response.writeHead(302, { Location: opened.url, "Content-Length": 0 }).end();
      return;
    }
    response.writeHead(status, headers);
    await pipeline(opened.bytes, response);
  });
}

function refuse({ isDown, log }: Deps, response: ServerResponse, error: unknown): void {
  // Whoever went away in the middle is not answered.
  if (response.destroyed) return;
  if (response.headersSent) {
    log.warn("a download broke off", { error });
    response.destroy();
    return;
  }
  const refusal = refusalOf(isDown, error);
  if (refusal.code === "internal_server_error") log.error("content request failed", { error });
  else if (refusal.code === "service_unavailable") log.warn("content request refused for now", { error });
  const body = Buffer.from(JSON.stringify(refusal));
  response.writeHead(httpStatusOf(refusal.code), { "Content-Type": "application/json", "Content-Length": body.length });
  response.end(body);
}

function refusalOf(isDown: (error: unknown) => boolean, error: unknown): ContentRefusal {
  if (error instanceof DomainError) {
    const { code, message, details } = error;
    const header = details["header"];
    return typeof header === "string" ? { code, message, data: { header } } : { code, message };
  }
  return isDown(error)
    ? { code: "service_unavailable", message: "The storage does not answer" }
    : { code: "internal_server_error", message: "An unexpected error happened" };
}
