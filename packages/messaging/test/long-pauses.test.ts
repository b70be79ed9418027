import { eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { ack, type Consumer, consumer, type Delivery, on, type Outcome } from "../src/index.ts";
import { APP, Append, Note, numbers, type OpenedBroker, openTestBroker } from "./support.ts";

const COUNT = 5;

/** A database that is away until the test says otherwise, and what was done with its help. */
function database() {
  const down = new Error("the database is away");
  const done: string[] = [];
  let isUp = false;
  return {
    done,
    comeBack: () => void (isUp = true),
    dependency: { name: "database", isDown: (error: unknown) => error === down, answers: async () => isUp },
    handle: async ({ payload, attempt }: Delivery<{ readonly n: number }>): Promise<Outcome<never>> => {
      if (!isUp) throw down;
      done.push(`${payload.n}, attempt ${attempt}`);
      return ack;
    },
  };
}

/** RabbitMQ closes the channel of whoever keeps a delivery for longer than its `consumer_timeout`. */
describe("a pause that lasts longer than the broker waits for acknowledgements", () => {
  let infra: Infra;
  before(async () => {
    infra = await openInfra("messaging-long-pauses");
  });
  after(() => infra[Symbol.asyncDispose]());

  const unacknowledged = async (): Promise<number> =>
    (await infra.management.queues()).reduce((sum, queue) => sum + queue.messages_unacknowledged, 0);

  async function survives(
    row: (absent: ReturnType<typeof database>) => Consumer,
    send: (server: OpenedBroker, n: number) => Promise<void>,
    catalogue: Parameters<typeof openTestBroker>[2],
  ): Promise<readonly string[]> {
    const absent = database();
    await using server = await openTestBroker(infra.amqpUrl, "conversation", catalogue, { holdMaxMs: 1_000 });
    const serving = await server.consume([row(absent)]);
    for (const n of numbers(COUNT)) await send(server, n);
    await eventually(unacknowledged, (count) => count > 0);
    await eventually(unacknowledged, 0);
    absent.comeBack();
    await eventually(() => absent.done.length, COUNT);
    await eventually(async () => (await infra.management.queues()).filter(({ messages }) => messages > 0), []);
    expect((await server.readiness.check()).ready).to.equal(true);
    await serving.close();
    return absent.done;
  }
  const firstAttempts = numbers(COUNT).map((n) => `${n}, attempt 0`);

  it("gives the deliveries of a work queue back, takes them anew afterwards, and spends no attempt", async () => {
    const done = await survives(
      ({ dependency, handle }) =>
        consumer({ queue: "conversation.notes", dependencies: [dependency], handlers: [on(Note, handle)] }),
      (server, n) => server.send(Note, APP, { n }),
      [Note],
    );
    expect(done.toSorted()).to.deep.equal(firstAttempts);
  });

  it("gives the deliveries of an ordered lane back, takes them anew in order, and spends no attempt", async () => {
    const done = await survives(
      ({ dependency, handle }) =>
        consumer({ queue: "conversation.appends", dependencies: [dependency], handlers: [on(Append, handle)] }),
      (server, n) => server.send(Append, APP, { key: "k", n }),
      [Append],
    );
    expect(done).to.deep.equal(firstAttempts);
  });
});
