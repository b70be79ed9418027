import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { layerErrorOf } from "@strata/doors";
import type { Closable, Logger } from "@strata/runtime";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { type Admitted, UpgradeRefusal } from "./admission.ts";
import { type CloseReason, Connection } from "./connection.ts";
import type { Registry } from "./registry.ts";
import { watchUnfinished } from "./unfinished.ts";

export interface SocketServerOptions {
  readonly port: number;
  /** Absent: all interfaces. */
  readonly host?: string | undefined;
  readonly registry: Registry;
  readonly limits: {
    readonly maxSockets: number;
    readonly maxSocketsPerApp: number;
    readonly maxSocketsPerUser: number;
    readonly maxUpgradesUnderWay: number;
    readonly maxBufferedBytes: number;
    readonly maxPacketBytes: number;
    readonly drainMs: number;
    /** Shorter than what proxies take for idle; a client that answers none of them is gone. */
    readonly pingMs?: number;
    /** How long a packet may take to come in. */
    readonly packetTimeoutMs?: number;
    /** The longest that is waited at once for a session to run out. */
    readonly maxTimerMs?: number;
  };
  /** By which sessions run out; the wall clock unless said. */
  readonly clock?: () => number;
  /** Whether sockets would hear what happens: else they had better go to another process. */
  readonly isHearing: () => boolean;
  /** The time that packets carry. */
  readonly now: () => number;
  readonly admit: (request: IncomingMessage) => Promise<Admitted>;
  /** Everything is set up: it may be sent to from now on. */
  readonly onOpen: (connection: Connection, socket: WebSocket) => void;
  readonly onClose: (connection: Connection) => void;
  readonly onClosing: (reason: CloseReason) => void;
  readonly log: Logger;
}

export interface SocketServer extends Closable {
  readonly port: number;
  /** Closes all sockets over a while, so that not all of them come back in the same moment. */
  closeAll(reason: CloseReason, overMs: number): Promise<void>;
}

const PING_MS = 30_000;
const PACKET_TIMEOUT_MS = 10_000;
/** A page that does not take its close does not keep us. */
const CLOSE_GRACE_MS = 500;
/** Nor does one that was closed before: until then it counts among all sockets. */
const CLOSE_TIMEOUT_MS = 5_000;
const BACKLOG = 4_096;
/** With more a timer of Node fires at once; sessions may last longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Listens for sockets on any path (client API 6.1); whatever is no upgrade is told so. */
export async function openSocketServer(options: SocketServerOptions): Promise<SocketServer> {
  const { registry, limits, log } = options;
  const { maxPacketBytes } = limits;
  const serving: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    maxPayload: maxPacketBytes,
    // Compression keeps a window of memory for each socket, and most packets are small.
    perMessageDeflate: false,
    clientTracking: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: (offered) => [...offered].find((one) => one === "layer-3.0" || one === "layer-2.0") ?? false,
  };
  const sockets = new WebSocketServer(serving);
  const server = createServer((_request, response) => {
    response.writeHead(426, { Connection: "close", Upgrade: "websocket", "Content-Type": "text/plain" });
    response.end("Sockets only: the REST API is elsewhere\n");
  });
  let isDraining = false;
  let underWay = 0;

  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    void upgrade(request, socket, head);
  });

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const isFull = registry.size + underWay >= limits.maxSockets || underWay >= limits.maxUpgradesUnderWay;
    if (isDraining || isFull || !options.isHearing()) return refuse(socket, 503, "come again, or to another");
    underWay += 1;
    try {
      const admitted = await options.admit(request);
      const isAppFull = registry.sizeOf(admitted.session.appId) >= limits.maxSocketsPerApp;
      if (isDraining || isAppFull) return refuse(socket, 503, "come again, or to another");
      sockets.handleUpgrade(request, socket, head, (webSocket) => opened(webSocket, socket, admitted));
    } catch (error) {
      if (error instanceof UpgradeRefusal) return refuse(socket, error.status, error.message);
      const { status, message } = layerErrorOf(error);
      log.warn("an upgrade failed", { error });
      refuse(socket, status, message);
    } finally {
      underWay -= 1;
    }
  };

  const opened = (socket: WebSocket, line: Duplex, { session, hash, version }: Admitted): void => {
    const connection = new Connection({
      socket,
      session,
      hash,
      version,
      maxBufferedBytes: limits.maxBufferedBytes,
      onClosing: options.onClosing,
      now: options.now,
    });
    socket.on("error", (error) => log.debug("a socket broke", { error }));
    // One that is being closed already makes room, but not twice.
    const hers = registry.ofUser(session.appId, session.userId).filter(({ isOpen }) => isOpen);
    // The oldest is the one that is most likely gone without a word.
    if (hers.length >= limits.maxSocketsPerUser) hers[0]?.close("tooMany");
    const stopWatching = watch(socket, connection, options);
    const stopWaiting = watchUnfinished(line, socket, {
      timeoutMs: limits.packetTimeoutMs ?? PACKET_TIMEOUT_MS,
      onStuck: () => connection.close("unfinished"),
    });
    socket.on("close", () => {
      stopWatching();
      stopWaiting();
      registry.remove(connection);
      options.onClose(connection);
    });
    registry.add(connection);
    options.onOpen(connection, socket);
  };

  server.listen({ port: options.port, host: options.host, backlog: BACKLOG });
  await once(server, "listening");

  const closeAll = async (reason: CloseReason, overMs: number): Promise<void> => {
    await Promise.all(
      registry.all().map(async (connection) => {
        await wait(Math.random() * overMs);
        connection.close(reason);
      }),
    );
  };
  return {
    port: portOf(server),
    closeAll,
    async close() {
      isDraining = true;
      server.close();
      await closeAll("goingAway", limits.drainMs);
      await wait(registry.size === 0 ? 0 : CLOSE_GRACE_MS);
      for (const connection of registry.all()) connection.terminate();
      sockets.close();
      server.closeAllConnections();
    },
  };
}

/** Notices who is gone without a word, and whose session runs out. */
function watch(
  socket: WebSocket,
  connection: Connection,
  { limits, clock = Date.now }: SocketServerOptions,
): () => void {
  const { pingMs = PING_MS, maxTimerMs = MAX_TIMER_MS } = limits;
  let isAlive = true;
  socket.on("pong", () => {
    isAlive = true;
  });
  const pinging = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, pingMs);
  const leftMs = (): number => connection.session.expiresAt - clock();
  const waiting = (): NodeJS.Timeout => setTimeout(look, Math.min(Math.max(0, leftMs()), maxTimerMs));
  const look = (): void => {
    if (leftMs() <= 0) return connection.close("expired");
    expiry = waiting();
  };
  let expiry = waiting();
  return () => {
    clearInterval(pinging);
    clearTimeout(expiry);
  };
}

function refuse(socket: Duplex, status: number, message: string): void {
  const retry = status === 503 ? "Retry-After: 2\r\n" : "";
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nContent-Type: text/plain\r\n`;
  socket.end(`${head}${retry}Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`);
}

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};
