import {
  type CountFlags,
  type EmptyReply,
  ModerationDecision,
  ModerationReviewed,
  type PayloadOf,
  type Review,
  type ReviewDecision,
  type ReviewFlags,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type DecisionRow, reviewed } from "../domain/decision.ts";
import { isKnownAt } from "../domain/user.ts";
import { followDecision } from "../moderating/follow-decision.ts";
import { countFlags, type JudgingDeps } from "../moderating/judge.ts";

type Reviewing = Delivery<{ readonly userId: string; readonly review: Review }>;

/** Lets a decision go on, or takes it back; once, whatever is said of it later. */
export const reviewDecision =
  (deps: JudgingDeps) =>
  async (delivery: Delivery<PayloadOf<typeof ReviewDecision>>): Promise<Outcome<ModerationDecision>> => {
    const { app, payload } = delivery;
    const { userId, decisionId, review } = payload;
    const found = await deps.decisions.find(app, decisionId);
    if (found?.userId !== userId) return refuse(new DomainError("not_found"));
    const row = await said(deps, delivery, found);
    if (row instanceof DomainError) return refuse(row);
    await countFlags(deps, delivery, { userId, at: review.at });
    await tell(deps, delivery, decisionId);
    return reply(ModerationDecision.parse(row));
  };

/** Says the same of all flags against a user, and of what is pending about her. */
export const reviewFlags =
  (deps: JudgingDeps) =>
  async (delivery: Delivery<PayloadOf<typeof ReviewFlags>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload, sentAt } = delivery;
    const { userId, review } = payload;
    const user = await deps.identities.find(app, userId);
    if (!user || !isKnownAt(user, sentAt)) return refuse(new DomainError("not_found"));
    const { verdict, at } = review;
    if (verdict === "reverse") return refuse(new DomainError("invalid_operation"));
    for (const decision of await deps.decisions.ofUser(app, userId)) {
      if (decision.state === "pending" || decision.reviewedBy === id) await said(deps, delivery, decision);
    }
    await deps.flags.settle(
      app,
      userId,
      verdict === "confirm"
        ? { from: ["open"], to: "upheld", at, by: id }
        : { from: ["open", "upheld"], to: "dismissed", at, by: id },
    );
    await countFlags(deps, delivery, { userId, at });
    await deps.moderatedUsers.review(app, userId, review);
    await tell(deps, delivery, null);
    return ack;
  };

/** Counts the flags against a user anew; who is not known any more has none. */
export const countFlagsAnew =
  (deps: JudgingDeps) =>
  async (delivery: Delivery<PayloadOf<typeof CountFlags>>): Promise<Outcome<EmptyReply>> => {
    const { app, payload, sentAt } = delivery;
    const user = await deps.identities.find(app, payload.userId);
    if (user && isKnownAt(user, sentAt)) await countFlags(deps, delivery, payload);
    return ack;
  };

/** One write decides; all else follows from the row, of which the command finds itself the author when it comes again. */
async function said(deps: JudgingDeps, delivery: Reviewing, found: DecisionRow): Promise<DecisionRow | DomainError> {
  let row = found;
  if (row.reviewedBy !== delivery.id) {
    const followed = await followDecision(deps, row, delivery);
    const change = reviewed(followed, delivery.payload.review);
    if (change === null) return pastThat(followed);
    row = await deps.decisions.change(followed, { ...change, reviewedBy: delivery.id });
  }
  return followDecision(deps, row, delivery);
}

const pastThat = ({ state }: DecisionRow): DomainError =>
  new DomainError("invalid_operation", { state }, { message: `the decision is ${state}` });

async function tell({ publisher }: JudgingDeps, cause: Reviewing, decisionId: string | null): Promise<void> {
  const { userId, review } = cause.payload;
  await publisher.emit(
    ModerationReviewed,
    cause.app,
    { userId, decisionId, review },
    { id: `${cause.id}.reviewed`, cause },
  );
}
