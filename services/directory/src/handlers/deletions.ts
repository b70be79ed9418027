import type { EmptyReply, GetUserDeletion, PayloadOf, ReplyOf, ReportDeletion } from "@strata/contracts";
import { ack, type Handler, reply } from "@strata/messaging";
import type { DeletionStore } from "../store/deletion-store.ts";

interface Deps {
  readonly deletions: DeletionStore;
}

/** Keeps what another service tells of a deletion. */
export const reportDeletion =
  ({ deletions }: Deps): Handler<PayloadOf<typeof ReportDeletion>, EmptyReply> =>
  async ({ app, payload: { userId, at, step, counts, isDone } }) => {
    const deletion = { app, userId, at };
    await deletions.count(deletion, step, counts);
    if (isDone) await deletions.finish(deletion, step, Date.now());
    return ack;
  };

/** The last deletion of a user. */
export const getUserDeletion =
  ({ deletions }: Deps): Handler<PayloadOf<typeof GetUserDeletion>, ReplyOf<typeof GetUserDeletion>> =>
  async ({ app, payload: { userId } }) =>
    reply({ deletion: await deletions.findLast(app, userId) });
