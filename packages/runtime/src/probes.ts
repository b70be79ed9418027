import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import type { Closable } from "./closing.ts";
import type { Readiness } from "./health.ts";

/** The listener that orchestrators and Prometheus talk to, apart from any public port. */
interface Probes extends Closable {
  readonly port: number;
}

const reply = (response: ServerResponse, status: number, contentType: string, body: string): void => {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
  response.end(body);
};

const replyJson = (response: ServerResponse, status: number, body: unknown): void =>
  reply(response, status, "application/json", `${JSON.stringify(body)}\n`);

interface ProbesOptions {
  readonly port: number;
  /** Absent: all interfaces. */
  readonly host: string | undefined;
  readonly readiness: Readiness;
  readonly metrics: Registry;
}

/**
 * Serves `/healthz`, `/readyz` and `/metrics`. `/healthz` asks nobody: a broker or database that is away must not make
 * the orchestrator kill a process that is waiting for it. That it is answered at all shows that the event loop turns.
 */
export const openProbes = async ({ port, host, readiness, metrics }: ProbesOptions): Promise<Probes> => {
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    if (path === "/healthz") {
      replyJson(response, 200, { healthy: true });
    } else if (path === "/readyz") {
      const { ready, checks } = await readiness.check();
      replyJson(response, ready ? 200 : 503, { ready, checks });
    } else if (path === "/metrics") {
      reply(response, 200, metrics.contentType, await metrics.metrics());
    } else {
      replyJson(response, 404, { paths: ["/healthz", "/readyz", "/metrics"] });
    }
  };
  const server = createServer((request, response) => {
    // Whatever is asked for, also what is no path: a URL that cannot be read must not end the process.
    const [path = "/"] = (request.url ?? "/").split("?");
    // A metric whose collect function throws must not take the process down with it.
    answer(path, response).catch((error: unknown) => replyJson(response, 500, { error: String(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      // Probes keep their connections open; waiting for them would hold up the exit.
      server.closeAllConnections();
      await closed;
    },
  };
};
