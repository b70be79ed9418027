import { createConversation, type Door, sendMessages, type SendingMessages } from "@strata/doors";
import { invalidOperation, notFound, parseObjectId, type SocketRequest } from "@strata/layer-protocol";
import type { Connection } from "../sockets/connection.ts";
import { callIn } from "../views/call.ts";
import type { Presence } from "./presence.ts";
import { replay, type ReplayDeps } from "./replay.ts";

export interface RequestDeps extends ReplayDeps {
  readonly sending: SendingMessages;
  readonly presence: Presence;
}

/** Answers a request of a client: `data` of the response (client API 6.4). What it throws becomes a response, too. */
export type AnswerRequest = (connection: Connection, request: SocketRequest) => Promise<unknown>;

type Method = (connection: Connection, request: SocketRequest, deps: RequestDeps) => Promise<unknown>;

/** The methods by their names on the wire; what is not here is answered as a failure, since clients wait for an answer. */
const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["Message.create", createMessage],
  ["Conversation.create", createTalk],
  ["Presence.subscribe", subscribe],
  ["Presence.update", updatePresence],
  ["Presence.sync", syncPresence],
  ["Counter.read", async (connection) => ({ counter: connection.lastCounter })],
  ["Event.replay", replayEvents],
]);

export const answerRequest =
  (deps: RequestDeps): AnswerRequest =>
  async (connection, request) => {
    const method = METHODS.get(request.method);
    if (!method) throw invalidOperation(`There is no method ${JSON.stringify(request.method)}`);
    return method(connection, request, deps);
  };

/** A user at her own socket: her session says who she is, and that she may come in. */
const doorOf = ({ session: { userId } }: Connection): Door => ({ viewer: () => userId, admit: async () => {} });

async function createMessage(connection: Connection, { objectId, data }: SocketRequest, deps: RequestDeps) {
  // Channels are left out (DESIGN.md section 6): to these clients there is no such conversation.
  const conversation = parseObjectId("conversations", objectId ?? "");
  if (conversation === null) throw notFound("There is no such conversation");
  const call = callIn(
    deps.calls,
    { appId: connection.session.appId, version: connection.version },
    { body: data, params: { conversation } },
  );
  const { json } = await sendMessages(call, doorOf(connection), deps.sending);
  return json;
}

async function createTalk(connection: Connection, { data }: SocketRequest, deps: RequestDeps) {
  const call = callIn(deps.calls, { appId: connection.session.appId, version: connection.version }, { body: data });
  const { json } = await createConversation(call, doorOf(connection), deps.sending);
  return json;
}

const callsOf = (connection: Connection, deps: RequestDeps) =>
  callIn(deps.calls, { appId: connection.session.appId, version: connection.version }).calls;

async function subscribe(connection: Connection) {
  connection.isSubscribed = true;
  return {};
}

async function updatePresence(connection: Connection, { data }: SocketRequest, deps: RequestDeps) {
  await deps.presence.update(connection, callsOf(connection, deps), data);
  return {};
}

/** `changes` is a list, whatever happens: without it clients send nothing any more (client API 6.8). */
async function syncPresence(connection: Connection, { data }: SocketRequest, deps: RequestDeps) {
  return { changes: await deps.presence.sync(connection, callsOf(connection, deps), data) };
}

async function replayEvents(connection: Connection, { data }: SocketRequest, deps: RequestDeps) {
  await replay(connection, data, deps);
  return {};
}
