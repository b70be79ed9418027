import { once } from "node:events";
import { eventually } from "@strata/testing";
import { WebSocket } from "ws";
import { z } from "zod";

const PacketRead = z.object({ type: z.string(), counter: z.number(), timestamp: z.string(), body: z.unknown() });
export type ReadPacket = z.infer<typeof PacketRead>;

const ChangeRead = z.object({ operation: z.string(), object: z.object({ type: z.string(), id: z.string() }) });

export interface TestSocket {
  readonly socket: WebSocket;
  readonly packets: readonly ReadPacket[];
  /** `create Message`, in the order in which they came. */
  changes(): readonly string[];
  /** Sends a request and waits for its answer. */
  request(method: string, data?: unknown, objectId?: string): Promise<{ success: boolean; data: unknown }>;
  send(packet: unknown): void;
  types(conversationId: string, action?: string): void;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

const Answer = z.object({ request_id: z.string(), success: z.boolean(), data: z.unknown() });

/** Opens a socket as clients do. Rejects with the status where it is refused. */
export async function openSocket(
  port: number,
  token: string,
  { version = "3.0", path = "/" }: { readonly version?: "2.0" | "3.0"; readonly path?: string } = {},
): Promise<TestSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}?session_token=${token}`, `layer-${version}`);
  const packets: ReadPacket[] = [];
  socket.on("message", (data: Buffer) => packets.push(PacketRead.parse(JSON.parse(data.toString()))));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  const refused = new Promise<never>((_resolve, reject) => {
    socket.on("unexpected-response", (_request, response) => {
      reject(new Error(`${response.statusCode} ${response.headers["retry-after"] ?? ""}`.trim()));
      response.resume();
      socket.terminate();
    });
    socket.on("error", reject);
  });
  refused.catch(() => {});
  await Promise.race([once(socket, "open"), refused]);
  let asked = 0;
  const send = (packet: unknown): void => socket.send(JSON.stringify(packet));
  return {
    socket,
    packets,
    changes: () =>
      packets
        .filter(({ type }) => type === "change")
        .map(({ body }) => ChangeRead.parse(body))
        .map(({ operation, object }) => `${operation} ${object.type}`),
    async request(method, data, objectId) {
      const requestId = `r${(asked += 1)}`;
      send({ type: "request", body: { request_id: requestId, method, object_id: objectId, data } });
      const answers = () =>
        packets
          .filter(({ type }) => type === "response")
          .map(({ body }) => Answer.parse(body))
          .filter((answer) => answer.request_id === requestId);
      const [answer] = await eventually(answers, (found) => found.length > 0);
      if (!answer) throw new Error("unreachable: it was answered");
      return { success: answer.success, data: answer.data };
    },
    send,
    types(conversationId, action = "started") {
      const object = { id: `layer:///conversations/${conversationId}` };
      send({ type: "signal", body: { type: "typing_indicator", object, data: { action } } });
    },
    closed,
  };
}
