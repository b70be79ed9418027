import type { ListApps, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { AppStore } from "../store/app-store.ts";

/** The account's apps, oldest first. */
export const listApps =
  ({ apps }: { readonly apps: AppStore }) =>
  async ({ payload }: Delivery<PayloadOf<typeof ListApps>>): Promise<Outcome<ReplyOf<typeof ListApps>>> =>
    reply({ apps: [...(await apps.list(payload.accountId))] });
