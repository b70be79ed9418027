import { layerErrorOf } from "@strata/doors";
import { invalidEndpoint, LayerError, layerError, type LayerVersion, negotiateVersion } from "@strata/layer-protocol";
import type { Logger } from "@strata/runtime";
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from "express";
import { logWhenClosed } from "./access-log.ts";
import { clientCors } from "./client-cors.ts";
import { withoutDoubledBase } from "./doubled-base.ts";
import type { RequestMetrics } from "./metrics.ts";
import { RequestAborted } from "./read-json.ts";
import { limitReceiving } from "./receive-limit.ts";
import { contextOf, openContext } from "./request-context.ts";
import type { Route } from "./route.ts";
import { securityHeaders } from "./security-headers.ts";
import { sendError } from "./send.ts";
import { notServed } from "./served-versions.ts";
import { serveRoute, type ServingDeps } from "./serve-route.ts";

export interface AppDeps extends ServingDeps {
  readonly routes: readonly Route[];
  readonly log: Logger;
  readonly metrics: RequestMetrics;
  /** How long a request may take to come in, unless its route says otherwise. */
  readonly receiveTimeoutMs: number;
  /** True from the moment the server stops: whoever is answered now had better open a new connection elsewhere. */
  readonly isClosing: () => boolean;
}

/** The page that explains all errors. */
export const errorsUrlOf = (publicUrl: string): string => `${publicUrl}/docs/errors`;

/** Everything between a socket and the routes. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  // Lists and objects in a query string are nobody's intention here.
  app.set("query parser", "simple");
  app.use(begin(deps));
  app.use(securityHeaders());
  app.use(clientCors());
  app.use(overrideMethod);
  app.use(routerOf(deps));
  app.use(() => {
    throw invalidEndpoint();
  });
  app.use(answerError(errorsUrlOf(deps.publicUrl)));
  return app;
}

const begin = ({ log, metrics, isClosing, receiveTimeoutMs, publicUrl }: AppDeps): RequestHandler => {
  const basePath = new URL(publicUrl).pathname.replace(/\/$/, "");
  return (request, response, next) => {
    request.url = withoutDoubledBase(request.url, basePath);
    const { cause } = openContext(request, response, log);
    logWhenClosed(request, response, metrics);
    response.setHeader("X-Request-Id", cause.id);
    response.setHeader("Cache-Control", "no-store");
    if (isClosing()) response.setHeader("Connection", "close");
    limitReceiving(request, receiveTimeoutMs, () => {
      const error = layerError("request_timeout", "The request did not come in whole in time");
      response.shouldKeepAlive = false;
      if (response.headersSent) request.destroy();
      else sendError(response, error, errorsUrlOf(publicUrl));
    });
    next();
  };
};

/** For clients whose HTTP library knows no PATCH (server API 2.2). */
const overrideMethod: RequestHandler = (request, _response, next) => {
  if (request.method === "POST" && request.get("x-http-method-override")?.toUpperCase() === "PATCH") {
    request.method = "PATCH";
  }
  next();
};

function routerOf(deps: AppDeps): Router {
  const router = Router({ caseSensitive: true });
  for (const [path, routes] of Map.groupBy(deps.routes, (route) => route.path)) {
    const mounted = router.route(path);
    mounted.all((_request, response, next) => {
      contextOf(response).route = path;
      next();
    });
    for (const route of routes) mounted[route.method](serveRoute(route, routes, deps));
    mounted.all((request) => {
      throw notServed(routes, versionAskedFor(request.headers.accept));
    });
  }
  return router;
}

/** A wrong method is told before a wrong `Accept` (server API 3.3): the route comes first. */
function versionAskedFor(accept: string | undefined): LayerVersion | null {
  try {
    return negotiateVersion(accept);
  } catch (error) {
    if (error instanceof LayerError) return null;
    throw error;
  }
}

const answerError =
  (errorsUrl: string): ErrorRequestHandler =>
  // Express tells a handler of errors by its four parameters.
  (thrown: unknown, _request, response, _next) => {
    if (thrown instanceof RequestAborted || response.destroyed) return;
    const { log } = contextOf(response);
    const error = layerErrorOf(thrown);
    if (error.id === "internal_server_error") log.error("request failed", { error: thrown });
    else if (error.status >= 500) log.warn("request refused for now", { error: thrown });
    if (response.headersSent) response.destroy();
    else sendError(response, error, errorsUrl);
  };
