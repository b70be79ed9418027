import { GetModeration, ListModerationQueue, QueueOrder, ReviewFlags, SimulateModeration } from "@strata/contracts";
import {
  formatTime,
  formatUserReference,
  invalidProperty,
  notFound,
  OBJECT_PAGES,
  parsePaging,
  parseUserCursor,
  requireUserId,
} from "@strata/layer-protocol";
import { z } from "zod";
import { moderationView, parseReview, parseSimulation, queuedUserView } from "../domain/moderation.ts";
import { actionView } from "../domain/moderation-policy.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import {
  ModerationView,
  QueuedUserView,
  ReviewBody,
  SimulationBody,
  SimulationQuery,
  SimulationView,
} from "../openapi/moderation-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, LayerCount, pagingOf, UserPath } from "../openapi/parameters.ts";

const path = "/apps/:app/users/:user/moderation";

/** Who was flagged, why that came to what it did, who waits for a person, and who would have under another policy. */
export const moderatedUserRoutes = (maxBodyBytes: number): readonly Route[] => [
  explaining(),
  reviewing(maxBodyBytes),
  queueing(),
  simulating(maxBodyBytes),
];

const explaining = (): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getModeration",
    tag: "Moderation",
    summary: "Why a user's flags came to what they did",
    description:
      "Her newest 1,000 flags with what each weighs now and else why not, the score, and her newest 100 decisions with each " +
      "action's state.",
    path: UserPath,
    answer: { status: 200, description: "All of it", schema: ModerationView },
    errors: [404, 422],
  }),
  async handle(call) {
    const userId = requireUserId(call.param("user"));
    const { moderation } = await call.calls.ask(GetModeration, { userId, at: Date.now() });
    if (moderation === null) throw notFound("There is no such user");
    return ok(moderationView(call.wire, moderation));
  },
});

const reviewing = (maxBodyBytes: number): Route => ({
  method: "post",
  path: `${path}/review`,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "reviewFlags",
    tag: "Moderation",
    summary: "Say of all flags against a user that they are right, or not",
    description:
      "The same is said of each decision about her that waits. She leaves the queue until she is flagged again. Dismissed flags " +
      "count no more; what was decided and done before stays, unless its decision is reversed.",
    path: UserPath,
    body: ReviewBody,
    answer: { status: 204, description: "Said" },
    errors: [404, 413, 422],
  }),
  async handle(call) {
    const userId = requireUserId(call.param("user"));
    await call.calls.request(ReviewFlags, { userId, review: parseReview(call.body) });
    return noContent;
  },
});

const queueing = (): Route => ({
  method: "get",
  path: "/apps/:app/moderation/queue",
  access: "users:read",
  operation: operation({
    id: "listModerationQueue",
    tag: "Moderation",
    summary: "Users about whom a person has to say something",
    description: "Those with open flags, or with decisions that wait. The score is as of the last change of her flags.",
    path: AppPath,
    query: pagingOf(OBJECT_PAGES, "Identity URI or user id of one of this list").extend({
      sort_by: QueueOrder.default("score").meta({ description: "The highest score first, or what waits longest" }),
    }),
    answer: { status: 200, description: "One page", schema: z.array(QueuedUserView), headers: LayerCount },
    errors: [404, 422],
  }),
  handle: queue,
});

async function queue(call: Call): Promise<Answer> {
  const order = QueueOrder.safeParse(call.query["sort_by"] ?? "score");
  if (!order.success) throw invalidProperty("sort_by", `must be one of ${QueueOrder.options.join(", ")}`);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, parseUserCursor);
  const question = { order: order.data, after: fromId, limit: pageSize };
  const { users, total } = await call.calls.ask(ListModerationQueue, question);
  return onePage(
    rowsOfPage(users).map((user) => queuedUserView(call.wire, user)),
    total,
  );
}

const simulating = (maxBodyBytes: number): Route => ({
  method: "post",
  path: "/apps/:app/moderation/policy/simulate",
  access: "users:read",
  maxBodyBytes,
  operation: operation({
    id: "simulateModerationPolicy",
    tag: "Moderation",
    summary: "Who would have been acted on by a policy, when, and by which threshold",
    description:
      "Goes through flags as they came since a time, as if the policy had been in force; nothing is changed. An answer looks at " +
      "200 flagged users: go on with `from_id` until `next_from_id` is null. Whether a flagger's word counts is judged as of now, " +
      "and of each user her newest 1,000 flags are looked at.",
    path: AppPath,
    query: SimulationQuery,
    body: SimulationBody,
    answer: { status: 200, description: "What it would have done to these", schema: SimulationView },
    errors: [404, 413, 422],
  }),
  handle: simulate,
});

async function simulate(call: Call): Promise<Answer> {
  const wanted = parseSimulation(call.body);
  const { fromId } = parsePaging(call.query, OBJECT_PAGES, parseUserCursor);
  const { lookedAt, users, next } = await call.calls.ask(SimulateModeration, {
    ...wanted,
    after: fromId,
    at: Date.now(),
  });
  return ok({
    flagged_users: lookedAt,
    users: users.map(({ userId, decisions }) => ({
      user: formatUserReference(call.wire.version, userId),
      decisions: decisions.map(({ threshold, score, at, actions }) => ({
        threshold,
        score,
        at: formatTime(at),
        actions: actions.map(actionView),
      })),
    })),
    next_from_id: next === null ? null : formatUserReference(call.wire.version, next),
  });
}
