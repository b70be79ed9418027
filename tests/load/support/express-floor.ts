// The floor of `bench api`, a process of its own as the gateway is: Express with a JSON parser, and a publish to a durable
// quorum queue, confirmed before the answer. It authenticates nobody, checks nothing, stores nothing, reads nothing.
import express from "express";
import { connect } from "amqplib";

const QUEUE = "floor";
const connection = await connect(String(process.env["AMQP_URL"]), { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });

const app = express();
app.use(express.json());
app.post("/messages", (request, response) => {
  const body = Buffer.from(JSON.stringify(request.body));
  channel.publish("", QUEUE, body, { persistent: true, mandatory: true }, (error: unknown) => {
    response.status(error ? 503 : 201).json({ accepted: !error });
  });
});

const server = app.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the floor's server has no port");
  process.send?.({ port: address.port });
});
