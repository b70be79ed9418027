import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

/** A TCP proxy before a broker or a database, with a hand on the wire. */
export interface TcpProxy extends AsyncDisposable {
  /** The target's URL with the proxy's address in it. */
  readonly url: string;
  /** How many clients are connected through it now. */
  connections(): number;
  /** Resets every connection. New ones are let through: a crash of the network, not an outage. */
  cut(): void;
  /** Resets every connection and every new one at once, until `resume`: the target is away. */
  pause(): void;
  /** Keeps connections open and takes new ones, but passes no byte on, until `resume`: the target hangs. */
  stall(): void;
  resume(): void;
  close(): Promise<void>;
}

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ["amqp:", 5672],
  ["mongodb:", 27_017],
  ["redis:", 6379],
  ["http:", 80],
]);

const targetOf = (url: URL): { readonly host: string; readonly port: number } => {
  const port = url.port === "" ? DEFAULT_PORTS.get(url.protocol) : Number(url.port);
  if (port === undefined) throw new Error(`no port in ${url.protocol}//${url.host}, and none known for it`);
  return { host: url.hostname, port };
};

const throughProxy = (target: URL, port: number): string => {
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  if (url.protocol === "mongodb:") {
    // A client that knows of a replica set connects to the members' own addresses, past the proxy.
    url.searchParams.delete("replicaSet");
    url.searchParams.set("directConnection", "true");
  }
  return url.href;
};

/** A socket that has said its last word cannot be reset any more: Node would leak its handle and spin on it. */
const reset = (socket: Socket): void => {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
};

/** A proxy on a free port before `targetUrl` (amqp, mongodb, redis or http; one host, no TLS). */
export const tcpProxy = async (targetUrl: string): Promise<TcpProxy> => {
  const target = new URL(targetUrl);
  const { host, port } = targetOf(target);
  const pairs = new Set<readonly [client: Socket, upstream: Socket]>();
  let mode: "open" | "paused" | "stalled" = "open";

  const setFlow = ([client, upstream]: readonly [Socket, Socket]): void => {
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      if (mode === "stalled") from.unpipe(to).pause();
      else from.pipe(to);
    }
  };

  const server = createServer({ noDelay: true }, (client) => {
    // Without a listener an expected reset would be an uncaught exception.
    client.on("error", () => {});
    if (mode === "paused") {
      reset(client);
      return;
    }
    const upstream = connect({ host, port, noDelay: true });
    upstream.on("error", () => reset(client));
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on("close", () => {
      pairs.delete(pair);
      upstream.destroy();
    });
    upstream.on("close", () => client.destroy());
    setFlow(pair);
  });

  const cut = (): void => {
    for (const [client, upstream] of pairs) {
      reset(client);
      reset(upstream);
    }
  };
  const enter = (next: typeof mode): void => {
    // Piped twice, every byte would pass twice.
    if (mode === next) return;
    mode = next;
    for (const pair of pairs) setFlow(pair);
  };
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    cut();
    await closed;
  };

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no TCP address");
  return {
    url: throughProxy(target, address.port),
    connections: () => pairs.size,
    cut,
    pause: () => {
      mode = "paused";
      cut();
    },
    stall: () => enter("stalled"),
    resume: () => enter("open"),
    close,
    [Symbol.asyncDispose]: close,
  };
};
