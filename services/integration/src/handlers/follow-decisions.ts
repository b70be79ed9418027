import type { ModerationDecisionRequested, PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
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

/** Her calls go with her, also those that wait. */
export const forgetUser =
  ({ calls }: Deps): Handler<PayloadOf<typeof UserDeleted>, never> =>
  async ({ app, payload: { userId } }) => {
    await calls.removeUser(app, userId);
    return ack;
  };
