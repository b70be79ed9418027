import { randomUUID } from "node:crypto";
import { type BlocksChange, ChangeBlocks, type ModerationAction, type ModerationPolicy } from "@strata/contracts";
import { expect } from "chai";
import { ALL, aReview, dyingAt, flaggers, kinds, moderatedApp, NOW } from "../../test/moderation.ts";
import { aDelivery, openStores } from "../../test/support.ts";
import { changeBlocks } from "./change-blocks.ts";
import { reviewDecision, reviewFlags } from "./review-moderation.ts";
import { suspendUser } from "./suspend-user.ts";

describe("what people say of decisions", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("review-moderation");
  });
  after(() => stores[Symbol.asyncDispose]());

  const anApp = (actions: readonly ModerationAction[], extra: Partial<ModerationPolicy> = {}) =>
    moderatedApp(stores, actions, extra);

  /** Two decisions about her, the earlier one first, and what takes one back and carries out what it commands. */
  async function twoDecisions(actions: readonly ModerationAction[]) {
    const thresholds = [3, 5].map((score) => ({ score, actions: [...actions] }));
    const about = await anApp(actions, { thresholds });
    const block = (changes: readonly BlocksChange[], flagger: string, decisionId?: string) =>
      changeBlocks(about.deps)(
        aDelivery(
          { userId: flagger, changes: [...changes], makeKnown: false, at: NOW, decisionId },
          { app: about.app },
        ),
      );
    const carryOut = async () => {
      for (const { payload } of about.commands.splice(0)) {
        const { userId, changes, decisionId } = ChangeBlocks.payload.parse(payload);
        await block(changes, userId, decisionId);
      }
    };
    await about.flagByAll(0, 3);
    await carryOut();
    await about.flagByAll(3, 5);
    await carryOut();
    const blockers = async () =>
      (await stores.blocks.among(about.app, [{ senderId: "eve", userIds: flaggers }])).map(({ owner }) => owner);
    const decisions = (await about.moderation()).decisions.toSorted((one, other) => one.threshold - other.threshold);
    const [first = "", second = ""] = decisions.map(({ decisionId }) => decisionId);
    const reverse = async (decisionId: string) => {
      await about.review(decisionId, "reverse");
      await carryOut();
    };
    return { ...about, first, second, reverse, block, blockers };
  }

  describe("a decision that waits", () => {
    const ASKING: readonly ModerationAction[] = [
      { kind: "mute", seconds: 60 },
      { kind: "webhook" },
      { kind: "suspend" },
    ];

    it("has asked once, and goes on when it is confirmed, once", async () => {
      const { flagByAll, moderation, review, told, isSuspended } = await anApp(ASKING);
      await flagByAll(0, 5);
      const [decision] = (await moderation()).decisions;
      expect(kinds(decision?.actions ?? [])).to.deep.equal(["mute done", "webhook pending", "suspend waiting"]);
      expect([decision?.state, await isSuspended()]).to.deep.equal(["pending", false]);
      const asked = told("moderation.decision_requested").map(({ payload }) => Object(payload).actions);
      expect(asked).to.deep.equal([[{ kind: "suspend" }]]);
      const id = decision?.decisionId ?? "";
      const confirmed = await review(id, "confirm", NOW + 5);
      expect(confirmed).to.have.nested.property("reply.state", "acted");
      expect(confirmed).to.have.nested.property("reply.review.by", "Mia");
      expect(await isSuspended()).to.equal(true);
      for (const verdict of ["confirm", "dismiss"] as const) {
        expect(await review(id, verdict)).to.have.nested.property("error.code", "invalid_operation");
      }
      expect((await moderation()).flags.map(({ flag: { state } }) => state)).to.deep.equal(Array(5).fill("upheld"));
      expect(told("moderation.reviewed")).to.have.lengthOf(1);
    });

    it("is not done when it is dismissed, what came before it is undone, and its flags count no more", async () => {
      const { flagByAll, flag, moderation, review, isSuspended, isMuted } = await anApp(ASKING);
      await flagByAll(0, 5);
      const id = (await moderation()).decisions[0]?.decisionId ?? "";
      expect(await isMuted()).to.equal(true);
      await review(id, "dismiss");
      const { decisions, score } = await moderation();
      expect(kinds(decisions[0]?.actions ?? [])).to.deep.equal(["mute undone", "webhook skipped", "suspend skipped"]);
      expect([score, await isSuspended(), await isMuted()]).to.deep.equal([0, false, false]);
      await flag("flagger-5", { at: NOW + 1 });
      expect((await moderation()).decisions).to.have.lengthOf(1);
      expect(await review(id, "reverse")).to.have.nested.property("error.code", "invalid_operation");
    });

    it("is dismissed or confirmed with all her flags", async () => {
      for (const [verdict, suspended, state] of [
        ["confirm", true, "acted"],
        ["dismiss", false, "dismissed"],
      ] as const) {
        const { app, deps, flagByAll, moderation, told, isSuspended } = await anApp(ASKING);
        await flagByAll(0, 3);
        const delivery = aDelivery({ userId: "eve", review: aReview(verdict) }, { app });
        expect(await reviewFlags(deps)(delivery)).to.deep.equal({ kind: "ack" });
        await reviewFlags(deps)(delivery);
        const { decisions, review } = await moderation();
        expect([decisions.map((one) => one.state), await isSuspended()]).to.deep.equal([[state], suspended]);
        expect(review).to.deep.equal(aReview(verdict));
        expect(new Set(told("moderation.reviewed").map(({ id }) => id)).size).to.equal(1);
      }
    });
  });

  describe("a decision that is reversed", () => {
    it("is undone as far as it can be, once, and the same flags do not cross again", async () => {
      const { deps, flagByAll, flag, moderation, reviewing, commands, told, isSuspended, isMuted } = await anApp(ALL);
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
      expect([await isSuspended(), await isMuted()]).to.deep.equal([false, false]);
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
      const { app, deps, flagByAll, moderation, review, isSuspended } = await anApp([{ kind: "suspend" }], {
        thresholds: [3, 5].map((score) => ({ score, actions: [{ kind: "suspend" as const }] })),
      });
      await flagByAll(0, 5);
      const [higher, lower] = (await moderation()).decisions.toSorted((one, other) => other.threshold - one.threshold);
      await review(lower?.decisionId ?? "", "reverse");
      expect(await isSuspended()).to.equal(true);
      await review(higher?.decisionId ?? "", "reverse");
      expect(await isSuspended()).to.equal(false);

      await suspendUser(deps)(aDelivery({ userId: "eve", isSuspended: true, at: 1 }, { app }));
      await flagByAll(5, 8, { at: NOW + 1 });
      const third = (await moderation()).decisions.find(({ episode }) => episode === 2);
      await review(third?.decisionId ?? "", "reverse");
      expect(await isSuspended()).to.equal(true);
    });

    it("lifts no suspension by her backend from after it, which lifts all there are", async () => {
      const { app, deps, first, second, reverse, isSuspended, told } = await twoDecisions([{ kind: "suspend" }]);
      const byBackend = (suspended: boolean) =>
        suspendUser(deps)(aDelivery({ userId: "eve", isSuspended: suspended, at: NOW }, { app }));
      await byBackend(true);
      await reverse(first);
      await reverse(second);
      expect(await isSuspended()).to.equal(true);
      expect(told("user.suspended")).to.have.lengthOf(1);
      await byBackend(false);
      expect(await isSuspended()).to.equal(false);
      expect(told("user.suspended").map(({ payload }) => Object(payload).isSuspended)).to.deep.equal([true, false]);

      const again = await twoDecisions([{ kind: "suspend" }]);
      await suspendUser(again.deps)(aDelivery({ userId: "eve", isSuspended: false, at: NOW }, { app: again.app }));
      expect(await again.isSuspended()).to.equal(false);
    });

    it("leaves a suspension alone that was there before reasons were kept", async () => {
      const { app, first, second, reverse, isSuspended } = await twoDecisions([{ kind: "suspend" }]);
      await stores.db.collection("identities").updateOne({ app, userId: "eve" }, { $unset: { suspendedBy: true } });
      await reverse(first);
      await reverse(second);
      expect(await isSuspended()).to.equal(true);
    });

    it("unblocks her for nobody who has blocked her himself since", async () => {
      const { first, second, reverse, block, blockers } = await twoDecisions([{ kind: "block_flaggers" }]);
      await block([{ kind: "block", userId: "eve" }], "flagger-1");
      await block([{ kind: "unblock", userId: "eve" }], "flagger-2");
      await reverse(first);
      await reverse(second);
      expect(await blockers()).to.deep.equal(["flagger-1"]);
    });

    it("leaves what another decision wants too, whichever of the two is taken back first", async () => {
      const actions: readonly ModerationAction[] = [
        { kind: "mute", seconds: 3_600 },
        { kind: "block_flaggers" },
        { kind: "suspend" },
      ];
      for (const isFirstFirst of [true, false]) {
        const { first, second, reverse, blockers, isSuspended, isMuted, told } = await twoDecisions(actions);
        const [earlier, later] = isFirstFirst ? [first, second] : [second, first];
        expect(await blockers()).to.have.members(flaggers.slice(0, 5));
        await reverse(earlier);
        expect(await blockers()).to.have.members(flaggers.slice(0, isFirstFirst ? 5 : 3));
        expect([await isSuspended(), await isMuted()]).to.deep.equal([true, true]);
        await reverse(later);
        expect([await blockers(), await isSuspended(), await isMuted()]).to.deep.equal([[], false, false]);
        const until = NOW + 3_600_000;
        const mutes = told("user.muted").map(({ payload }) => Object(payload).mutedUntil);
        expect(mutes).to.deep.equal([until, until, until, null]);
      }
    });

    it("is finished by whoever comes next, where its command never comes again", async () => {
      const { deps, flagByAll, flag, moderation, reviewing, isSuspended, isMuted } = await anApp(ALL);
      await flagByAll(0, 3);
      const id = (await moderation()).decisions[0]?.decisionId ?? "";
      await reviewDecision(dyingAt(deps, 2))(reviewing(id, "reverse")).catch(() => null);
      await flag("flagger-3", { at: NOW + 1 });
      const { decisions, score } = await moderation();
      expect([decisions[0]?.state, score, await isSuspended(), await isMuted()]).to.deep.equal([
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
