import { closedState, type GetAppOpening, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { AppStore } from "../store/app-store.ts";

/** An app that is not there, or not any more, lets nobody in. */
export const getAppOpening =
  ({
    apps,
  }: {
    readonly apps: Pick<AppStore, "find">;
  }): Handler<PayloadOf<typeof GetAppOpening>, ReplyOf<typeof GetAppOpening>> =>
  async ({ app: appId }) => {
    const app = await apps.find(appId);
    if (app === null) return reply({ isOpen: false, since: 0 });
    return reply({ isOpen: closedState(app) === null && app.purgedAt == null, since: app.reopenedAt ?? app.createdAt });
  };
