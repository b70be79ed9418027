import { randomUUID } from "node:crypto";
import {
  DEFAULT_MODERATION_POLICY,
  type FlagUser,
  type ModerationAction,
  type ModerationPolicy,
  type PayloadOf,
  type Review,
} from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { changeBlocks } from "../handlers/change-blocks.ts";
import { flagUser } from "../handlers/flag-user.ts";
import { withdrawFlag } from "../handlers/flags.ts";
import { getModeration } from "../handlers/get-moderation.ts";
import { reviewDecision, reviewFlags } from "../handlers/review-moderation.ts";
import { suspendUser } from "../handlers/suspend-user.ts";
import type { JudgingDeps } from "./judge.ts";

const HOUR_MS = 3_600_000;
const NOW = Date.now();
const flaggers = Array.from({ length: 12 }, (_, n) => `flagger-${n}`);
const ALL: readonly ModerationAction[] = [
  { kind: "warn", text: "be kind" },
  { kind: "mute", seconds: 3_600 },
  { kind: "hide_message" },
  { kind: "block_flaggers" },
  { kind: "suspend" },
];

/** The same process, which dies at its so many-th step: before it publishes, or after it has written. */
function dyingAt(deps: JudgingDeps, death: number): JudgingDeps {
  let steps = 0;
  const step = (): void => {
    steps += 1;
    if (steps >= death) throw new Error(`the process died at ${death}`);
  };
  const after = async <T>(writing: Promise<T>): Promise<T> => {
    const written = await writing;
    step();
    return written;
  };
  const { decisions, publisher, mutes } = deps;
  return {
    ...deps,
    decisions: {
      ...decisions,
      insertOrFind: (row) => after(decisions.insertOrFind(row)),
      change: (row, change) => after(decisions.change(row, change)),
    },
    mutes: { ...mutes, put: (app, userId, mute) => after(mutes.put(app, userId, mute)) },
    publisher: {
      async emit(event, app, payload, options) {
        step();
        await publisher.emit(event, app, payload, options);
      },
      async send(command, app, payload, options) {
        step();
        await publisher.send(command, app, payload, options);
      },
    },
  };
}

