import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { aCode } from "../../test/invites.ts";
import { aConversationId, openStores } from "../../test/support.ts";
import { newInvite } from "../domain/invite.ts";
import { newRun, ruleKey, type RuleRow } from "../domain/membership-rule.ts";

const Profiled = z.array(
  z.object({
    ns: z.string(),
    command: z.unknown(),
    planSummary: z.string().optional(),
    docsExamined: z.number().default(0),
    hasSortStage: z.boolean().default(false),
  }),
);

/** Among many of others, and of other states: what is asked of invites and of rules reads its own rows by an index. */
describe("what is asked of invites and membership rules", () => {
  const app = anAppId();
  const ann = aUserId();
  const conversationId = aConversationId();
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("invite-indexes");
  });
  after(() => stores[Symbol.asyncDispose]());

  const anInvite = (n: number) =>
    newInvite({
      app,
      inviteId: aConversationId(),
      conversationId: n % 50 === 0 ? conversationId : aConversationId(),
      to: n % 2 === 0 ? { userId: n % 50 === 0 ? ann : aUserId(n + 10) } : { code: aCode(), maxUses: 2 },
      inviter: null,
      metadata: {},
      expiresAt: null,
      at: n,
      by: "test",
      isWaiting: false,
      isUnwanted: false,
    });
  const aRule = (n: number): RuleRow => {
    const ruleId = aConversationId();
    const times = { createdAt: n, updatedAt: n, nextRunAt: n === 0 ? 1 : null, deletedAt: null };
    const filter = { field: "user_id", eq: "x" } as const;
    const terms = { kind: "leave", filter, inactiveMs: 1, joinRuleId: null, warning: null, everyMs: 1 } as const;
    const own = n < 3 ? app : anAppId();
    return {
      _id: ruleKey(own, ruleId),
      app: own,
      ruleId,
      name: "x",
      isActive: true,
      terms,
      ...times,
      current: 0,
      by: "x",
    };
  };

  it("reads by an index what it wants, and sorts next to nothing", async () => {
    const invites = await Promise.all(Array.from({ length: 200 }, (_, n) => stores.invites.insertOrFind(anInvite(n))));
    const rules = await Promise.all(Array.from({ length: 100 }, (_, n) => stores.rules.put(aRule(n))));
    const [rule] = rules;
    const invite = invites.find(({ user }) => user === ann);
    const coded = invites.find(({ code }) => code !== null);
    if (!rule || !invite || !coded) throw new Error("unreachable: they were made");
    const runs = await Promise.all(
      rules.map((one, n) =>
        stores.runs.insertOrFind(newRun({ rule: one, runId: aConversationId(), isDryRun: true, at: n + 1, by: "x" })),
      ),
    );
    await stores.members.insertNew(
      Array.from({ length: 100 }, (_, n) => ({
        app,
        ruleId: n === 0 ? rule.ruleId : aConversationId(),
        user: n === 0 ? ann : aUserId(n + 10),
        conversationId: null,
        at: 1,
        run: "x",
      })),
    );

    await stores.db.command({ profile: 2 });
    const page = { after: null, limit: 5 };
    await stores.invites.findByCode(app, coded.code ?? "");
    await stores.invites.findPending(app, conversationId, ann, 1);
    await stores.invites.countPending(app, conversationId, 1);
    for (const state of [null, "pending", "expired", "revoked"] as const) {
      await stores.invites.list(app, conversationId, { state, now: 1 }, page);
      await stores.invites.count(app, conversationId, { state, now: 1 });
    }
    await stores.invites.listFor(app, ann, 1, { after: invite, limit: 5 });
    await stores.invites.countFor(app, ann, 1);
    await stores.invites.use(coded, { user: ann, at: 1, by: "x", wasIn: false });
    await stores.invites.show(app, conversationId, 1);
    await stores.invites.endAll(app, conversationId, "expired");
    await stores.invites.forget(app, ann, 1_000);
    await stores.invites.purge(app, conversationId, 5);
    await stores.rules.list(app);
    await stores.rules.findDue(5);
    await stores.rules.moveOn(rule, 9);
    await stores.runs.list(app, rule.ruleId, runs[0] ?? null, 5);
    await stores.runs.count(app, rule.ruleId);
    await stores.runs.claimDue(1, 5);
    await stores.members.find(rule, [ann]);
    await stores.members.keep(rule, [ann], { run: "y", at: 2 });
    await stores.members.dropOthers(rule, { run: "y", startedAt: 2 });
    await stores.members.forget(app, ann, 5);
    await stores.db.command({ profile: 0 });

    const names = ["invites", "membership_rules", "rule_runs", "rule_members"];
    const ns = { $in: names.map((name) => `${stores.db.databaseName}.${name}`) };
    const found = Profiled.parse(await stores.db.collection("system.profile").find({ ns }).toArray());
    const plans = found.filter(({ planSummary }) => planSummary !== undefined);
    expect(plans).to.have.length.of.at.least(25);
    for (const { planSummary, docsExamined, command } of plans) {
      expect(planSummary).to.match(/^(IDHACK|IXSCAN |COUNT_SCAN )/);
      expect(docsExamined, JSON.stringify(command)).to.be.at.most(10);
    }
    // What has expired stands in two states: those of one conversation are put in order by hand.
    expect(plans.filter(({ hasSortStage }) => hasSortStage)).to.have.length.of.at.most(1);
  });
});
