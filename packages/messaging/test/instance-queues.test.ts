import { defineEvent } from "@strata/contracts";
import { eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { ack, consumer, on } from "../src/index.ts";
import { APP, openTestBroker } from "./support.ts";

const Told = defineEvent({
  name: "test.text.told",
  version: 1,
  producer: "conversation",
  payload: z.object({ text: z.string() }),
});

describe("the queue of one process", () => {
  let infra: Infra;
  before(async () => {
    infra = await openInfra("messaging-instance-queues");
  });
  after(() => infra[Symbol.asyncDispose]());

  it("keeps 32 MB of what the process cannot take yet, and says so when something was dropped", async () => {
    await using subscriber = await openTestBroker(infra.amqpUrl, "realtime", [Told]);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let gaps = 0;
    const subscribed = await subscriber.consume([
      consumer({
        queue: "realtime.texts",
        scope: "instance",
        prefetch: 1,
        handlers: [
          on(Told, async () => {
            await released;
            return ack;
          }),
        ],
        onGap: () => void (gaps += 1),
      }),
    ]);
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Told]);
    const tell = async (megabytes: number): Promise<void> => {
      for (let n = 0; n < megabytes; n += 1) await producer.emit(Told, APP, { text: "x".repeat(1_000_000) });
    };
    // One of them is in hand.
    await tell(31);
    expect(gaps).to.equal(0);
    await tell(5);
    await eventually(() => gaps > 0, true);
    release();
    await subscribed.close();
  });
});
