import type { ModerationDecisionRequested, PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, deletionReport, type Handler, type Publisher } from "@strata/messaging";
import { requestOf } from "../domain/decision.ts";
import { callKey, type CallRow, type CallStore } from "../store/call-store.ts";
import type { ForgottenUserStore } from "../store/forgotten-user-store.ts";

interface Deps {
  readonly calls: CallStore;
  readonly forgottenUsers: ForgottenUserStore;
}

/**
 * Has a decision's backend called, where its policy names a URL. The same row however often the event comes, and none once
 * the user is deleted, which comes by another queue: it is looked for before, and behind the row, which it may have missed.
 */
export const followDecision =
  ({ calls, forgottenUsers }: Deps): Handler<PayloadOf<typeof ModerationDecisionRequested>, never> =>
  async ({ app, id, sentAt, payload }) => {
    const { url, userId, at } = payload;
    if (url === null || url === undefined) return ack;
    const isForgotten = (): Promise<boolean> => forgottenUsers.isForgottenSince(app, userId, at);
    if (await isForgotten()) return ack;
    const row = callOf(app, { callId: id, url, createdAt: sentAt.getTime() }, payload);
    await calls.insertMissing(row);
    if (await isForgotten()) await calls.remove(row._id);
    return ack;
  };

const callOf = (
  app: string,
  call: Pick<CallRow, "callId" | "url" | "createdAt">,
  decision: PayloadOf<typeof ModerationDecisionRequested>,
): CallRow => ({
  ...call,
  _id: callKey(app, call.callId),
  app,
  kind: "moderation.decision_requested",
  userId: decision.userId,
  decisionId: decision.decisionId,
  data: requestOf(decision),
  state: "waiting",
  attempts: 0,
  status: null,
  error: null,
  dueAt: Date.now(),
  holder: "",
  endedAt: null,
});

interface ForgettingDeps extends Deps {
  readonly publisher: Publisher;
}

/**
 * Her calls go with her, also those that wait. That she was deleted is remembered first; how many there are is told before they
 * go: it is not lost with this process.
 */
export const forgetUser =
  ({ calls, forgottenUsers, publisher }: ForgettingDeps): Handler<PayloadOf<typeof UserDeleted>, never> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { userId, at } = payload;
    const report = deletionReport(publisher, "integration", { app, userId, at }, delivery);
    await forgottenUsers.add(app, userId, at);
    await report.counted({ webhook_calls: await calls.countOfUser(app, userId) });
    await calls.removeUser(app, userId);
    await report.done();
    return ack;
  };
