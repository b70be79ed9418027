import { type IncomingMessage, STATUS_CODES, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { errorBody, invalidRequest, LayerError, layerError } from "@strata/layer-protocol";
import { JSON_TYPE } from "./send.ts";

class HeadersTooLarge extends LayerError {
  override readonly status: number = 431;

  constructor() {
    super("invalid_request", "The headers are too long");
  }
}

/** What was wrong with a request of which no parser could make one. */
function errorOf(code: string | undefined): LayerError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return layerError("request_timeout", "The request took too long to arrive");
  if (code === "HPE_HEADER_OVERFLOW") return new HeadersTooLarge();
  return invalidRequest("This is no HTTP request");
}

/** The whole answer to it, as it goes over the wire: there is no response object to write to. */
export function brokenRequestAnswer(code: string | undefined, errorsUrl: string): string {
  const error = errorOf(code);
  const body = JSON.stringify(errorBody(error, errorsUrl));
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}`,
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** Answers what is no request, or never becomes a whole one, with an error of the contract; then the connection ends. */
export function answerBrokenRequests(server: Server, errorsUrl: string): void {
  const responses = new WeakMap<Duplex, ServerResponse>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    responses.set(request.socket, response);
    response.once("close", () => responses.delete(request.socket));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    // In the middle of an answer another one would be part of it.
    if (!socket.writable || responses.get(socket)?.headersSent === true) socket.destroy();
    else socket.end(brokenRequestAnswer(error.code, errorsUrl));
  });
}
