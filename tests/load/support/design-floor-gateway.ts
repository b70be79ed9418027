// Process A of `bench design-floor`: bare node:http. A send becomes a confirmed command on a quorum queue and its reply the
// answer; a page becomes a transient query and its reply, unparsed, the answer.
import { randomUUID } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "amqplib";

const REPLY_TO = "amq.rabbitmq.reply-to";
const connection = await connect(String(process.env["AMQP_URL"]), { noDelay: true });
const commands = await connection.createConfirmChannel();
const queries = await connection.createChannel();
const waiting = new Map<string, (text: string) => void>();
for (const channel of [commands, queries]) {
  await channel.consume(
    REPLY_TO,
    (delivery) => waiting.get(String(delivery?.properties.correlationId))?.(String(delivery?.content)),
    { noAck: true },
  );
}

const replyTo = (correlationId: string): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>();
  waiting.set(correlationId, resolve);
  return promise.finally(() => waiting.delete(correlationId));
};

const answer = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { "Content-Type": "application/json" }).end(text);
};

async function send(conversation: string, text: string, response: ServerResponse): Promise<void> {
  const correlationId = randomUUID();
  const reply = replyTo(correlationId);
  const command: unknown = JSON.parse(text);
  const content = Buffer.from(JSON.stringify({ conversation, command }));
  const queue = `commands.${Number.parseInt(conversation.slice(-2), 16) % 2}`;
  const { promise: confirmed, resolve, reject } = Promise.withResolvers<void>();
  const options = { persistent: true, mandatory: true, replyTo: REPLY_TO, correlationId };
  commands.publish("", queue, content, options, (error: unknown) => {
    if (error) reject(new Error("a command was not confirmed", { cause: error }));
    else resolve();
  });
  const [message] = await Promise.all([reply, confirmed]);
  answer(response, 201, JSON.stringify(JSON.parse(message)));
}

async function page(conversation: string, response: ServerResponse): Promise<void> {
  const correlationId = randomUUID();
  const reply = replyTo(correlationId);
  queries.publish("", "queries", Buffer.from(JSON.stringify({ conversation })), { replyTo: REPLY_TO, correlationId });
  answer(response, 200, await reply);
}

const server = createServer((request, response) => {
  const conversation = String(request.url?.split("/")[4]);
  if (request.method === "GET") return void page(conversation, response);
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.once("end", () => void send(conversation, Buffer.concat(chunks).toString(), response));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the gateway's server has no port");
  process.send?.({ port: address.port });
});
