import type { ModerationDecisionRequested, PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, deletionReport, type Handler, type Publisher } from "@strata/messaging";
import { requestOf } from "../domain/decision.ts";
import { callKey, type CallStore } from "../store/call-store.ts";

interface Deps {
  readonly calls: CallStore;
}

/** Has a decision's backend called, where its policy names a URL. The same row however often the event comes. */
export const followDecision =
  ({ calls }: Deps): Handler<PayloadOf<typeof ModerationDecisionRequested>, never> =>
  async ({ app, id, sentAt, payload }) => {
    const { url, userId, decisionId } = payload;
    if (url === null || url === undefined) return ack;
    const createdAt = sentAt.getTime();
    await calls.insertMissing({
      _id: callKey(app, id),
      app,
      callId: id,
      kind: "moderation.decision_requested",
      url,
      userId,
      decisionId,
      data: requestOf(payload),
      state: "waiting",
      attempts: 0,
      status: null,
      error: null,
      createdAt,
      dueAt: Date.now(),
      holder: "",
      endedAt: null,
    });
    return ack;
  };

interface ForgettingDeps extends Deps {
  readonly publisher: Publisher;
}

/** Her calls go with her, also those that wait. How many there are is told before they go: it is not lost with this process. */
export const forgetUser =
  ({ calls, publisher }: ForgettingDeps): Handler<PayloadOf<typeof UserDeleted>, never> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { userId, at } = payload;
    const report = deletionReport(publisher, "integration", { app, userId, at }, delivery);
    await report.counted({ webhook_calls: await calls.countOfUser(app, userId) });
    await calls.removeUser(app, userId);
    await report.done();
    return ack;
  };
