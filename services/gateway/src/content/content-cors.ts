import type { IncomingMessage, ServerResponse } from "node:http";
import type { ContentTicket } from "@strata/contracts";

const ALLOWED_METHODS = "GET, HEAD, PUT, OPTIONS";
/** What the published clients ask for in their preflights (client API 1.4), and what a resumed transfer needs. */
const ALLOWED_HEADERS = [
  "accept",
  "authorization",
  "client-id",
  "content-range",
  "content-type",
  "if-range",
  "layer-xdk-version",
  "range",
  "upload-content-length",
  "upload-content-type",
  "upload-origin",
].join(", ");
const EXPOSED_HEADERS = "Accept-Ranges, Content-Length, Content-Range, ETag, Range";
const PREFLIGHT_SECONDS = 7_200;

/**
 * Lets pages of the asking origin read the answer, an error too: without these headers a client takes an error for a
 * broken line and tries for ever. Uploads are for the origin that was announced for them; downloads for any, since
 * there the URL alone is the secret and no cookie goes with it.
 */
export function allowOrigin(request: IncomingMessage, response: ServerResponse, ticket: ContentTicket | null): void {
  response.setHeader("Vary", "Origin");
  // Images are shown by pages of any origin.
  response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (ticket?.allows === "upload" && ticket.origin !== origin) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  response.setHeader("Access-Control-Expose-Headers", EXPOSED_HEADERS);
}

/** Answers a preflight; `allowOrigin` has said whose it may be. */
export function answerPreflight(response: ServerResponse): void {
  response.setHeader("Access-Control-Allow-Methods", ALLOWED_METHODS);
  response.setHeader("Access-Control-Allow-Headers", ALLOWED_HEADERS);
  response.setHeader("Access-Control-Max-Age", PREFLIGHT_SECONDS);
  response.statusCode = 204;
  response.end();
}
