import { setImmediate as nextTurn } from "node:timers/promises";
import { eventually, type Infra, openInfra } from "@strata/testing";
import { type Channel, type ChannelModel, connect, type ConsumeMessage } from "amqplib";
import { expect } from "chai";
import { type InHand, survivals } from "../src/survivals.ts";
import { socketOf, writeTogether } from "../src/write-together.ts";

const QUEUE = "acknowledged";

describe("acknowledging", () => {
  let infra: Infra;
  let model: ChannelModel;
  before(async () => {
    infra = await openInfra("messaging-acknowledgements");
    model = await connect(infra.amqpUrl);
  });
  after(async () => {
    await model.close();
    await infra[Symbol.asyncDispose]();
  });

  /** Deliveries 1 to `count` in hand, in their order, and every ack that goes out: its tag, and whether it is for all before. */
  async function inHand(count: number) {
    const channel = await model.createChannel();
    await channel.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.purgeQueue(QUEUE);
    for (let n = 1; n <= count; n += 1) channel.sendToQueue(QUEUE, Buffer.from(String(n)), { messageId: String(n) });
    const acks: string[] = [];
    const sendAck = channel.ack.bind(channel);
    channel.ack = (message, isForAllBefore = false) => {
      acks.push(`${isForAllBefore ? "to " : ""}${message.content.toString()}`);
      sendAck(message, isForAllBefore);
    };
    const holdings = survivals().attach(channel, () => channel.prefetch(0));
    const held = await consumed(channel, count, (message) => holdings.hold(message));
    return { channel, held, acks, holdings };
  }

  async function comesAgain(): Promise<readonly string[]> {
    const channel = await model.createChannel();
    const again: string[] = [];
    await channel.consume(QUEUE, (message) => message && again.push(message.content.toString()));
    await channel.checkQueue(QUEUE);
    await channel.close();
    return again;
  }

  it("takes one command for all that a turn has finished, and spares what is still in hand", async () => {
    const { channel, held, acks } = await inHand(6);
    for (const n of [5, 3, 1, 2]) held[n - 1]?.ack();
    held[0]?.ack();
    await nextTurn();
    expect(acks).to.deep.equal(["to 3", "5"]);
    held[3]?.ack();
    await nextTurn();
    expect(acks).to.deep.equal(["to 3", "5", "to 4"]);
    await channel.close();
    expect(await comesAgain()).to.deep.equal(["6"]);
  });

  it("of what a process may have died of goes out at once, before anything else is begun", async () => {
    const first = await inHand(2);
    await first.channel.close();
    const channel = await model.createChannel();
    const holdings = survivals().attach(channel, () => channel.prefetch(0));
    const held = await consumed(channel, 2, (message) => holdings.hold(message));
    expect(held.map(({ isSuspect }) => isSuspect)).to.deep.equal([true, true]);
    held[0]?.ack();
    await holdings.untilAcked();
    held[1]?.ack();
    await holdings.untilAcked();
    expect(holdings.hasSuspects()).to.equal(false);
    await channel.close();
    expect(await comesAgain()).to.deep.equal([]);
  });

  it("and everything else that one turn sends leaves in one write", async () => {
    const channel = await model.createConfirmChannel();
    writeTogether(channel);
    writeTogether(channel);
    const socket = socketOf(channel);
    if (!socket?._writev) throw new Error("amqplib keeps its socket elsewhere now");
    const writes: number[] = [];
    socket._writev = new Proxy(socket._writev.bind(socket), {
      apply(write, _self, [chunks, done]: [readonly unknown[], () => void]) {
        writes.push(chunks.length);
        return Reflect.apply(write, socket, [chunks, done]);
      },
    });
    for (const text of ["one", "two", "three"]) channel.publish("", QUEUE, Buffer.from(text));
    await channel.waitForConfirms();
    expect(writes).to.deep.equal([3]);
    await channel.close();
  });
});

async function consumed(channel: Channel, count: number, take: (message: ConsumeMessage) => InHand) {
  const taken: InHand[] = [];
  await channel.consume(QUEUE, (message) => message && taken.push(take(message)));
  await eventually(() => taken.length, count);
  return taken;
}
