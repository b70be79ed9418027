import type { GetApp, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { AppStore } from "../store/app-store.ts";

/** The app of the request, for the account that owns it. */
export const getApp =
  ({ apps }: { readonly apps: AppStore }) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetApp>>): Promise<Outcome<ReplyOf<typeof GetApp>>> => {
    const found = await apps.find(app);
    return reply({ app: found?.accountId === payload.accountId && found.purgedAt == null ? found : null });
  };
