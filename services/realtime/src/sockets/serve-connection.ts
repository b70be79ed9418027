import { layerErrorOf, type RateLimit } from "@strata/doors";
import { errorBody, parseSocketPacket, type SocketRequest } from "@strata/layer-protocol";
import type { Logger } from "@strata/runtime";
import type { RawData, WebSocket } from "ws";
import type { AnswerRequest } from "../requests/answer-request.ts";
import type { Typing } from "../requests/typing.ts";
import { type CallDeps, callIn } from "../views/call.ts";
import type { Connection } from "./connection.ts";

export interface ServeDeps {
  readonly answer: AnswerRequest;
  readonly typing: Typing;
  readonly calls: CallDeps;
  /** Of users, by app and id. */
  readonly rates: Pick<RateLimit, "take">;
  /** The page that explains errors. */
  readonly errorsUrl: string;
  readonly maxWaitingRequests: number;
  /** Of all requests together that wait. */
  readonly maxWaitingBytes: number;
  readonly log: Logger;
}

/**
 * Answers what a client asks, one request after the other as clients send them, and each of them: a request without an
 * answer holds up all that follows it (client API 6.8). What is beyond a user's rate is answered with that; signals, for
 * whose answer nobody waits, are dropped.
 */
export function serveConnection(socket: WebSocket, connection: Connection, deps: ServeDeps): void {
  let waiting = 0;
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();
  const handleAfter = async (before: Promise<void>, text: string): Promise<void> => {
    await before;
    if (connection.isOpen) await handle(text, connection, deps);
    waiting -= 1;
    waitingBytes -= text.length;
  };
  socket.on("message", (data: RawData, isBinary: boolean) => {
    if (isBinary) return connection.close("notText");
    // It may go on talking until it has taken its close.
    if (!connection.isOpen) return;
    const text = textOf(data);
    waiting += 1;
    waitingBytes += text.length;
    if (waiting > deps.maxWaitingRequests || waitingBytes > deps.maxWaitingBytes) {
      return connection.close("tooManyRequests");
    }
    last = handleAfter(last, text);
  });
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return data instanceof ArrayBuffer ? Buffer.from(data).toString() : data.toString();
}

async function handle(text: string, connection: Connection, deps: ServeDeps): Promise<void> {
  try {
    const packet = parseSocketPacket(text);
    if (packet.kind === "request") return await respond(packet, connection, deps);
    takeOne(connection, deps);
    const { session, version } = connection;
    await deps.typing.said(connection, callIn(deps.calls, { appId: session.appId, version }), packet);
  } catch (error) {
    // Nobody waits for an answer to a signal, and what has no request id cannot be answered.
    deps.log.debug("a packet was not understood", { error });
  }
}

/** @throws LayerError 429 `rate_limit_exceeded` */
const takeOne = ({ session: { appId, userId } }: Connection, { rates }: ServeDeps): void =>
  rates.take(`${appId}/${userId}`);

async function respond(request: SocketRequest, connection: Connection, deps: ServeDeps): Promise<void> {
  const { requestId, method } = request;
  const answered = (success: boolean, data: unknown): void =>
    connection.send({ type: "response", body: { request_id: requestId, method, success, data: data ?? {} } });
  try {
    takeOne(connection, deps);
    answered(true, await deps.answer(connection, request));
  } catch (thrown) {
    const error = layerErrorOf(thrown);
    if (error.status >= 500) deps.log.error("a request failed", { method, error: thrown });
    answered(false, errorBody(error, deps.errorsUrl));
  }
}
