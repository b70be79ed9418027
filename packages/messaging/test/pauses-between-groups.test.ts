import { eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, type Delivery, onGroup } from "../src/index.ts";
import { APP, Note, Noted, numbers, type OpenedBroker, openTestBroker } from "./support.ts";

/** Longer than this test: what is handled was not waited for. */
const NEVER_MS = 600_000;

/** Remembers what was handled together. */
function recording() {
  const groups: number[][] = [];
  const handle = async (deliveries: readonly Delivery<{ n: number }>[]) => {
    groups.push(deliveries.map(({ payload }) => payload.n));
    return deliveries.map(() => ack);
  };
  return { groups, handle };
}

describe("a row that begins at most once in so long", () => {
  let infra: Infra;
  let server: OpenedBroker;
  before(async () => {
    infra = await openInfra("messaging-pauses");
  });
  after(() => infra[Symbol.asyncDispose]());
  beforeEach(async () => {
    server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  /** Serves notes, and remembers which were handled together. */
  async function serve(everyMs: number, prefetch: number) {
    const { groups, handle } = recording();
    const handler = onGroup(Note, handle);
    const queue = "conversation.notes";
    const serving = await server.consume([consumer({ queue, everyMs, prefetch, handlers: [handler] })]);
    const send = async (...notes: readonly number[]): Promise<void> => {
      for (const n of notes) await server.send(Note, APP, { n });
    };
    return { groups, serving, send };
  }

  it("takes what comes after a rest at once, and what comes then together when the time is up", async () => {
    const { groups, serving, send } = await serve(3_000, 50);
    await send(1);
    await eventually(() => groups, [[1]]);
    await send(...numbers(20));
    await eventually(() => groups.length, 2);
    expect(groups[1]).to.deep.equal(numbers(20));
    await serving.close();
  });

  it("waits for nothing when the broker hands out no more, or when it closes", async () => {
    const { groups, serving, send } = await serve(NEVER_MS, 4);
    await send(1);
    await eventually(() => groups, [[1]]);
    await send(2, 3, 4, 5);
    await eventually(() => groups.flat(), [1, 2, 3, 4, 5]);
    expect(groups.length).to.equal(2);
    await send(6);
    await eventually(
      async () => (await infra.management.queues()).some((one) => one.messages_unacknowledged > 0),
      true,
    );
    await serving.close();
    expect(groups.flat()).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it("counts events, not the messages that they came in: as many as it takes together wait for nothing", async () => {
    const { groups, handle } = recording();
    await using subscriber = await openTestBroker(infra.amqpUrl, "realtime", [Noted]);
    const row = { queue: "realtime.notes", everyMs: NEVER_MS, prefetch: 4, handlers: [onGroup(Noted, handle)] };
    const subscribed = await subscriber.consume([consumer(row)]);
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    await producer.emit(Noted, APP, { n: 1 });
    await eventually(() => groups, [[1]]);
    await Promise.all([2, 3, 4, 5, 6, 7, 8, 9].map((n) => producer.emit(Noted, APP, { n })));
    await eventually(
      () => groups.slice(1),
      [
        [2, 3, 4, 5],
        [6, 7, 8, 9],
      ],
    );
    await subscribed.close();
  });
});
