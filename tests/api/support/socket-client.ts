import { randomBytes, randomUUID } from "node:crypto";
import { request } from "node:http";
import { eventually } from "@strata/testing";
import { list, member } from "./api-client.ts";

/** One packet as it came; `at` is its place among all of this socket. */
export interface Packet {
  readonly type: string;
  readonly counter: number;
  readonly timestamp: string;
  readonly body: unknown;
}

export interface SocketClient extends AsyncDisposable {
  /** All that came, in order. */
  readonly packets: readonly Packet[];
  /** The changes among them: `create Message`, with the body. */
  changes(): readonly (readonly [what: string, body: unknown])[];
  /** Sends a request and waits for its response's body. */
  request(method: string, options?: { readonly data?: unknown; readonly objectId?: string }): Promise<unknown>;
  sendRaw(text: string): void;
  /** Waits for a packet whose body this finds. */
  until(isWanted: (packet: Packet) => boolean): Promise<Packet>;
  /** How it was closed, once it is. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  close(): Promise<void>;
}

/** Opens a socket as the published clients do, and keeps whatever comes. Rejects where the upgrade is refused. */
export async function openSocket(
  websocketUrl: string,
  session: string,
  options: { readonly version?: "2.0" | "3.0"; readonly onPacket?: (packet: Packet) => void } = {},
): Promise<SocketClient> {
  const { version = "3.0", onPacket } = options;
  const url = `${websocketUrl}/?session_token=${session}&client-id=${randomUUID()}&layer-xdk-version=4.0.6`;
  const socket = new WebSocket(url, `layer-${version}`);
  const packets: Packet[] = [];
  socket.addEventListener("message", ({ data }) => {
    const packet = packetOf(String(data));
    packets.push(packet);
    onPacket?.(packet);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("the socket was refused")));
  });
  if (socket.protocol !== `layer-${version}`) throw new Error(`the subprotocol is ${socket.protocol}`);

  const until = (isWanted: (packet: Packet) => boolean): Promise<Packet> =>
    eventually(
      async () => packets.find(isWanted),
      (found) => found !== undefined,
      { deadlineMs: 15_000 },
    ).then((found) => {
      if (found === undefined) throw new Error("unreachable: it was found");
      return found;
    });
  const close = async (): Promise<void> => {
    socket.close();
    await closed;
  };
  return {
    packets,
    changes: () =>
      packets
        .filter(({ type }) => type === "change")
        .map(({ body }) => [
          `${String(member(body, "operation"))} ${String(member(member(body, "object"), "type"))}`,
          body,
        ]),
    async request(method, { data, objectId } = {}) {
      const requestId = randomUUID();
      const body = { request_id: requestId, method, ...(objectId === undefined ? {} : { object_id: objectId }), data };
      socket.send(JSON.stringify({ type: "request", body }));
      const answer = await until(
        ({ type, body: answered }) => type === "response" && member(answered, "request_id") === requestId,
      );
      return answer.body;
    },
    sendRaw: (text) => socket.send(text),
    until,
    closed,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function packetOf(text: string): Packet {
  const packet: unknown = JSON.parse(text);
  return {
    type: String(member(packet, "type")),
    counter: Number(member(packet, "counter")),
    timestamp: String(member(packet, "timestamp")),
    body: member(packet, "body"),
  };
}

/** What an update sets, by its path. */
export const operationsOf = (body: unknown): ReadonlyMap<string, unknown> =>
  new Map(list(member(body, "data")).map((one) => [String(member(one, "property")), member(one, "value")]));

/** The status that an upgrade is answered with; 101 where it is let in, and dropped at once. */
export function upgradeStatus(
  websocketUrl: string,
  protocol: string | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(websocketUrl.replace(/^ws/, "http"), {
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
        ...(protocol === null ? {} : { "Sec-WebSocket-Protocol": protocol }),
        ...headers,
      },
    });
    asked.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("upgrade", (_response, socket) => {
      socket.destroy();
      resolve(101);
    });
    asked.on("error", reject);
    asked.end();
  });
}
