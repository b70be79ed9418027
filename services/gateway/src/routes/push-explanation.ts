import { ExplainPush, type PayloadOf, type ReplyOf } from "@strata/contracts";
import {
  formatOptionalTime,
  invalidProperty,
  notFound,
  parseBySchema,
  parseObjectId,
  requireUserId,
} from "@strata/layer-protocol";
import type { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { PushExplanationQuery, PushExplanationView } from "../openapi/push-policy-schemas.ts";
import type { KnownUsers } from "./known-users.ts";

export const explainPush = ({ users }: { readonly users: KnownUsers }): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/push_explanation",
  access: "pushes:read",
  operation: operation({
    id: "explainPush",
    tag: "Pushes",
    summary: "What would become of a push to a user now, and which policy decides it",
    description:
      "Of an announcement (`announcement_id`), of a message (`message_id`), or of any push of a category, before there is " +
      "one. Decided by what decides when pushes are sent; nothing is sent, and nothing counts against a cap.",
    path: UserPath,
    query: PushExplanationQuery,
    answer: { status: 200, description: "The decision, and how it came about", schema: PushExplanationView },
    errors: [404, 422],
  }),
  handle: (call) => explain(call, users),
});

async function explain(call: Call, users: KnownUsers): Promise<Answer> {
  const question = questionOf(parseBySchema(PushExplanationQuery, call.query));
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  const { explanation } = await call.calls.ask(ExplainPush, { userId, ...question });
  if (explanation === null) throw noSubject(question.subject.kind);
  return ok(explanationView(userId, explanation));
}

type Question = Omit<PayloadOf<typeof ExplainPush>, "userId">;

const noSubject = (kind: Question["subject"]["kind"]) => notFound(`There is no such ${kind}`);

function questionOf(query: z.infer<typeof PushExplanationQuery>): Question {
  const { announcement_id: announcement, message_id: message, kind, category, urgent } = query;
  if (announcement === undefined && message === undefined) {
    const subject = { kind: kind ?? ("announcement" as const), id: null };
    return { subject, category: category ?? null, isUrgent: urgent === "true" };
  }
  // What there is says of itself what it is.
  for (const [name, value] of Object.entries({ kind, category, urgent })) {
    if (value !== undefined)
      throw invalidProperty(name, "is not asked for where an announcement or a message is named");
  }
  if (announcement !== undefined && message !== undefined) {
    throw invalidProperty("message_id", "is not asked for where an announcement is named");
  }
  return { subject: subjectOf(announcement, message), category: null, isUrgent: false };
}

function subjectOf(announcement: string | undefined, message: string | undefined): Question["subject"] {
  const [kind, id] =
    announcement === undefined
      ? (["message", parseObjectId("messages", message ?? "")] as const)
      : (["announcement", parseObjectId("announcements", announcement)] as const);
  if (id === null) throw noSubject(kind);
  return { kind, id };
}

type Explanation = NonNullable<ReplyOf<typeof ExplainPush>["explanation"]>;

const explanationView = (userId: string, explanation: Explanation) => ({
  user_id: userId,
  decision: explanation.decision,
  policy: explanation.policy,
  until: formatOptionalTime(explanation.until),
  category: explanation.category,
  time_zone: explanation.timeZone,
  devices: explanation.devices,
  checks: explanation.checks,
});
