import { randomUUID } from "node:crypto";
import { CountFlags, type ModerationAction, type ModerationPolicy } from "@strata/contracts";
import { expect } from "chai";
import { ALL, dyingAt, flaggers, kinds, moderatedApp, NOW } from "../../test/moderation.ts";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { changeBlocks } from "../handlers/change-blocks.ts";
import { deleteUser } from "../handlers/delete-user.ts";
import { flagUser } from "../handlers/flag-user.ts";
import { withdrawFlag } from "../handlers/flags.ts";
import { countFlagsAnew } from "../handlers/review-moderation.ts";
import { suspendUser } from "../handlers/suspend-user.ts";

const HOUR_MS = 3_600_000;

describe("what the flags against a user come to", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("judge");
  });
  after(() => stores[Symbol.asyncDispose]());

  const anApp = (actions: readonly ModerationAction[], extra: Partial<ModerationPolicy> = {}) =>
    moderatedApp(stores, actions, extra);

  it("is nothing below a threshold, and everything at it, once", async () => {
    const { app, flagByAll, moderation, told, commands, isSuspended } = await anApp(ALL);
    const message = { messageId: randomUUID(), conversationId: randomUUID() };
    await changeBlocks({ ...stores, ...recordingPublisher() })(
      aDelivery({ userId: "flagger-1", changes: [{ kind: "block", userId: "eve" }], makeKnown: true, at: 1 }, { app }),
    );
    await flagByAll(0, 2, { message });
    expect([(await moderation()).score, told("moderation.decided"), await isSuspended()]).to.deep.equal([2, [], false]);
    await flagByAll(2, 12, { message });

    const { decisions, score, mutedUntil } = await moderation();
    expect([score, mutedUntil]).to.deep.equal([12, NOW + HOUR_MS]);
    expect(
      decisions.map(({ threshold, state, score: then, episode }) => [threshold, state, then, episode]),
    ).to.deep.equal([[3, "acted", 3, 1]]);
    expect(kinds(decisions[0]?.actions ?? [])).to.deep.equal(ALL.map(({ kind }) => `${kind} done`));
    expect(await isSuspended()).to.equal(true);
    expect(told("moderation.decided")).to.have.lengthOf(1);
    expect(told("user.warned").map(({ payload }) => Object(payload).text)).to.deep.equal(["be kind"]);
    expect(told("user.muted")).to.have.lengthOf(1);
    expect(told("user.suspended")).to.have.lengthOf(1);
    // Also to who blocks her already: what he unblocks himself is one thing, what a reversal unblocks another.
    const sent = commands.map(({ type, payload }) => [type.split(".")[1], Object(payload).userId]);
    expect(sent).to.have.deep.members([
      ["ModerateMessage", undefined],
      ["ChangeBlocks", "flagger-0"],
      ["ChangeBlocks", "flagger-1"],
      ["ChangeBlocks", "flagger-2"],
    ]);
  });

  it("is the same wherever the process died between the decision and the last action, and told by the same ids", async () => {
    const whole = await anApp(ALL);
    const message = { messageId: randomUUID(), conversationId: randomUUID() };
    await whole.flagByAll(0, 3, { message });
    const published = whole.events.length + whole.commands.length;
    let hasDied = true;
    for (let death = 1; hasDied; death += 1) {
      const { deps, flagByAll, flagging, moderation, events, commands, isSuspended } = await anApp(ALL);
      await flagByAll(0, 2, { message });
      const last = flagging("flagger-2", { message });
      const failure = await flagUser(dyingAt(deps, death))(last).catch((error: unknown) => error);
      hasDied = failure instanceof Error;
      if (!hasDied) expect(death).to.be.greaterThan(15);
      await flagUser(deps)(last);
      await flagUser(deps)(last);
      const { decisions } = await moderation();
      expect(
        decisions.map(({ state }) => state),
        `${death}: ${String(failure)}`,
      ).to.deep.equal(["acted"]);
      expect(kinds(decisions[0]?.actions ?? [])).to.deep.equal(ALL.map(({ kind }) => `${kind} done`));
      expect(await isSuspended()).to.equal(true);
      const ids = new Set([...events, ...commands].map(({ id, type }) => `${type} ${id}`));
      expect(ids.size, `${death}`).to.equal(published);
    }
  });

  it("is decided once by many writers at the same time, as at a takeover of her lane", async () => {
    const { deps, flagging, moderation, isSuspended, events, commands } = await anApp(ALL);
    const deliveries = flaggers.map((by) => flagging(by));
    for (let left = deliveries; left.length > 0;) {
      const tried = await Promise.allSettled(left.map((delivery) => flagUser(deps)(delivery)));
      // What fails comes again: another had written the decision since it was read.
      left = left.filter((_, index) => tried[index]?.status === "rejected");
    }
    const { decisions, score } = await moderation();
    expect(score).to.equal(12);
    expect(decisions.map(({ episode, state }) => [episode, state])).to.deep.equal([[1, "acted"]]);
    expect(kinds(decisions[0]?.actions ?? [])).to.deep.equal(ALL.map(({ kind }) => `${kind} done`));
    expect(await isSuspended()).to.equal(true);
    const decided = events.filter(({ type }) => /moderation|muted|warned|suspended/.test(type));
    expect(new Set(decided.map(({ id }) => id)).size).to.equal(4);
    const blocked = new Set(commands.map(({ id }) => id)).size;
    expect(blocked).to.equal(decisions[0]?.flags.length);
  });

  it("is done by the next flag, where the command that decided it never comes again", async () => {
    const { deps, flagByAll, flagging, flag, moderation } = await anApp(ALL);
    await flagByAll(0, 2);
    await flagUser(dyingAt(deps, 4))(flagging("flagger-2")).catch(() => null);
    expect((await moderation()).decisions.map(({ state }) => state)).to.deep.equal(["acting"]);
    await flag("flagger-3");
    expect((await moderation()).decisions.map(({ state, score }) => [state, score])).to.deep.equal([["acted", 3]]);
  });

  it("counts no flag by who is suspended or muted, and any by whom she blocks", async () => {
    const { app, deps, flagByAll, flag, moderation, isSuspended } = await anApp([{ kind: "suspend" }]);
    await suspendUser(deps)(aDelivery({ userId: "flagger-0", isSuspended: true, at: 1 }, { app }));
    await stores.mutes.put(app, "flagger-1", { decisionId: randomUUID(), until: NOW + 1 });
    const changes = [{ kind: "block" as const, userId: "flagger-2" }];
    await changeBlocks(deps)(aDelivery({ userId: "eve", changes, makeKnown: true, at: 1 }, { app }));
    await flagByAll(0, 4);
    const { score, flags, decisions } = await moderation();
    expect([score, decisions]).to.deep.equal([2, []]);
    expect(new Map(flags.map(({ flag: { by }, weighing }) => [by, weighing]))).to.deep.equal(
      new Map([
        ["flagger-3", "counts"],
        ["flagger-2", "counts"],
        ["flagger-1", "flagger_muted"],
        ["flagger-0", "flagger_suspended"],
      ]),
    );
    await flag("flagger-4");
    expect(await isSuspended()).to.equal(true);
  });

  it("is only scored while the policy is not active, and judged with the next flag once it is", async () => {
    const { setPolicy, flagByAll, flag, moderation, isSuspended } = await anApp([{ kind: "suspend" }], {
      isActive: false,
    });
    await flagByAll(0, 5);
    expect([(await moderation()).score, await isSuspended()]).to.deep.equal([5, false]);
    await setPolicy({ isActive: true }, 2);
    expect(await isSuspended()).to.equal(false);
    await flag("flagger-5");
    expect(await isSuspended()).to.equal(true);
  });

  it("does no more for a window, also under a policy that was changed, and again after it", async () => {
    const { setPolicy, flagByAll, moderation } = await anApp([{ kind: "warn", text: null }], { windowSeconds: 3_600 });
    await flagByAll(0, 4);
    await setPolicy({ windowSeconds: 3_600, weights: { spam: 2 } }, 2);
    await flagByAll(4, 8, { at: NOW + HOUR_MS - 1 });
    expect((await moderation()).decisions).to.have.lengthOf(1);
    await flagByAll(8, 9, { at: NOW + HOUR_MS });
    const episodes = (await moderation(NOW + HOUR_MS)).decisions.map(({ episode, revision }) => [episode, revision]);
    expect(episodes).to.deep.equal([
      [2, 2],
      [1, 1],
    ]);
  });

  it("knows nothing of a flagger any more who was deleted, and is counted anew without him", async () => {
    const { app, deps, flagByAll, moderation, commands } = await anApp([{ kind: "block_flaggers" }]);
    await flagByAll(0, 4);
    commands.length = 0;
    await deleteUser(deps)(aDelivery({ userId: "flagger-0", at: Date.now() }, { app }));
    const counting = commands.find(({ type }) => type === CountFlags.type);
    expect(counting?.payload).to.have.property("userId", "eve");
    const queued = async () =>
      (await stores.moderatedUsers.list(app, "score", null, 10))?.map(({ openFlags }) => openFlags);
    expect(await queued()).to.deep.equal([4]);
    await countFlagsAnew(deps)(aDelivery(CountFlags.payload.parse(counting?.payload), { app }));
    expect(await queued()).to.deep.equal([3]);
    const { decisions, flags } = await moderation();
    expect(flags).to.have.lengthOf(3);
    expect(JSON.stringify(decisions)).to.not.include("flagger-0");
    expect(decisions[0]?.actions[0]?.targets).to.have.members(["flagger-2", "flagger-1"]);
  });

  it("does not become more by taking a flag back and making it again", async () => {
    const { app, deps, flagByAll, flag, flagging, moderation, told } = await anApp([{ kind: "warn", text: null }]);
    await flagByAll(0, 2);
    for (let n = 0; n < 3; n += 1) {
      const { payload } = flagging("flagger-2");
      await flag("flagger-2", payload);
      const { flags } = await moderation();
      const flagId = flags.find(({ flag: { by } }) => by === "flagger-2")?.flag.flagId ?? "";
      await withdrawFlag(deps)(aDelivery({ userId: "eve", flagId, at: NOW }, { app }));
    }
    expect(told("moderation.decided")).to.have.lengthOf(1);
    expect((await moderation()).score).to.equal(2);
  });
});
