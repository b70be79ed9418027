// Process A of `bench design-floor`: bare node:http. A page is a transient query, a message or an announcement a confirmed
// command; what is replied is the answer, byte for byte.
import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { openConnection } from "./amqp.ts";
import { listCommand } from "./list-command.ts";
import { openRequester } from "./requester.ts";
import { COMMANDS, LISTS, membershipKey, TOKEN, USERS } from "./world.ts";

const { ask, command } = await openRequester(await openConnection());
const digest = (token: string): string => hash("sha256", token, "base64url");
const readers = new Map([[digest(`Bearer ${TOKEN}`), USERS[0]]]);

/** The path is /apps/<app>/conversations/<id>/messages, or /apps/<app>/announcements. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reader = readers.get(digest(request.headers.authorization ?? ""));
  if (reader === undefined) return end(response, 401, Buffer.alloc(0));
  const conversation = request.url?.split("/")[4];
  if (conversation === undefined) return end(response, 202, await command(LISTS, listCommand(await bodyOf(request))));
  if (request.method === "GET") return end(response, 200, await ask(membershipKey(conversation, reader)));
  const queue = COMMANDS[Number.parseInt(conversation.slice(-1), 16) % 2] ?? COMMANDS[0];
  end(response, 201, await command(queue, await bodyOf(request), conversation));
}

function end(response: ServerResponse, status: number, content: Buffer): void {
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": content.length }).end(content);
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
  });
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : 0 });
});
process.on("disconnect", () => process.exit());
