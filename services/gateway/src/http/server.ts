import { createServer } from "node:http";
import type { Closable } from "@strata/runtime";
import type { Express } from "express";
import { answerBrokenRequests } from "./broken-request.ts";

export interface HttpServer extends Closable {
  readonly port: number;
}

/** The headers take no time; whoever dribbles them holds a connection for nothing. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the idle time of the usual load balancers (60 s), so that they close a connection and never race us. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const SWEEP_EVERY_MS = 50;
/** Requests still unanswered then are cut off; below the deadline of a closing step (10 s). */
const CLOSE_DEADLINE_MS = 9_000;

/**
 * Listens. Closing takes no new connections, lets requests under way finish, and ends connections as they fall idle;
 * `onClosing` is called before that.
 */
export async function listen(
  app: Express,
  options: {
    readonly port: number;
    /** Absent: all interfaces. */
    readonly host: string | undefined;
    readonly maxConnections: number;
    /** The page that explains errors. */
    readonly errorsUrl: string;
    readonly onClosing: () => void;
  },
): Promise<HttpServer> {
  const timeouts = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    // One for all requests, and so no limit for uploads: `limitReceiving` has one for each.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  };
  let underWay = 0;
  const server = createServer({ ...timeouts, noDelay: true }, (request, response) => {
    underWay += 1;
    response.once("close", () => {
      underWay -= 1;
    });
    app(request, response);
  });
  answerBrokenRequests(server, options.errorsUrl);
  server.maxConnections = options.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: options.port, host: options.host }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address");
  return {
    port: address.port,
    async close() {
      options.onClosing();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      // Connections on which an answer was begun before the closing, or which were opened in advance, do not end by
      // themselves.
      const sweep = setInterval(() => {
        if (underWay === 0) server.closeAllConnections();
        else server.closeIdleConnections();
      }, SWEEP_EVERY_MS);
      const cutOff = setTimeout(() => server.closeAllConnections(), CLOSE_DEADLINE_MS);
      await closed.promise;
      clearInterval(sweep);
      clearTimeout(cutOff);
    },
  };
}
