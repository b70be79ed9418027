import type { PayloadOf, TakeConversationStep } from "@strata/contracts";
import { silentLogger } from "@strata/runtime";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { HOUR, lifetime, saying, terms } from "../test/lifetimes.ts";
import { aDelivery, openStores } from "../test/support.ts";
import { startDueSteps } from "./due-steps.ts";
import { STEP_LEASE_MS } from "./handlers/take-conversation-step.ts";

describe("steps that are due", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("due-steps");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Workers whose commands are handled here, one by one, as a lane does; `isLost` says that they never come back. */
  function workers(one: ReturnType<typeof lifetime>) {
    const commands: string[] = [];
    let isLost = false;
    type Step = PayloadOf<typeof TakeConversationStep>;
    const broker = {
      async request(_command: unknown, app: string, payload: Step, { id }: { readonly id: string }) {
        commands.push(id);
        if (isLost) throw new Error("no answer in time");
        return one.take(aDelivery(payload, { app, id }));
      },
    };
    const { conversations } = stores;
    const start = () => startDueSteps({ conversations, broker, log: silentLogger, now: one.now }, 5);
    return { commands, start, lose: (lost: boolean) => void (isLost = lost) };
  }

  it("are asked for again under the same command, where what follows from one was never done", async () => {
    const one = lifetime(stores);
    const { conversation } = await one.create({
      terms: terms({ opensAt: one.now() + HOUR, iceBreaker: [saying("hello")], closing: { ttlMs: HOUR } }),
    });
    const { conversationId = "" } = conversation ?? {};
    const { commands, start } = workers(one);
    one.pass(HOUR);
    one.failNext(new Error("killed behind the row"));
    const running = start();
    await eventually(() => commands.length, 1);
    await eventually(async () => (await one.rowOf(conversationId)).lifecycle?.state, "open");
    expect(one.eventsOf(conversationId)).to.deep.equal(["schedule.changed"]);
    one.pass(STEP_LEASE_MS);
    await eventually(() => one.eventsOf(conversationId).at(-1), "conversation.opened");
    expect(commands).to.deep.equal([commands[0], commands[0]]);
    one.pass(HOUR);
    await eventually(() => one.eventsOf(conversationId).at(-1), "conversation.closed");
    expect(commands).to.have.lengthOf(3);
    await running.close();
  });

  it("are asked for again a second later, where nobody answers", async () => {
    const one = lifetime(stores);
    const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + HOUR }) });
    const { commands, start, lose } = workers(one);
    one.pass(HOUR);
    lose(true);
    const running = start();
    await eventually(() => commands.length, 1);
    lose(false);
    const due = stores.db.collection("conversations");
    await eventually(() => due.countDocuments({ app: one.app, stepDueAt: one.now() + 1_000 }), 1);
    one.pass(1_000);
    await eventually(() => one.eventsOf(conversation?.conversationId ?? "").at(-1), "conversation.opened");
    expect(new Set(commands).size).to.equal(1);
    await running.close();
  });
});
