import { invalidProperty, invalidRequest } from "./errors.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";
import { parseObjectId } from "./ids.ts";

/** What a client asks on its socket (client API 6.2, 6.4). `data` is not looked into yet. */
export interface SocketRequest {
  readonly kind: "request";
  readonly requestId: string;
  readonly method: string;
  readonly objectId: string | null;
  readonly data: unknown;
}

export const TYPING_ACTIONS = ["started", "paused", "finished"] as const;
export type TypingAction = (typeof TYPING_ACTIONS)[number];

/** What a client only says (client API 6.7). */
export interface TypingSignal {
  readonly kind: "typing";
  readonly conversationId: string;
  readonly action: TypingAction;
}

const MAX_REQUEST_ID = 256;

/**
 * One text frame of a client. A request that can be answered is answered, however wrong the rest of it is: clients hold
 * everything else back until then (client API 6.8).
 * @throws LayerError 400 `invalid_request` for what is no packet; 422 `invalid_property` for a signal that says nothing
 */
export function parseSocketPacket(text: string): SocketRequest | TypingSignal {
  const packet = parsed(text);
  const body = isJsonObject(packet) ? packet["body"] : undefined;
  if (!isJsonObject(packet) || !isJsonObject(body)) throw invalidRequest("A packet is an object with type and body");
  if (packet["type"] === "request") return requestOf(body);
  if (packet["type"] === "signal") return signalOf(body);
  throw invalidProperty("type", "must be request or signal");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest("A packet is JSON");
  }
}

function requestOf({ request_id: requestId, method, object_id: objectId, data }: JsonObject): SocketRequest {
  if (typeof requestId !== "string" || requestId.length > MAX_REQUEST_ID) {
    throw invalidProperty("body.request_id", `must be a text of up to ${MAX_REQUEST_ID} characters`);
  }
  return {
    kind: "request",
    requestId,
    method: typeof method === "string" ? method : "",
    objectId: typeof objectId === "string" ? objectId : null,
    data,
  };
}

function signalOf({ type, object, data }: JsonObject): TypingSignal {
  if (type !== "typing_indicator") throw invalidProperty("body.type", "must be typing_indicator");
  const id = isJsonObject(object) && typeof object["id"] === "string" ? object["id"] : "";
  const conversationId = parseObjectId("conversations", id);
  if (conversationId === null) throw invalidProperty("body.object.id", "must be the id of a conversation");
  const action = isJsonObject(data) ? TYPING_ACTIONS.find((one) => one === data["action"]) : undefined;
  if (action === undefined) throw invalidProperty("body.data.action", `must be one of ${TYPING_ACTIONS.join(", ")}`);
  return { kind: "typing", conversationId, action };
}
