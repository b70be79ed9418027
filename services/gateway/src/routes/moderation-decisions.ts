import { GetDecision, type ModerationDecision, type Review, ReviewDecision } from "@strata/contracts";
import { type LayerError, notFound, parseObjectId } from "@strata/layer-protocol";
import { decisionView, parseReversal, parseReview } from "../domain/moderation.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { DecisionPath, DecisionView, ReversalBody, ReviewBody } from "../openapi/moderation-schemas.ts";
import { operation } from "../openapi/operation.ts";

const path = "/apps/:app/moderation/decisions/:decision";

/** What was decided about users whom others flagged, and what people say of it. */
export const moderationDecisionRoutes = (maxBodyBytes: number): readonly Route[] => [
  {
    method: "get",
    path,
    access: "users:read",
    operation: operation({
      id: "getModerationDecision",
      tag: "Moderation",
      summary: "A decision, with its flags and what became of each action",
      path: DecisionPath,
      answer: { status: 200, description: "The decision", schema: DecisionView },
      errors: [404],
    }),
    handle: async (call) => ok(decisionView(call.wire, await findDecision(call))),
  },
  {
    method: "post",
    path,
    access: "users:write",
    maxBodyBytes,
    operation: operation({
      id: "reviewModerationDecision",
      tag: "Moderation",
      summary: "Confirm or dismiss a decision that waits",
      description:
        "Confirmed, the actions that wait are done. Dismissed, they are not, those before them are undone, and no flag of hers " +
        "up to now counts any more. One that does not wait is 422 `invalid_operation`.",
      path: DecisionPath,
      body: ReviewBody,
      answer: { status: 200, description: "The decision as it is now", schema: DecisionView },
      errors: [404, 413, 422],
    }),
    handle: (call) => review(call, parseReview(call.body)),
  },
  {
    method: "post",
    path: `${path}/reverse`,
    access: "users:write",
    maxBodyBytes,
    operation: operation({
      id: "reverseModerationDecision",
      tag: "Moderation",
      summary: "Take a decision back",
      description:
        "Suspension, mute, hidden messages and the blocks that it made are undone, once; a second time is 422 " +
        "`invalid_operation`. No flag of hers up to now counts any more, so that they do not cross the threshold again.",
      path: DecisionPath,
      body: ReversalBody,
      answer: { status: 200, description: "The decision as it is now", schema: DecisionView },
      errors: [404, 413, 422],
    }),
    handle: (call) => review(call, parseReversal(call.body)),
  },
];

async function review(call: Call, said: Review): Promise<Answer> {
  const { userId, decisionId } = await findDecision(call);
  const decision = await call.calls.request(ReviewDecision, { userId, decisionId, review: said });
  return ok(decisionView(call.wire, decision));
}

async function findDecision(call: Call): Promise<ModerationDecision> {
  const decisionId = parseObjectId("decisions", call.param("decision"));
  if (decisionId === null) throw noDecision();
  const { decision } = await call.calls.ask(GetDecision, { decisionId });
  if (decision === null) throw noDecision();
  return decision;
}

const noDecision = (): LayerError => notFound("There is no such decision");
