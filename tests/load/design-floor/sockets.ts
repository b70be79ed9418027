import { once } from "node:events";
import { createServer } from "node:http";
import { partitionOf } from "@strata/contracts";
import type { Db } from "mongodb";
import { type WebSocket, WebSocketServer } from "ws";
import { findRows } from "./mongo.ts";
import { announcementText } from "./announcement-text.ts";
import { APP, type Fact } from "./world.ts";

const BACKLOG = 4_096;

interface Connection {
  readonly socket: WebSocket;
  counter: number;
}

export interface Sockets {
  readonly port: number;
  /** Sends each fact to the sockets of its recipients. */
  tell(facts: readonly Fact[]): Promise<void>;
}

/** The server of `bench realtime`'s floor, but that it knows whose a socket is: `?user=<id>`. */
export async function openSockets(db: Db): Promise<Sockets> {
  const connections = new Map<string, Set<Connection>>();
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    const user = new URL(request.url ?? "", "ws://localhost").searchParams.get("user") ?? "";
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = { socket: webSocket, counter: 0 };
      const hers = connections.get(user) ?? new Set();
      connections.set(user, hers.add(connection));
      webSocket.on("error", () => undefined);
      webSocket.on("close", () => hers.delete(connection));
    });
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG });
  await once(server, "listening");
  const address = server.address();
  const tellOne = async (fact: Fact): Promise<void> => {
    const online = fact.recipients.filter((user) => connections.has(user));
    if (online.length === 0) return;
    const readers = await readersOf(db, fact.id, online);
    const [unread, read] = [announcementText(fact, false), announcementText(fact, true)];
    for (const user of online) {
      const body = readers.has(user) ? read : unread;
      for (const connection of connections.get(user) ?? []) send(connection, fact.at, body);
    }
  };
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    tell: async (facts) => void (await Promise.all(facts.map(tellOne))),
  };
}

/** The number makes each frame's text another, so nothing of it can be made for all. */
function send(connection: Connection, at: number, body: string): void {
  const { socket, counter } = connection;
  connection.counter += 1;
  socket.send(`{"counter":${counter},"type":"change","timestamp":${at},"body":${body}}`);
}

/** Users come by partition and then by id, as the receipts of an announcement do: one range of `_id`, in the index alone. */
async function readersOf(db: Db, id: string, users: readonly string[]): Promise<ReadonlySet<string>> {
  const keyOf = (user = ""): string => `${APP}/${id}/r/${String(partitionOf(user)).padStart(2, "0")}/${user}`;
  const _id = { $gte: keyOf(users[0]), $lte: keyOf(users.at(-1)) };
  const rows = await findRows<{ _id: string }>(db, "receipts", { _id }, { projection: { _id: 1 } });
  return new Set(rows.map((row) => row._id.slice(row._id.lastIndexOf("/") + 1)));
}
