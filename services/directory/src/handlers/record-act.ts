import type { EmptyReply, PayloadOf, RecordAct } from "@strata/contracts";
import { ack, deadLetter, type Delivery, type Outcome } from "@strata/messaging";
import type { AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";

interface Deps {
  readonly apps: Pick<AppStore, "find">;
  readonly audit: Pick<AuditStore, "append">;
}

/** Adds what another service did to the log of the app's account. Apps stay known, so one that is not is for a person to look at. */
export const recordAct =
  ({ apps, audit }: Deps) =>
  async ({ app: appId, payload }: Delivery<PayloadOf<typeof RecordAct>>): Promise<Outcome<EmptyReply>> => {
    const app = await apps.find(appId);
    if (!app) return deadLetter("there is no such app");
    await audit.append({ ...payload, accountId: app.accountId, appId });
    return ack;
  };
