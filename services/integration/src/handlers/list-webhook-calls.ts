import type { ListWebhookCalls, PayloadOf, ReplyOf, WebhookCall } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { CallRow, CallStore } from "../store/call-store.ts";

export const listWebhookCalls =
  ({
    calls,
  }: {
    readonly calls: CallStore;
  }): Handler<PayloadOf<typeof ListWebhookCalls>, ReplyOf<typeof ListWebhookCalls>> =>
  async ({ app, payload: { after, limit } }) => {
    const [rows, total] = await Promise.all([calls.list(app, after, limit), calls.count(app)]);
    return reply({ calls: rows && rows.map(callOf), total });
  };

const callOf = ({
  callId,
  kind,
  url,
  state,
  attempts,
  status,
  error,
  createdAt,
  dueAt,
  endedAt,
}: CallRow): WebhookCall => ({
  callId,
  kind,
  url,
  state,
  attempts,
  status,
  error,
  createdAt,
  nextAttemptAt: dueAt,
  endedAt: endedAt && endedAt.getTime(),
});
