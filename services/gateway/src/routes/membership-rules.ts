import { DeleteMembershipRule, ListMembershipRules, PutMembershipRule } from "@strata/contracts";
import { conversationLimits, type ProfileCache, requireMessages, type SettingsCache } from "@strata/doors";
import { membershipRuleView, parseMembershipRule } from "@strata/layer-protocol";
import { z } from "zod";
import { requireScope } from "../http/authentication.ts";
import { onePage } from "../http/page.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { MembershipRuleBody, MembershipRuleView } from "../openapi/membership-rule-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, LayerCount, RulePath } from "../openapi/parameters.ts";
import { findRule, ruleIdOf } from "./find-rule.ts";
import { ruleRunRoutes } from "./rule-runs.ts";
import { actorOf } from "./actor-of.ts";

export interface RuleDeps {
  readonly settings: Pick<SettingsCache, "of">;
  readonly profiles: ProfileCache;
  readonly maxBodyBytes: number;
  readonly maxPartBytes: number;
}

const collection = "/apps/:app/membership_rules";
const path = `${collection}/:rule`;

/** Who comes into conversations by signing up, and goes by staying away: an extension. */
export const membershipRuleRoutes = (deps: RuleDeps): readonly Route[] => [
  listing(),
  putting(deps),
  getting(),
  deleting(),
  ...ruleRunRoutes(deps),
];

const listing = (): Route => ({
  method: "get",
  path: collection,
  access: "conversations:read",
  operation: operation({
    id: "listMembershipRules",
    tag: "Conversations",
    summary: "An app's membership rules, the oldest first",
    path: AppPath,
    answer: { status: 200, description: "All of them", schema: z.array(MembershipRuleView), headers: LayerCount },
  }),
  async handle(call) {
    const { rules } = await call.calls.ask(ListMembershipRules, {});
    return onePage(
      rules.map((rule) => membershipRuleView(call.wire, rule)),
      rules.length,
    );
  },
});

const putting = (deps: RuleDeps): Route => ({
  method: "put",
  path,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: "putMembershipRule",
    tag: "Conversations",
    summary: "Set a membership rule",
    description:
      "Whole, under a UUID that the caller chooses. `join`: whose identity is created while the rule is active, and who " +
      "matches, takes part in the rule's conversation; each user once, whatever becomes of her there. Who is there already " +
      "joins by a run. `leave`: it is looked for who has not been seen for long every so often. What a rule has done stays " +
      "when it is changed. Runs under way stop. With a filter it also wants the scope `users:read`, with a warning " +
      "`announcements:write`.",
    path: RulePath,
    body: MembershipRuleBody,
    answer: { status: 200, description: "The rule as it is now", schema: MembershipRuleView },
    errors: [403, 404, 410, 413, 422],
  }),
  handle: (call) => put(call, deps),
});

async function put(call: Call, deps: RuleDeps): Promise<Answer> {
  const ruleId = ruleIdOf(call);
  const now = Date.now();
  const limits = await conversationLimits(deps.settings, call);
  const { maxPartsPerMessage } = await deps.settings.of(call);
  const parts = { maxParts: maxPartsPerMessage, maxPartBytes: deps.maxPartBytes };
  const wanted = parseMembershipRule(call.body, { version: call.wire.version, now, ...limits, ...parts });
  // Its runs tell who matches, and it may be made for nothing else.
  if (wanted.terms.filter !== null) requireScope(call.grant, "users:read", ", which a filter wants");
  if (wanted.terms.kind === "leave" && wanted.terms.warning) {
    requireScope(call.grant, "announcements:write", ", for a warning is an announcement");
    await requireMessages(call, deps, "leave.warning", [wanted.terms.warning.message]);
  }
  const rule = await call.calls.request(PutMembershipRule, { ruleId, ...wanted, at: now, actor: actorOf(call) });
  return ok(membershipRuleView(call.wire, rule));
}

const getting = (): Route => ({
  method: "get",
  path,
  access: "conversations:read",
  operation: operation({
    id: "getMembershipRule",
    tag: "Conversations",
    summary: "A membership rule",
    path: RulePath,
    answer: { status: 200, description: "The rule", schema: MembershipRuleView },
    errors: [404],
  }),
  handle: async (call) => ok(membershipRuleView(call.wire, await findRule(call))),
});

const deleting = (): Route => ({
  method: "delete",
  path,
  access: "conversations:write",
  operation: operation({
    id: "deleteMembershipRule",
    tag: "Conversations",
    summary: "Delete a membership rule",
    description:
      "Its conversations stay, and who is in them. Runs under way stop. Set once more, it goes on where it was.",
    path: RulePath,
    answer: { status: 204, description: "Deleted" },
    errors: [404],
  }),
  async handle(call) {
    await call.calls.request(DeleteMembershipRule, { ruleId: ruleIdOf(call), at: Date.now(), actor: actorOf(call) });
    return noContent;
  },
});
