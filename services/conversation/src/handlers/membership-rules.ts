import {
  type Actor,
  type DeleteMembershipRule,
  type EmptyReply,
  type GetMembershipRule,
  type GetRuleRun,
  type ListMembershipRules,
  type ListRuleRuns,
  MatchesAudience,
  MAX_MEMBERSHIP_RULES,
  type MembershipRule,
  type PayloadOf,
  type PutMembershipRule,
  type ReplyOf,
  type RuleRun,
  type StartRuleRun,
} from "@strata/contracts";
import {
  ack,
  type Client,
  type Delivery,
  type Outcome,
  type Publisher,
  recordAct,
  refuse,
  reply,
} from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { newRun, ruleKey, ruleOf, type RuleRow, runOf } from "../domain/membership-rule.ts";
import type { MembershipRuleStore } from "../store/membership-rule-store.ts";
import type { RuleRunStore } from "../store/rule-run-store.ts";

interface Deps {
  readonly rules: MembershipRuleStore;
  readonly runs: RuleRunStore;
  readonly client: Client;
  readonly publisher: Pick<Publisher, "send">;
  readonly now: () => number;
}

type Putting = Delivery<PayloadOf<typeof PutMembershipRule>>;

/** Sets a rule, whole. What it has done stays what it did. */
export const putMembershipRule =
  ({ rules, client, publisher }: Deps) =>
  async (delivery: Putting): Promise<Outcome<MembershipRule>> => {
    const { app, id, payload } = delivery;
    const { ruleId, name, isActive, terms, at } = payload;
    const found = await rules.find(app, ruleId);
    const refusal = await refusalOf(rules, found, delivery);
    if (refusal) return refuse(refusal);
    // The directory knows which filters are none: it refuses them when it is asked about anybody.
    if (terms.filter !== null) {
      await client.ask(MatchesAudience, app, { filter: terms.filter, userId: "anybody" }, { cause: delivery });
    }
    const nextRunAt = isActive && terms.kind === "leave" ? at + terms.everyMs : null;
    const _id = ruleKey(app, ruleId);
    const times = { createdAt: at, updatedAt: at, nextRunAt, deletedAt: null };
    const row = await rules.put({ _id, app, ruleId, name, isActive, terms, ...times, current: 0, by: id });
    if (row.by === id) await note(publisher, delivery, found, row);
    return row.deletedAt === null ? reply(ruleOf(row)) : refuse(new DomainError("object_deleted", { ruleId }));
  };

const refused = (property: string, reason: string): DomainError =>
  new DomainError("invalid_property", { property }, { message: `${property} ${reason}` });

async function refusalOf(rules: MembershipRuleStore, found: RuleRow | null, { app, payload }: Putting) {
  const { terms } = payload;
  if (found && found.terms.kind !== terms.kind)
    return refused(terms.kind, `cannot be: the rule is one to ${found.terms.kind}`);
  if (terms.kind === "leave" && terms.joinRuleId !== null) {
    const joined = await rules.find(app, terms.joinRuleId);
    if (joined?.deletedAt !== null || joined.terms.kind !== "join") {
      return refused("leave.join_rule", "names no rule by which anybody joins");
    }
  }
  if (found?.deletedAt === null || (await rules.list(app)).length < MAX_MEMBERSHIP_RULES) return null;
  return refused("rules", `must be at most ${MAX_MEMBERSHIP_RULES} of an app`);
}

/** Ends a rule. Again: the same. */
export const deleteMembershipRule =
  ({ rules, publisher }: Pick<Deps, "rules" | "publisher">) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteMembershipRule>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload } = delivery;
    const row = await rules.find(app, payload.ruleId);
    if (!row || (row.deletedAt !== null && row.by !== id)) return refuse(new DomainError("not_found"));
    const { at } = payload;
    const ended = { ...row, isActive: false, nextRunAt: null, deletedAt: at, updatedAt: at, by: id };
    await rules.put(ended);
    await note(publisher, delivery, row, ended);
    return ack;
  };

/** Has it written down who set or ended a rule. What was there is as it was read, so of two at once the second may say the same. */
async function note(
  publisher: Pick<Publisher, "send">,
  delivery: Delivery<{ readonly actor?: Actor | undefined }>,
  before: RuleRow | null,
  after: RuleRow,
): Promise<void> {
  const isEnded = after.deletedAt !== null;
  await recordAct(publisher, delivery, {
    action: isEnded ? "membership_rule.deleted" : "membership_rule.set",
    subject: { kind: "membership_rule", id: after.ruleId },
    before: before?.deletedAt === null ? factsOf(before) : null,
    after: isEnded ? null : factsOf(after),
  });
}

const factsOf = ({ name, isActive, terms }: RuleRow) => ({ name, isActive, kind: terms.kind });

/** Begins to apply a rule to all whom it is about. */
export const startRuleRun =
  ({ rules, runs, now }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof StartRuleRun>>): Promise<Outcome<RuleRun>> => {
    const { app, id, payload } = delivery;
    const rule = await rules.find(app, payload.ruleId);
    if (rule?.deletedAt !== null) return refuse(new DomainError("not_found"));
    const { runId, isDryRun } = payload;
    const run = await runs.insertOrFind(newRun({ rule, runId, isDryRun, at: now(), by: id }));
    return run.by === id ? reply(runOf(run)) : refuse(new DomainError("id_in_use"));
  };

export const getMembershipRule =
  ({ rules }: Pick<Deps, "rules">) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof GetMembershipRule>>): Promise<Outcome<ReplyOf<typeof GetMembershipRule>>> => {
    const row = await rules.find(app, payload.ruleId);
    return reply({ rule: row?.deletedAt === null ? ruleOf(row) : null });
  };

export const listMembershipRules =
  ({ rules }: Pick<Deps, "rules">) =>
  async ({
    app,
  }: Delivery<PayloadOf<typeof ListMembershipRules>>): Promise<Outcome<ReplyOf<typeof ListMembershipRules>>> =>
    reply({ rules: (await rules.list(app)).map(ruleOf) });

export const getRuleRun =
  ({ runs }: Pick<Deps, "runs">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetRuleRun>>): Promise<Outcome<ReplyOf<typeof GetRuleRun>>> => {
    const row = await runs.find(app, payload.ruleId, payload.runId);
    return reply({ run: row && runOf(row) });
  };

export const listRuleRuns =
  ({ runs }: Pick<Deps, "runs">) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof ListRuleRuns>>): Promise<Outcome<ReplyOf<typeof ListRuleRuns>>> => {
    const { ruleId, after, limit } = payload;
    const from = after === null ? null : await runs.find(app, ruleId, after);
    if (after !== null && from === null) return reply({ runs: null, total: 0 });
    const [rows, total] = await Promise.all([runs.list(app, ruleId, from, limit), runs.count(app, ruleId)]);
    return reply({ runs: rows.map(runOf), total });
  };
