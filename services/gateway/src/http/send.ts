import type { ServerResponse } from "node:http";
import { errorBody, type LayerError } from "@strata/layer-protocol";
import type { Answer } from "./route.ts";

/** Spelled as the recorded answers of the original API have it. */
export const JSON_TYPE = "application/json; charset=UTF-8";

export function sendAnswer(response: ServerResponse, answer: Answer): void {
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.html !== undefined) return end(response, "text/html; charset=UTF-8", answer.html);
  if (answer.json !== undefined) return end(response, JSON_TYPE, JSON.stringify(answer.json));
  // A 204 must not carry a length (RFC 9110, 8.6); an empty 201 is told by it.
  if (answer.status !== 204) response.setHeader("Content-Length", 0);
  response.end();
}

export function sendError(response: ServerResponse, error: LayerError, errorsUrl: string): void {
  const challenge: Readonly<Record<string, string>> =
    error.status === 401 ? { "WWW-Authenticate": isNonceIn(error.data) ? "Layer" : "Bearer" } : {};
  sendAnswer(response, {
    status: error.status,
    json: errorBody(error, errorsUrl),
    headers: { ...error.headers, ...challenge },
  });
}

/** Only who has to log in as a user gets a nonce. */
const isNonceIn = (data: unknown): boolean => Object.hasOwn(Object(data), "nonce");

function end(response: ServerResponse, contentType: string, text: string): void {
  const bytes = Buffer.from(text);
  response.setHeader("Content-Type", contentType);
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
}
