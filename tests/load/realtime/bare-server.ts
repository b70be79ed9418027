// The floor of `bench realtime`, a process of its own as realtime is: a bare `ws` server with the same options. It lets
// everybody in, knows nobody, keeps nothing, and sends what it is told to all of its sockets.
import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { nowMs } from "./protocol.ts";

const BACKLOG = 4_096;

const sockets = new Set<WebSocket>();
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
const server = createServer();
server.on("upgrade", (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    sockets.add(webSocket);
    webSocket.on("error", () => undefined);
    webSocket.on("close", () => sockets.delete(webSocket));
  });
});
server.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : 0 });
});

process.on("message", ({ text }: { readonly text: string }) => {
  const startedAtMs = nowMs();
  for (const socket of sockets) socket.send(text);
  process.send?.({ startedAtMs });
});
process.on("disconnect", () => process.exit());
