import type { ScheduleChange } from "@strata/contracts";
import { aUserId } from "@strata/testing";
import { expect } from "chai";
import { DAY, HOUR, lifetime, lookingAt, NOTHING, saying, terms } from "../../test/lifetimes.ts";
import { refusalOf } from "../../test/messages.ts";
import { openStores } from "../../test/support.ts";

const [ann, bea] = [aUserId(1), aUserId(2)];

describe("the schedule of a conversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let look: ReturnType<typeof lookingAt>;
  before(async () => {
    stores = await openStores("conversation-schedules");
    look = lookingAt(stores);
  });
  after(() => stores[Symbol.asyncDispose]());

  it("can be changed before each step, and goes by what it was changed to", async () => {
    const one = lifetime(stores);
    const { app } = one;
    const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + HOUR }) });
    const { conversationId = "" } = conversation ?? {};
    const overtaken = await one.stepOf(conversationId);
    await one.change(conversationId, { opensAt: one.now() + DAY, iceBreaker: [saying("welcome")] });
    one.pass(HOUR);
    await one.take(overtaken);
    await one.stepAll(conversationId);
    expect(await look.seenOf(conversationId, app)).to.deep.equal(NOTHING);
    expect(await one.change(conversationId, { opensAt: null })).to.have.property("outcome", "done");
    await one.stepAll(conversationId);
    expect((await look.seenOf(conversationId, app)).messages).to.deep.equal(["welcome"]);

    const closing: ScheduleChange = { closing: { ttlMs: HOUR }, graceMs: HOUR };
    expect(await one.change(conversationId, { ...closing, opensAt: null })).to.have.property("outcome", "wrong-state");
    expect(await one.change(conversationId, closing)).to.have.property("outcome", "done");
    one.pass(HOUR);
    await one.stepAll(conversationId);
    expect(await one.change(conversationId, closing)).to.have.property("outcome", "wrong-state");
    expect(await one.change(conversationId, { graceMs: 2 * HOUR })).to.have.property("outcome", "done");
    one.pass(2 * HOUR - 1);
    await one.stepAll(conversationId);
    expect(await look.lifecycleOf(conversationId, app)).to.have.property("state", "closed");
    one.pass(1);
    await one.stepAll(conversationId);
    expect(await look.lifecycleOf(conversationId, app)).to.equal(undefined);
  });

  it("can be given to a conversation that had none", async () => {
    const one = lifetime(stores);
    const { conversation } = await one.create();
    const { conversationId = "" } = conversation ?? {};
    await one.change(conversationId, { closing: { expiresAt: one.now() + HOUR } });
    expect((await one.rowOf(conversationId)).lifecycle, "what is said goes a day later").to.include({ graceMs: DAY });
    one.pass(HOUR);
    expect(await one.send(conversationId)).to.equal("conversation_closed");
  });

  it("refuses what does not go together, and changes nothing then", async () => {
    const one = lifetime(stores);
    const { conversation } = await one.create({ terms: terms({ opensAt: one.now() + HOUR }) });
    const { conversationId = "" } = conversation ?? {};
    const warning = { beforeMs: HOUR, message: saying("soon") };
    const refused: ScheduleChange[] = [
      { closing: { expiresAt: one.now() + HOUR } },
      { closing: { expiresAt: one.now() - 1 }, opensAt: null },
      { graceMs: 1 },
      { warning },
      { warning, closing: { ttlMs: HOUR } },
    ];
    for (const change of refused) {
      expect(await refusalOf(one.change(conversationId, change)), JSON.stringify(change)).to.equal("invalid_property");
    }
    expect((await one.rowOf(conversationId)).lifecycle?.revision).to.equal(0);
  });

  it("names what was asked for where that leaves no time for a warning of before", async () => {
    const one = lifetime(stores);
    const warning = { beforeMs: 2 * HOUR, message: saying("soon") };
    const idOf = async (changed: Parameters<typeof terms>[0]) =>
      (await one.create({ terms: terms({ warning, ...changed }) })).conversation?.conversationId ?? "";
    const closing = { expiresAt: one.now() + DAY };
    const rows: readonly (readonly [string, ScheduleChange, string])[] = [
      [await idOf({ closing }), { closing: { expiresAt: one.now() + HOUR } }, "expires_at"],
      [await idOf({ closing: { ttlMs: DAY } }), { closing: { ttlMs: HOUR } }, "ttl_seconds"],
      [await idOf({ closing, opensAt: one.now() + 1 }), { opensAt: closing.expiresAt - HOUR }, "opens_at"],
      [await idOf({ closing }), { warning: { ...warning, beforeMs: DAY } }, "warning.before_seconds"],
    ];
    for (const [conversationId, change, property] of rows) {
      const error = await one.change(conversationId, change).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).to.deep.include({ code: "invalid_property", details: { property } });
    }
  });

  it("canceled, lets an unopened one go unheard of, an open one stay open, and a closed one closed", async () => {
    const one = lifetime(stores);
    const { app } = one;
    const all = { closing: { ttlMs: HOUR }, warning: { beforeMs: 1_000, message: saying("soon") } };
    const idOf = async (changed: Parameters<typeof terms>[0]) =>
      (await one.create({ terms: terms({ ...all, ...changed }) })).conversation?.conversationId ?? "";
    const unopened = await idOf({ opensAt: one.now() + HOUR });
    const open = await idOf({});
    const closed = await idOf({ graceMs: DAY });
    await one.cancel(unopened);
    await one.cancel(open);
    await one.cancel(open);
    one.pass(2 * HOUR);
    await one.stepAll(closed);
    await one.cancel(closed);
    one.pass(DAY);
    for (const conversationId of [unopened, open, closed]) await one.stepAll(conversationId);
    expect(await look.countDue(app)).to.equal(0);
    expect(await look.seenOf(unopened, app)).to.deep.include({ standing: "stranger" });
    expect(await one.send(open)).to.equal("sent");
    expect(await one.send(closed)).to.equal("conversation_closed");
    expect(one.eventsOf(unopened)).to.deep.equal(["schedule.changed", "schedule.canceled"]);
    expect(one.eventsOf(open).filter((type) => type === "schedule.canceled")).to.have.lengthOf(1);
    expect((await look.lifecycleOf(open, app))?.steps.map(({ step, state }) => `${step} ${state}`)).to.deep.equal([
      "open done",
      "warn canceled",
      "close canceled",
      "delete canceled",
    ]);
    expect(await look.lifecycleOf(closed, app)).to.have.property("state", "closed");
  });

  describe("a distinct one", () => {
    it("that is to open later is found by its backend, and stands in no user's way", async () => {
      const one = lifetime(stores);
      const distinct = { distinct: true, participants: [ann, bea] };
      const scheduled = await one.create({ ...distinct, terms: terms({ opensAt: one.now() + HOUR }) });
      const { conversationId = "" } = scheduled.conversation ?? {};
      const again = await one.create({ ...distinct, participants: [bea, ann] });
      expect(again).to.deep.equal({ outcome: "found", conversation: scheduled.conversation });
      expect(await one.create({ ...distinct, metadata: { a: "b" } })).to.have.property("outcome", "conflict");

      const taken = await one.create({ conversationId, creator: ann });
      expect(taken).to.deep.equal({ outcome: "in-use", conversation: null });
      const hers = await one.create({ ...distinct, creator: ann });
      expect(hers).to.have.property("outcome", "created");
      expect(hers.conversation).to.deep.include({ distinct: true });
      one.pass(HOUR);
      await one.stepAll(conversationId);
      expect(await one.rowOf(conversationId)).to.deep.include({ distinct: false });
      expect(await one.create(distinct)).to.have.nested.property(
        "conversation.conversationId",
        hers.conversation?.conversationId,
      );
      expect((await look.seenOf(conversationId, one.app)).total).to.equal(2);
    });

    it("that has closed, or was canceled, is in the way of no new one", async () => {
      const one = lifetime(stores);
      const distinct = { distinct: true, participants: [ann, bea] };
      const closed = await one.create({ ...distinct, terms: terms({ closing: { ttlMs: HOUR } }) });
      one.pass(HOUR);
      await one.step(closed.conversation?.conversationId ?? "");
      const canceled = await one.create({ ...distinct, terms: terms({ opensAt: one.now() + HOUR }) });
      expect(canceled).to.have.property("outcome", "created");
      await one.cancel(canceled.conversation?.conversationId ?? "");
      expect(await one.create(distinct)).to.have.property("outcome", "created");
    });
  });
});
