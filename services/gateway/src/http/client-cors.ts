import type { RequestHandler } from "express";
import { contextOf } from "./request-context.ts";

const ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** What the published clients ask for in their preflights (client API 1.4), and what de-duplicates. */
const ALLOWED_HEADERS = [
  "accept",
  "authorization",
  "client-id",
  "content-type",
  "idempotency-key",
  "if-none-match",
  "layer-xdk-version",
  "upload-content-length",
  "upload-content-type",
  "upload-origin",
].join(", ");
const EXPOSED_HEADERS = "Layer-Count, Link, Retry-After";
const PREFLIGHT_SECONDS = 7_200;

/**
 * Whether a path is the Client API's, whose callers are pages in browsers, or nobody's. The others are for backends, whose
 * tokens belong in no page; bytes of content say themselves whose pages may have them.
 */
export const isClientPath = (path: string): boolean =>
  !/^\/(apps|accounts|docs|openapi\.json|content\/.*)(\/|$)/.test(path);

/**
 * Lets pages of any origin read the answer, and an error before all: without these headers a client takes a 401 for a
 * broken line and tries for ever (client API 1.4). No cookie goes along, so an origin proves nothing and costs nothing.
 */
export const clientCors = (): RequestHandler => (request, response, next) => {
  if (!isClientPath(request.path)) return next();
  response.vary("Origin");
  const { origin } = request.headers;
  if (origin === undefined) return next();
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) {
    response.setHeader("Access-Control-Expose-Headers", EXPOSED_HEADERS);
    return next();
  }
  contextOf(response).route = "preflight";
  response.setHeader("Access-Control-Allow-Methods", ALLOWED_METHODS);
  response.setHeader("Access-Control-Allow-Headers", ALLOWED_HEADERS);
  response.setHeader("Access-Control-Max-Age", PREFLIGHT_SECONDS);
  response.statusCode = 204;
  response.end();
};
