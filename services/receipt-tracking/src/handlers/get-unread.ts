import type { GetUnread, PayloadOf, ReconcileUnread, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { type UnreadDeps, unreadOf } from "../unread.ts";

export const getUnread =
  (deps: UnreadDeps): Handler<PayloadOf<typeof GetUnread>, ReplyOf<typeof GetUnread>> =>
  async ({ app, payload: { userId } }) =>
    reply(await unreadOf(deps, { app, userId }));

/** Forgets the count and makes a new one. Done again, it finds the new one right. */
export const reconcileUnread =
  (deps: UnreadDeps): Handler<PayloadOf<typeof ReconcileUnread>, ReplyOf<typeof ReconcileUnread>> =>
  async ({ app, payload: { userId } }) => {
    const reader = { app, userId };
    const before = await deps.unread.peek(reader);
    await deps.unread.drop([reader]);
    return reply({ before, after: await unreadOf(deps, reader) });
  };
