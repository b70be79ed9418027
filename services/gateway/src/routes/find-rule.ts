import { GetMembershipRule, type MembershipRule } from "@strata/contracts";
import { notFound, parseObjectId } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";

/**
 * The rule that the path names, by UUID or URI.
 * @throws LayerError 404 `not_found` for what cannot be the id of any
 */
export function ruleIdOf(call: Call): string {
  const ruleId = parseObjectId("membership_rules", call.param("rule"));
  if (ruleId === null) throw notFound("There is no such rule");
  return ruleId;
}

/** @throws LayerError 404 `not_found` */
export async function findRule(call: Call): Promise<MembershipRule> {
  const { rule } = await call.calls.ask(GetMembershipRule, { ruleId: ruleIdOf(call) });
  if (rule === null) throw notFound("There is no such rule");
  return rule;
}
