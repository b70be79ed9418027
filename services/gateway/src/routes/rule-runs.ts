import { GetRuleRun, ListRuleRuns, type RuleRun, StartRuleRun } from "@strata/contracts";
import { digestOf, intentOf } from "@strata/doors";
import {
  formatUserReference,
  notFound,
  OBJECT_PAGES,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  parsePaging,
  parseRuleRun,
  ruleRunView,
} from "@strata/layer-protocol";
import { z } from "zod";
import { onePage, rowsOfPage } from "../http/page.ts";
import { accepted, type Answer, type Call, ok, type Route } from "../http/route.ts";
import { RuleRunBody, RuleRunView } from "../openapi/membership-rule-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, LayerCount, pagingOf, RulePath, RuleRunPath } from "../openapi/parameters.ts";
import { findRule, ruleIdOf } from "./find-rule.ts";

const collection = "/apps/:app/membership_rules/:rule/runs";

/** A rule applied to all whom it is about, and what came of it. */
export const ruleRunRoutes = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): readonly Route[] => [
  starting(maxBodyBytes),
  listing(),
  getting(),
];

const viewOf = (call: Call, run: RuleRun) =>
  ruleRunView(call.wire, run, (userId) => formatUserReference(call.wire.version, userId));

const starting = (maxBodyBytes: number): Route => ({
  method: "post",
  path: collection,
  access: "conversations:write",
  maxBodyBytes,
  operation: operation({
    id: "startRuleRun",
    tag: "Conversations",
    summary: "Apply a membership rule to everybody whom it is about",
    description:
      "In the background; also a rule that is not active. With `dry_run` nothing is done, and nobody is told.",
    path: RulePath,
    headers: CreationHeaders,
    body: RuleRunBody,
    isBodyOptional: true,
    answer: { status: 202, description: "Begun", schema: RuleRunView },
    errors: [404, 409, 413, 422],
  }),
  handle: start,
});

async function start(call: Call): Promise<Answer> {
  const chosenId = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const wanted = parseRuleRun(call.body);
  const ruleId = ruleIdOf(call);
  const scope = JSON.stringify([call.wire.appId, ruleId, "runs"]);
  const intent = intentOf({ scope, chosenId, idempotencyKey });
  const command = { ruleId, runId: intent.id, ...wanted };
  const run = await call.calls.request(StartRuleRun, command, { id: intent.commandId(() => digestOf(wanted)) });
  return accepted(viewOf(call, run));
}

const listing = (): Route => ({
  method: "get",
  path: collection,
  access: "conversations:read",
  operation: operation({
    id: "listRuleRuns",
    tag: "Conversations",
    summary: "The runs of a membership rule, newest first",
    description: "Those that it began by itself, too. They are kept for 90 days.",
    path: RulePath,
    query: pagingOf(OBJECT_PAGES, "URI or UUID of a run of this rule"),
    answer: { status: 200, description: "One page", schema: z.array(RuleRunView), headers: LayerCount },
    errors: [404, 422],
  }),
  handle: list,
});

async function list(call: Call): Promise<Answer> {
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("rule_runs", text));
  const { ruleId } = await findRule(call);
  const { runs, total } = await call.calls.ask(ListRuleRuns, { ruleId, after: fromId, limit: pageSize });
  return onePage(
    rowsOfPage(runs).map((run) => viewOf(call, run)),
    total,
  );
}

const getting = (): Route => ({
  method: "get",
  path: `${collection}/:run`,
  access: "conversations:read",
  operation: operation({
    id: "getRuleRun",
    tag: "Conversations",
    summary: "A run of a membership rule",
    path: RuleRunPath,
    answer: { status: 200, description: "How far it has come, or what it did", schema: RuleRunView },
    errors: [404],
  }),
  async handle(call) {
    const runId = parseObjectId("rule_runs", call.param("run"));
    const found = runId && (await call.calls.ask(GetRuleRun, { ruleId: ruleIdOf(call), runId })).run;
    if (!found) throw notFound("There is no such run");
    return ok(viewOf(call, found));
  },
});