describe("what the flags against a user come to", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("judge");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** An app with a policy of this one threshold, and what its broker is told. */
  async function anApp(actions: readonly ModerationAction[], extra: Partial<ModerationPolicy> = {}) {
    const app = anAppId();
    await stores.identities.makeKnown(app, ["eve", ...flaggers], 1);
    const recorded = recordingPublisher();
    const deps = { ...stores, publisher: recorded.publisher };
    const thresholds = [{ score: 3, actions: [...actions] }];
    const setPolicy = (change: Partial<ModerationPolicy>, at = 1) =>
      stores.moderationPolicies.put(
        app,
        { ...DEFAULT_MODERATION_POLICY, isActive: true, thresholds, ...extra, ...change },
        { at, by: randomUUID() },
      );
    await setPolicy({});
    const flagging = (by: string, payload: Partial<PayloadOf<typeof FlagUser>> = {}) => {
      const common = { flagId: randomUUID(), userId: "eve", by, message: null, reason: "spam", comment: null, at: NOW };
      return aDelivery({ ...common, ...payload }, { app });
    };
    const flag = (by: string, payload: Partial<PayloadOf<typeof FlagUser>> = {}) =>
      flagUser(deps)(flagging(by, payload));
    const flagByAll = async (from: number, until: number, payload: Partial<PayloadOf<typeof FlagUser>> = {}) => {
      for (const by of flaggers.slice(from, until)) await flag(by, payload);
    };
    const moderation = async (at = NOW) => {
      const outcome = await getModeration(deps)(aDelivery({ userId: "eve", at }, { app }));
      if (outcome.kind !== "reply" || outcome.reply.moderation === null) throw new Error("she is not known");
      return outcome.reply.moderation;
    };
    const aReview = (verdict: Review["verdict"], at = NOW): Review => ({ verdict, by: "Mia", note: null, at });
    const reviewing = (decisionId: string, verdict: Review["verdict"], at = NOW) =>
      aDelivery({ userId: "eve", decisionId, review: aReview(verdict, at) }, { app });
    const review = async (decisionId: string, verdict: Review["verdict"], at = NOW) =>
      reviewDecision(deps)(reviewing(decisionId, verdict, at));
    const told = (type: string) => recorded.events.filter((event) => event.type === `directory.${type}.v1`);
    return {
      app,
      deps,
      setPolicy,
      flagging,
      flag,
      flagByAll,
      moderation,
      review,
      reviewing,
      aReview,
      told,
      ...recorded,
    };
  }
  const isSuspended = async (app: string) => (await stores.identities.find(app, "eve"))?.isSuspended;
  const isMuted = async (app: string, at = NOW) => (await stores.mutes.findMuted(app, ["eve"], at)).has("eve");
  const kinds = (actions: readonly { readonly action: ModerationAction; readonly state: string }[]) =>
    actions.map(({ action, state }) => `${action.kind} ${state}`);

  it("is nothing below a threshold, and everything at it, once", async () => {
    const { app, flagByAll, moderation, told, commands } = await anApp(ALL);
    const message = { messageId: randomUUID(), conversationId: randomUUID() };
    await changeBlocks({ ...stores, ...recordingPublisher() })(
      aDelivery({ userId: "flagger-1", changes: [{ kind: "block", userId: "eve" }], makeKnown: true, at: 1 }, { app }),
    );
    await flagByAll(0, 2, { message });
    expect([(await moderation()).score, told("moderation.decided"), await isSuspended(app)]).to.deep.equal([
      2,
      [],
      false,
    ]);
    await flagByAll(2, 12, { message });

    const { decisions, score, mutedUntil } = await moderation();
    expect([score, mutedUntil]).to.deep.equal([12, NOW + HOUR_MS]);
    expect(
      decisions.map(({ threshold, state, score: then, episode }) => [threshold, state, then, episode]),
    ).to.deep.equal([[3, "acted", 3, 1]]);
    expect(kinds(decisions[0]?.actions ?? [])).to.deep.equal(ALL.map(({ kind }) => `${kind} done`));
    expect(await isSuspended(app)).to.equal(true);
    expect(told("moderation.decided")).to.have.lengthOf(1);
    expect(told("user.warned").map(({ payload }) => Object(payload).text)).to.deep.equal(["be kind"]);
    expect(told("user.muted")).to.have.lengthOf(1);
    expect(told("user.suspended")).to.have.lengthOf(1);
    // Who blocks her already is let be.
    const sent = commands.map(({ type, payload }) => [type.split(".")[1], Object(payload).userId]);
    expect(sent).to.have.deep.members([
      ["ModerateMessage", undefined],
      ["ChangeBlocks", "flagger-0"],
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
      const { app, deps, flagByAll, flagging, moderation, events, commands } = await anApp(ALL);
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
      expect(await isSuspended(app)).to.equal(true);
      const ids = new Set([...events, ...commands].map(({ id, type }) => `${type} ${id}`));
      expect(ids.size, `${death}`).to.equal(published);
    }
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
    const { app, deps, flagByAll, flag, moderation } = await anApp([{ kind: "suspend" }]);
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
    expect(await isSuspended(app)).to.equal(true);
  });

  it("is only scored while the policy is not active, and judged with the next flag once it is", async () => {
    const { app, setPolicy, flagByAll, flag, moderation } = await anApp([{ kind: "suspend" }], { isActive: false });
    await flagByAll(0, 5);
    expect([(await moderation()).score, await isSuspended(app)]).to.deep.equal([5, false]);
    await setPolicy({ isActive: true }, 2);
    expect(await isSuspended(app)).to.equal(false);
    await flag("flagger-5");
    expect(await isSuspended(app)).to.equal(true);
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

  describe("a decision that waits", () => {
    const ASKING: readonly ModerationAction[] = [
      { kind: "mute", seconds: 60 },
      { kind: "webhook" },
      { kind: "suspend" },
    ];

    it("has asked once, and goes on when it is confirmed, once", async () => {
      const { app, flagByAll, moderation, review, told } = await anApp(ASKING);
      await flagByAll(0, 5);
      const [decision] = (await moderation()).decisions;
      expect(kinds(decision?.actions ?? [])).to.deep.equal(["mute done", "webhook pending", "suspend waiting"]);
      expect([decision?.state, await isSuspended(app)]).to.deep.equal(["pending", false]);
      const asked = told("moderation.decision_requested").map(({ payload }) => Object(payload).actions);
      expect(asked).to.deep.equal([[{ kind: "suspend" }]]);
      const id = decision?.decisionId ?? "";
      const confirmed = await review(id, "confirm", NOW + 5);
      expect(confirmed).to.have.nested.property("reply.state", "acted");
      expect(confirmed).to.have.nested.property("reply.review.by", "Mia");
      expect(await isSuspended(app)).to.equal(true);
      for (const verdict of ["confirm", "dismiss"] as const) {
        expect(await review(id, verdict)).to.have.nested.property("error.code", "invalid_operation");
      }
      expect((await moderation()).flags.map(({ flag: { state } }) => state)).to.deep.equal(Array(5).fill("upheld"));
      expect(told("moderation.reviewed")).to.have.lengthOf(1);
    });

    it("is not done when it is dismissed, what came before it is undone, and its flags count no more", async () => {
      const { app, flagByAll, flag, moderation, review } = await anApp(ASKING);
      await flagByAll(0, 5);
      const id = (await moderation()).decisions[0]?.decisionId ?? "";
      expect(await isMuted(app)).to.equal(true);
      await review(id, "dismiss");
      const { decisions, score } = await moderation();
      expect(kinds(decisions[0]?.actions ?? [])).to.deep.equal(["mute undone", "webhook skipped", "suspend skipped"]);
      expect([score, await isSuspended(app), await isMuted(app)]).to.deep.equal([0, false, false]);
      await flag("flagger-5", { at: NOW + 1 });
      expect((await moderation()).decisions).to.have.lengthOf(1);
      expect(await review(id, "reverse")).to.have.nested.property("error.code", "invalid_operation");
    });

    it("is dismissed or confirmed with all her flags", async () => {
      for (const [verdict, suspended, state] of [
        ["confirm", true, "acted"],
        ["dismiss", false, "dismissed"],
      ] as const) {
        const { app, deps, flagByAll, moderation, aReview, told } = await anApp(ASKING);
        await flagByAll(0, 3);
        const delivery = aDelivery({ userId: "eve", review: aReview(verdict) }, { app });
        expect(await reviewFlags(deps)(delivery)).to.deep.equal({ kind: "ack" });
        await reviewFlags(deps)(delivery);
        const { decisions, review } = await moderation();
        expect([decisions.map((one) => one.state), await isSuspended(app)]).to.deep.equal([[state], suspended]);
        expect(review).to.deep.equal(aReview(verdict));
        expect(new Set(told("moderation.reviewed").map(({ id }) => id)).size).to.equal(1);
      }
    });
  });

  describe("a decision that is reversed", () => {
    it("is undone as far as it can be, once, and the same flags do not cross again", async () => {
      const { app, deps, flagByAll, flag, moderation, reviewing, commands, told } = await anApp(ALL);
      const message = { messageId: randomUUID(), conversationId: randomUUID() };
      await flagByAll(0, 8, { message });
      const id = (await moderation()).decisions[0]?.decisionId ?? "";
      const delivery = reviewing(id, "reverse");
      commands.length = 0;
      const first = await reviewDecision(deps)(delivery);
      expect(first).to.have.nested.property("reply.state", "reversed");
      expect(await reviewDecision(deps)(delivery)).to.deep.equal(first);
      const undone = ["warn done", "mute undone", "hide_message undone", "block_flaggers undone", "suspend undone"];
      expect(kinds((await moderation()).decisions[0]?.actions ?? [])).to.deep.equal(undone);
      expect([await isSuspended(app), await isMuted(app)]).to.deep.equal([false, false]);
      const sent = commands.map(({ payload }) => [
        Object(payload).userId,
        Object(payload).changes,
        Object(payload).isHidden,
      ]);
      const unblock = [{ kind: "unblock", userId: "eve" }];
      expect(sent).to.have.deep.members([
        ["flagger-0", unblock, undefined],
        ["flagger-1", unblock, undefined],
        ["flagger-2", unblock, undefined],
        [undefined, undefined, false],
      ]);
      expect(told("user.suspended").map(({ payload }) => Object(payload).isSuspended)).to.deep.equal([true, false]);
      expect(await reviewDecision(deps)(reviewing(id, "reverse"))).to.have.nested.property(
        "error.code",
        "invalid_operation",
      );
      await flag("flagger-8", { at: NOW + 1 });
      await flag("flagger-9", { at: NOW + 1 });
      expect((await moderation()).decisions).to.have.lengthOf(1);
      // Three that nobody has judged are another matter.
      await flag("flagger-10", { at: NOW + 1 });
      expect((await moderation()).decisions.map(({ episode }) => episode)).to.deep.equal([2, 1]);
    });

    it("lifts no suspension that was there before it, and none that another decision wants", async () => {
      const { app, deps, flagByAll, moderation, review } = await anApp([{ kind: "suspend" }], {
        thresholds: [3, 5].map((score) => ({ score, actions: [{ kind: "suspend" as const }] })),
      });
      await flagByAll(0, 5);
      const [higher, lower] = (await moderation()).decisions.toSorted((one, other) => other.threshold - one.threshold);
      await review(lower?.decisionId ?? "", "reverse");
      expect(await isSuspended(app)).to.equal(true);
      await review(higher?.decisionId ?? "", "reverse");
      expect(await isSuspended(app)).to.equal(false);

      await suspendUser(deps)(aDelivery({ userId: "eve", isSuspended: true, at: 1 }, { app }));
      await flagByAll(5, 8, { at: NOW + 1 });
      const [third] = (await moderation()).decisions.filter(({ episode }) => episode === 2);
      await review(third?.decisionId ?? "", "reverse");
      expect(await isSuspended(app)).to.equal(true);
    });

    it("is finished by whoever comes next, where its command never comes again", async () => {
      const { app, deps, flagByAll, flag, moderation, reviewing } = await anApp(ALL);
      await flagByAll(0, 3);
      const id = (await moderation()).decisions[0]?.decisionId ?? "";
      await reviewDecision(dyingAt(deps, 2))(reviewing(id, "reverse")).catch(() => null);
      await flag("flagger-3", { at: NOW + 1 });
      const { decisions, score } = await moderation();
      expect([decisions[0]?.state, score, await isSuspended(app), await isMuted(app)]).to.deep.equal([
        "reversed",
        1,
        false,
        false,
      ]);
      expect(
        kinds(decisions[0]?.actions ?? []).filter((one) => one.endsWith("done") && !one.endsWith("undone")),
      ).to.deep.equal(["warn done"]);
    });
  });
});
